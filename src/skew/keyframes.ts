/**
 * Key frames from a file: when, counted from the beginning, and by how much the clock is off then. Linear in between; two
 * at one time are a step.
 *
 *     elapsed, offset                CSV; this line may be left out, # begins a comment
 *     0s, 0s
 *     1m, 250ms
 *
 *     [{ "elapsed": "0s", "offset": "0s" }, ["1m", "250ms"]]        JSON, as objects or pairs
 */
import { TimeskewError } from "../errors.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import { type Frame, MAX_FRAMES, MAX_OFFSET } from "./profile.ts";

/** Far more than MAX_FRAMES take. */
const MAX_LENGTH = 1_000_000;
const PAIR = "each has two durations, elapsed and offset, for example 1m,250ms";

/**
 * @param name of the file, for messages
 * @throws TimeskewError E_USAGE, with the line (of JSON: which entry) and what was found there
 */
export function parseKeyframes(text: string, name: string): Frame[] {
  if (text.length > MAX_LENGTH) throw tooMany(name);
  const content = text.replace(/^\ufeff/, "");
  return readEntries(/^\s*[[{]/.test(content) ? jsonEntries(content, name) : csvEntries(content, name), name);
}

/**
 * The same of values as JSON has them, whose durations may be bigints of ns as well.
 *
 * @throws TimeskewError E_USAGE
 */
export function framesOf(values: readonly unknown[], name: string): Frame[] {
  return readEntries(entriesOf(values, name), name);
}

function readEntries(entries: readonly Entry[], name: string): Frame[] {
  if (entries.length > MAX_FRAMES) throw tooMany(name);
  const frames = entries.map(readEntry);
  checkOrder(frames, name, (index) => entries[index]!.where);
  return frames;
}

/** @throws TimeskewError E_USAGE for frames that are no course: as `parseKeyframes` refuses them */
export function checkFrames(frames: readonly Frame[], name: string): void {
  if (frames.length > MAX_FRAMES) throw tooMany(name);
  checkOrder(frames, name, (index) => `${name}: frame ${index + 1}`);
}

/** One key frame as it is written. */
interface Entry {
  readonly where: string;
  readonly elapsed: unknown;
  readonly offset: unknown;
}

function csvEntries(text: string, name: string): Entry[] {
  const entries: Entry[] = [];
  let isFirst = true;
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const content = line.replace(/#.*$/, "").trim();
    if (content === "") continue;
    const where = `${name}: line ${index + 1}`;
    const cells = content.split(",").map(unquote);
    if (isFirst && isHeader(where, cells)) {
      isFirst = false;
      continue;
    }
    isFirst = false;
    if (cells.length !== 2) throw refusal(where, `${quote(content)} is not two durations`, PAIR);
    entries.push({ where, elapsed: cells[0], offset: cells[1] });
    if (entries.length > MAX_FRAMES) throw tooMany(name);
  }
  return entries;
}

/** Whether it names columns. @throws TimeskewError E_USAGE if it names others */
function isHeader(where: string, cells: readonly string[]): boolean {
  if (!cells.every((cell) => /^[a-z_ ]+$/i.test(cell))) return false;
  const names = cells.join(",");
  if (/^(?:elapsed|time|at),offset$/i.test(names)) return true;
  throw refusal(where, `the columns are ${quote(names)}`, "the columns are elapsed,offset, in this order");
}

function unquote(cell: string): string {
  const trimmed = cell.trim();
  return /^"[^"]*"$/.test(trimmed) ? trimmed.slice(1, -1).trim() : trimmed;
}

function jsonEntries(text: string, name: string): Entry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw notJson(text, name, cause as SyntaxError);
  }
  if (!Array.isArray(value)) {
    throw refusal(name, "the JSON is not an array", 'for example [["0s", "0s"], ["1m", "250ms"]]');
  }
  return entriesOf(value, name);
}

function entriesOf(values: readonly unknown[], name: string): Entry[] {
  return values.map((entry: unknown, index) => jsonEntry(entry, `${name}: entry ${index + 1}`));
}

function jsonEntry(entry: unknown, where: string): Entry {
  if (Array.isArray(entry) && entry.length === 2) return { where, elapsed: entry[0], offset: entry[1] };
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw refusal(where, `${describe(entry)} is no key frame`, PAIR);
  }
  const unknown = Object.keys(entry).find((key) => key !== "elapsed" && key !== "offset");
  if (unknown !== undefined) {
    throw refusal(where, `unknown key ${quote(unknown)}`, "the keys are elapsed and offset");
  }
  const { elapsed, offset } = entry as Partial<Entry>;
  return { where, elapsed, offset };
}

function notJson(text: string, name: string, cause: SyntaxError): TimeskewError {
  const position = /position (\d+)/.exec(cause.message)?.[1];
  const line = position === undefined ? "" : `: line ${text.slice(0, Number(position)).split("\n").length}`;
  return refusal(
    `${name}${line}`,
    "not JSON, although it begins like it",
    "check its commas, quotes and brackets",
    cause,
  );
}

function readEntry({ where, elapsed, offset }: Entry): Frame {
  return { at: duration(where, "elapsed", elapsed), offset: duration(where, "offset", offset) };
}

function duration(where: string, what: string, value: unknown): bigint {
  if (value === undefined || value === "") throw refusal(where, `${what} is missing`, PAIR);
  if (value === 0) return 0n;
  if (typeof value === "bigint") return value;
  if (typeof value !== "string") {
    const hint = typeof value === "number" ? `did you mean "${value}s"?` : PAIR;
    throw refusal(where, `${what} is ${describe(value)}, not a duration`, hint);
  }
  try {
    return parseDuration(value);
  } catch (error) {
    if (!(error instanceof TimeskewError)) throw error;
    throw refusal(where, `${what}: ${error.message}`, error.hint ?? PAIR, error);
  }
}

function checkOrder(frames: readonly Frame[], name: string, where: (index: number) => string): void {
  if (frames.length === 0) throw refusal(name, "no key frame in it", PAIR);
  for (const index of frames.keys()) {
    const found = problemAt(frames, index);
    if (found !== undefined) throw refusal(where(index), ...found);
  }
  if (frames.length === 1) {
    const hint = `use --offset ${formatDuration(frames[0]!.offset)}`;
    throw refusal(name, "only one key frame, which is an offset that stays", hint);
  }
}

/** What is wrong with a frame where it is, and what to do. */
function problemAt(frames: readonly Frame[], index: number): [problem: string, hint: string] | undefined {
  const { at, offset } = frames[index]!;
  const [last, beforeLast] = [frames[index - 1], frames[index - 2]];
  const time = formatDuration(at);
  if (last === undefined && at !== 0n) {
    return [`the first key frame is at ${time}`, "it must be at 0s, where the skew begins"];
  }
  if (last !== undefined && at < last.at) {
    return [`${time} comes after ${formatDuration(last.at)}`, "key frames must be in the order of time"];
  }
  if (beforeLast?.at === at)
    return [`three key frames at ${time}`, "two are a step; leave out the middle one"];
  const far = [at, offset].find((value) => value <= -MAX_OFFSET || value >= MAX_OFFSET);
  return far === undefined ? undefined : [`${formatDuration(far)} is out of range`, "the limit is 146 years"];
}

function tooMany(name: string): TimeskewError {
  return refusal(
    name,
    `more than ${MAX_FRAMES} key frames`,
    "there is no room for more in a target; thin them out",
  );
}

/** Of JSON, which may be nested deeper than it could be printed. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : quote(String(value));
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

function refusal(where: string, problem: string, hint: string, cause?: unknown): TimeskewError {
  return new TimeskewError("E_USAGE", `${where}: ${problem}`, { hint, cause });
}
