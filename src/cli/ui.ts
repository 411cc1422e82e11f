/**
 * Where text goes. stdout carries the result, stderr everything else; under --json all text is dropped,
 * because the one JSON object says it; -q drops what a script need not hear about a success.
 */
import { createPainter, type Painter, wantsColour } from "./colour.ts";
import { LiveLines } from "./live-lines.ts";
import type { OutputStream, World } from "./world.ts";

export interface UiOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  /** False after --no-color. */
  readonly colour: boolean;
}

/** Work shorter than this shows no spinner. */
const BLINK_MS = 300;

export interface Ui {
  readonly json: boolean;
  /** Styles for stdout. */
  readonly paint: Painter;
  /** Styles for stderr. */
  readonly paintError: Painter;
  /** What the user asked to see: always printed. */
  result(lines: readonly string[]): void;
  /** That something was done: dropped by -q. */
  success(lines: readonly string[]): void;
  /** An aside, on stderr: dropped by -q. */
  note(lines: readonly string[]): void;
  /** An error, on stderr: the one kind of text that TIMESKEW_DEBUG=1 prints beside JSON. */
  error(lines: readonly string[]): void;
  /** Shows a spinner while `work` runs, if it runs for longer than a blink and a person watches. */
  working<T>(text: string, work: () => Promise<T>): Promise<T>;
  /** For an aside that changes, on stderr; undefined unless a person watches. */
  live(): LiveLines | undefined;
  /** For a result that changes, on stdout; undefined where it cannot be drawn anew. */
  liveResult(): LiveLines | undefined;
  /** Columns that a result has room for; undefined: as many as it likes. */
  readonly width: number | undefined;
}

export async function createUi(world: World, options: UiOptions): Promise<Ui> {
  const { json, quiet, colour } = options;
  const { stdout, stderr, env } = world;
  const print = (stream: typeof stdout, lines: readonly string[], wanted: boolean) => {
    if (wanted && lines.length > 0) stream.write(`${lines.join("\n")}\n`);
  };
  // A pseudo-terminal may have no width (script, expect), which sends ora into an endless loop.
  const hasWidth = ({ isTTY, columns }: OutputStream) => isTTY === true && (columns ?? 0) > 0;
  const canDraw = (stream: OutputStream) => hasWidth(stream) && env.TERM !== "dumb" && !json;
  const isWatched = () => canDraw(stderr) && !quiet;
  return {
    json,
    paint: await createPainter(!json && wantsColour(stdout, env, colour)),
    paintError: await createPainter(!json && wantsColour(stderr, env, colour)),
    result: (lines) => print(stdout, lines, !json),
    success: (lines) => print(stdout, lines, !json && !quiet),
    note: (lines) => print(stderr, lines, !json && !quiet),
    error: (lines) => print(stderr, lines, !json || env.TIMESKEW_DEBUG === "1"),
    working: (text, work) => (isWatched() ? spin(text, work, wantsColour(stderr, env, colour)) : work()),
    live: () => (isWatched() ? new LiveLines(stderr) : undefined),
    liveResult: () => (canDraw(stdout) ? new LiveLines(stdout) : undefined),
    get width() {
      return hasWidth(stdout) ? stdout.columns : undefined;
    },
  };
}

async function spin<T>(text: string, work: () => Promise<T>, colour: boolean): Promise<T> {
  let finished = false;
  let stop = () => {};
  const timer = setTimeout(async () => {
    const { default: ora } = await import("ora");
    if (finished) return;
    // Hiding the cursor or taking stdin would bring signal handlers with it; Ctrl-C keeps its meaning.
    const color = colour ? "cyan" : false;
    const spinner = ora({ text, color, stream: process.stderr, hideCursor: false, discardStdin: false });
    spinner.start();
    stop = () => spinner.stop();
  }, BLINK_MS);
  try {
    return await work();
  } finally {
    finished = true;
    clearTimeout(timer);
    stop();
  }
}
