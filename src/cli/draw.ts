/** `timeskew preview`: a chart of what verbs would do to a clock; no process is looked at. */
import { horizonOf } from "../chart/horizon.ts";
import { type Picture, pictureOf } from "../chart/picture.ts";
import type { Subject } from "../chart/subject.ts";
import { svgChart } from "../chart/svg.ts";
import { MIN_WIDTH } from "../chart/terminal.ts";
import { TimeskewError } from "../errors.ts";
import { type ClockName, clockOf, parseClocks } from "../skew/clock.ts";
import { formatDuration, parseDuration } from "../skew/duration.ts";
import { checkClocks, type Shape, shapeOf, type Verbs } from "../skew/verbs.ts";
import type { Outcome, Session } from "./command.ts";
import type { Flags } from "./flags.ts";
import { doingSentence } from "./report/doing.ts";
import { escapeText } from "./report/escape.ts";
import { backwardNotes } from "./report/monotone.ts";
import { previewJson, previewLines } from "./report/preview.ts";
import { clockSettings, usageError } from "./settings.ts";
import { givenVerbs } from "./verbs.ts";
import type { World } from "./world.ts";

const USUAL_WIDTH = 80;
const MAX_WIDTH = 1000;
/** Of less, the axis could not be labelled; ns. */
const SHORTEST = 1_000n;
const LONGEST = 2n ** 62n;

const WRITE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  ENOTDIR: "there is no such folder",
  EISDIR: "that is a folder",
  EACCES: "not permitted",
};

/** What `timeskew preview` does; loaded only then, with the charts. */
export async function drawPreview(session: Session, flags: Flags): Promise<Outcome> {
  const { world } = session;
  checkOutput(flags);
  const width = widthOf(flags, world);
  const { verbs } = givenVerbs(flags, "preview", world);
  const { selection } = clockSettings(flags);
  checkClocks(verbs, selection);
  const shape = shapeOf(verbs, { realtime: world.now() + verbs.startIn, offset: 0n });
  const clock = firstClock(flags);
  const subject = { ...shape, clock: clockOf(clock).id, begin: verbs.startIn };
  const picture = pictureOf(subject, horizon(flags, subject), {
    title: titleOf(verbs, shape, flags),
    words: doingSentence(verbs, shape),
  });
  const notes = backwardNotes(verbs, shape, selection);
  show(session, flags, picture, { width, notes });
  const file = flags.output;
  return { targets: [], extra: { clock, ...previewJson(picture, notes), file } };
}

/** Prints the chart, or writes it. With --json, the object that follows says it all. */
function show(
  { ui, world }: Session,
  flags: Flags,
  picture: Picture,
  { width, notes }: { width: number; notes: readonly string[] },
): void {
  const file = flags.output;
  if (file === undefined) {
    ui.result(previewLines(picture, { width, notes, unicode: showsUnicode(world.env) }, ui.paint));
    return;
  }
  const svg = svgChart(picture);
  if (file === "-") world.stdout.write(svg);
  else {
    write(file, svg, world);
    ui.success([`${ui.paint.green("✔")} ${escapeText(file)} (${kilobytes(svg)} KB): ${picture.words}`]);
  }
  ui.note(notes);
}

function write(file: string, svg: string, world: World): void {
  try {
    world.writeFile(file, svg);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = WRITE_ERRORS[code ?? ""] ?? message;
    throw new TimeskewError("E_FAILED", `${file} could not be written: ${reason}`, {
      hint: "name a file in a folder that exists and that you may write to",
      cause: error,
    });
  }
}

function checkOutput({ output, json }: Flags): void {
  if (output === "-" && json) {
    throw usageError("--json and an SVG on stdout exclude each other", "write it to a file: -o chart.svg");
  }
  if (output === undefined || output === "-" || /\.svg$/i.test(output)) return;
  const meant = isDuration(output) ? `did you mean --offset ${output}?` : `for example -o ${output}.svg`;
  throw usageError(`-o ${output}: only files whose names end in .svg are written`, meant);
}

function isDuration(text: string): boolean {
  return /^[+-]?[\d.]+[a-zµμ]/.test(text);
}

function widthOf({ width }: Flags, { stdout }: World): number {
  if (width === undefined) return Math.min(Math.max(stdout.columns || USUAL_WIDTH, MIN_WIDTH), MAX_WIDTH);
  const columns = /^\d+$/.test(width) ? Number(width) : 0;
  if (columns >= MIN_WIDTH && columns <= MAX_WIDTH) return columns;
  throw usageError(`--width ${width}: not a width`, `a whole number from ${MIN_WIDTH} to ${MAX_WIDTH}`);
}

/** The right edge, ns from now. */
function horizon(flags: Flags, subject: Subject): bigint {
  if (flags.for === undefined) return horizonOf(subject);
  const length = parseDuration(flags.for);
  if (length >= SHORTEST && subject.begin + length < LONGEST) return subject.begin + length;
  throw usageError(`--for ${flags.for}: out of range`, "a chart shows from 1us to 146 years");
}

/** Whose offset is drawn. */
function firstClock({ clock = [] }: Flags): ClockName {
  return parseClocks(clock)[0]!;
}

/** The verbs, as far as they are not the usual ones. */
function titleOf({ startIn, text }: Verbs, { profile }: Shape, { clock }: Flags): string {
  const later = startIn === 0n ? "" : ` --start-in ${formatDuration(startIn)}`;
  const which = clock === undefined ? "" : ` --clock ${parseClocks(clock).join(",")}`;
  return `${profile?.text ?? text}${later}${which}`.trimStart();
}

/** Whether the reader's locale has more than ASCII, and the terminal characters for it. */
function showsUnicode({ LC_ALL, LC_CTYPE, LANG, TERM }: World["env"]): boolean {
  // The kernel's own console knows only 512 characters.
  return TERM !== "linux" && /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

function kilobytes(text: string): string {
  return (Buffer.byteLength(text) / 1000).toFixed(1);
}
