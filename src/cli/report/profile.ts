/** A skew that changes by itself, in words: where it is now, how it moves, and what comes next. */
import { formatDuration } from "../../skew/duration.ts";
import type { RunningProfile, Skew } from "../../types.ts";
import { escapeText } from "./escape.ts";
import { skewWords } from "./skew.ts";

const NS_PER_S = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

/** Rates nearer to 1 than this are 1 but for what a division left: 0.1 ppb. */
const NO_RATE = 1e-10;
/** Rates as near as this are told as what is gained or lost. */
const DRIFT = 0.01;

/** "10m behind", "2.5s ahead, drifting by +200ppm": what the clock does just now. */
export function doingWords({ offset, profile }: Skew): string {
  if (profile === undefined) return skewWords(offset);
  if (profile.phase === "ended") return "on the true time, its duration being over";
  if (profile.phase === "paused") return "on the true time, between two turns";
  const where = offset === 0n ? "on the true time" : skewWords(roundOffset(offset));
  return [where, ...movements(profile)].join(", ");
}

function movements({ phase, rate, text }: RunningProfile): string[] {
  if (phase === "waiting") return [];
  const moves = rateWords(rate);
  return [...(moves === undefined ? [] : [moves]), ...KINDS.flatMap((kind) => kind(text))];
}

function rateWords(rate: number): string | undefined {
  if (isTrueRate(rate)) return undefined;
  if (rate === 0) return "standing still";
  if (Math.abs(rate - 1) <= DRIFT) return `drifting by ${ppm(rate)}`;
  if (rate < 0) return `running backwards at ${figure(-rate)} times the true rate`;
  return `running at ${figure(rate)} times the true rate`;
}

/** What a rate does not tell, from the verbs that the profile is made of. */
const KINDS: readonly ((text: string) => string[])[] = [
  (text) => words(text, /--jitter (\S+)/, ([by]) => `with a jitter of ${by}`),
  (text) =>
    words(
      text,
      /--strobe (\S+) --period (\S+)/,
      ([by, time]) => `going forth and back by ${by}, ${time} each`,
    ),
  (text) => words(text, /--leap (insert|delete)/, ([kind]) => `with a leap second (${kind})`),
  (text) => words(text, /--keyframes \((\d+ frames?)\)/, ([frames]) => `along ${frames}`),
];

function words(text: string, pattern: RegExp, say: (values: string[]) => string): string[] {
  const found = pattern.exec(text);
  return found === null ? [] : [escapeText(say(found.slice(1)))];
}

/** "+200ppm", "×2", "0": a table's cell. */
export function rateCell(rate: number): string {
  if (isTrueRate(rate)) return "×1";
  return rate !== 0 && Math.abs(rate - 1) <= DRIFT ? ppm(rate) : `×${figure(rate)}`;
}

function isTrueRate(rate: number): boolean {
  return Math.abs(rate - 1) < NO_RATE;
}

/** "+200ppm", to a tenth of a ppb. */
function ppm(rate: number): string {
  const value = Number(((rate - 1) * 1e6).toFixed(4));
  return `${value > 0 ? "+" : ""}${value}ppm`;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** The verbs, and what comes next: what an offset does not tell. */
export function profileLines({ profile }: Skew): string[] {
  if (profile === undefined) return [];
  const next = nextWords(profile);
  return [escapeText(profile.text), ...(next === undefined ? [] : [next])];
}

/** "ends in 8s"; undefined if it goes on like this for ever. */
export function nextWords({ phase, next }: RunningProfile): string | undefined {
  if (next === undefined) return undefined;
  const words = `${next.what} in ${formatSpan(next.in)}`;
  return phase === "paused" ? `paused, ${words}` : words;
}

/** How long it takes until something happens: no finer than a person follows. */
export function formatSpan(ns: bigint): string {
  if (ns <= 0n) return "0s";
  const unit = ns >= 10n * NS_PER_S ? NS_PER_S : ns >= NS_PER_S ? 100n * NS_PER_MS : NS_PER_MS;
  return ns < unit ? `<${formatDuration(unit)}` : formatDuration(((ns + unit / 2n) / unit) * unit);
}

/** Of an offset that changes meanwhile the last digits tell nothing: to the ms, or to four figures. */
export function roundOffset(ns: bigint): bigint {
  const size = ns < 0n ? -ns : ns;
  const unit = size >= NS_PER_S ? NS_PER_MS : 10n ** BigInt(Math.max(0, size.toString().length - 4));
  const rounded = ((size + unit / 2n) / unit) * unit;
  return ns < 0n ? -rounded : rounded;
}

/** An offset as a table's cell: exact, unless it changes. */
export function offsetCell({ offset, profile }: Skew): string {
  return formatDuration(profile === undefined ? offset : roundOffset(offset));
}
