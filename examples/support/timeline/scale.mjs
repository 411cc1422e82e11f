/** Numbers on axes: where the ticks are, and what stands at them. */

const MS = { ns: 1e-6, µs: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, y: 365.25 * 86400e3 };

/** The unit in which people say so many ms: seconds up to two hours, as offsets are written. */
export function unitFor(ms) {
  const most = Math.abs(ms);
  if (most >= 2 * MS.y) return "y";
  if (most >= 2 * MS.d) return "d";
  if (most >= 2 * MS.h) return "h";
  return ["s", "ms", "µs"].find((unit) => most >= MS[unit]) ?? "ns";
}

/** A unit of time in ms. @throws TypeError for what is none */
export function msOf(unit) {
  const ms = MS[unit === "us" ? "µs" : unit];
  if (ms === undefined) throw new TypeError(`not a unit of time: ${unit}`);
  return ms;
}

/**
 * Multiples of 1, 2 or 5 times a power of ten in [low, high], at most `most` distances of them.
 *
 * @returns {{ at: number, label: string }[]}
 */
export function niceTicks(low, high, most, unit) {
  const step = niceStep((high - low) / most);
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const at = rounded((first + index) * step, 12);
    return { at, label: quantity(at, unit) };
  });
}

/** The extremes and zero; an extreme near zero is left out. */
export function extremeTicks(low, high, unit) {
  const near = 0.3 * (high - low);
  const ends = [low, high].filter((end) => Math.abs(end) > near).map((end) => rounded(end, 2));
  return [0, ...ends].map((at) => ({ at, label: quantity(at, unit) }));
}

/** Of offsets, those ahead too. */
export function signed(ticks) {
  return ticks.map(({ at, label }) => ({ at, label: at > 0 ? `+${label}` : label }));
}

function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((digit) => digit * power >= least * (1 - 1e-9)) ?? 10);
}

export function rounded(number, digits) {
  return Number(number.toPrecision(digits));
}

/** "−1,200 ms", "0": with a true minus, thousands apart, and no digits that only rounding made. */
export function quantity(number, unit = "") {
  if (number === 0) return "0";
  const magnitude = Math.abs(rounded(number, 12));
  const isPlain = magnitude < 1e12 && magnitude >= 1e-6;
  const text = isPlain
    ? magnitude.toLocaleString("en", { maximumFractionDigits: 12 })
    : magnitude.toExponential(2).replace("e+", "e");
  return `${number < 0 ? "−" : ""}${text}${unit && ` ${unit}`}`;
}
