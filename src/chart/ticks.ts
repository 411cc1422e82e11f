/** Axes in units of time: where the ticks are, and what stands at them. */

const US = 1_000n;
const MS = 1_000_000n;
const S = 1_000_000_000n;
const MINUTE = 60n * S;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;

/** 1, 2 and 5 times a unit's powers of ten. */
function decades(unit: bigint, powers: number): bigint[] {
  return Array.from({ length: powers }, (_, power) =>
    [1n, 2n, 5n].map((digit) => digit * unit * 10n ** BigInt(power)),
  ).flat();
}

/** Distances of ticks that people count in, ascending, ns: from 1 ns to 500,000 days. */
export const STEPS: readonly bigint[] = [
  ...decades(1n, 10),
  ...[10n, 15n, 30n].map((count) => count * S),
  ...[1n, 2n, 5n, 10n, 15n, 30n].map((count) => count * MINUTE),
  ...[1n, 2n, 3n, 6n, 12n].map((count) => count * HOUR),
  ...decades(DAY, 6),
];

export interface Tick {
  /** ns. */
  readonly at: bigint;
  readonly label: string;
}

/** The least distance that cuts `span` into at most `most` parts. */
export function stepFor(span: bigint, most: number): bigint {
  return STEPS.find((step) => span <= step * BigInt(most)) ?? STEPS.at(-1)!;
}

/** The multiples of `step` in [low, high], with labels. */
export function ticksBetween(low: bigint, high: bigint, step: bigint, label: Labelling): Tick[] {
  const first = low <= 0n ? -(-low / step) : (low + step - 1n) / step;
  const ats: bigint[] = [];
  for (let at = first * step; at <= high; at += step) ats.push(at);
  const most = ats.reduce((greatest, at) => (abs(at) > greatest ? abs(at) : greatest), 0n);
  return ats.map((at) => ({ at, label: label(at, most) }));
}

/** @param most the greatest magnitude on the axis, which tells the unit; ns */
export type Labelling = (at: bigint, most: bigint) => string;

/** "0", "30s", "1m30s", "1d12h"; below a minute in one unit all along the axis: "0.5s", "1s". */
export const timeLabel: Labelling = (at, most) => {
  if (at === 0n) return "0";
  return `${at < 0n ? "-" : ""}${most >= MINUTE ? compound(abs(at)) : simple(abs(at), most)}`;
};

/** The same with a sign: "+200ms", "0", "-200ms". */
export const offsetLabel: Labelling = (at, most) => `${at > 0n ? "+" : ""}${timeLabel(at, most)}`;

function compound(ns: bigint): string {
  let text = "";
  let rest = ns;
  for (const [name, unit] of [
    ["d", DAY],
    ["h", HOUR],
    ["m", MINUTE],
  ] as const) {
    if (rest >= unit) text += `${rest / unit}${name}`;
    rest %= unit;
  }
  return rest === 0n ? text : `${text}${simple(rest, rest)}`;
}

function simple(ns: bigint, most: bigint): string {
  const [name, unit]: [string, bigint] =
    most >= S ? ["s", S] : most >= MS ? ["ms", MS] : most >= US ? ["µs", US] : ["ns", 1n];
  const fraction = String(unit + (ns % unit))
    .slice(1)
    .replace(/0+$/, "");
  return `${ns / unit}${fraction === "" ? "" : `.${fraction}`}${name}`;
}

function abs(ns: bigint): bigint {
  return ns < 0n ? -ns : ns;
}
