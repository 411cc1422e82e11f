/** The vertical axes of the lanes, and which lanes share one. */
import { extremeTicks, msOf, niceTicks, quantity, signed, unitFor } from "./scale.mjs";

/** Of an axis, between its ticks. */
const MOST_PARTS = { clocks: 4, values: 3 };

/**
 * @typedef {{ low: number, high: number, ticks: { at: number, label: string }[] }} Axis in the unit of its lanes
 * @typedef {{ points: [at: number, value: number][], axis?: Axis }} Quantity of a lane, in the unit of its axis; without an
 *   axis it has none
 */

/**
 * Lanes with the same unit have the same scale, so that they can be compared; values without a unit have their own.
 *
 * @param {readonly import("../timeline.mjs").LaneModel[]} lanes
 * @returns {Quantity[]}
 */
export function quantities(lanes) {
  const groups = new Map();
  for (const [index, lane] of lanes.entries()) {
    const key = isClock(lane) ? `clock ${lane.unit ?? ""}` : `value ${lane.unit ?? index}`;
    groups.set(key, [...(groups.get(key) ?? []), lane]);
  }
  const found = new Map([...groups.values()].flatMap((group) => [...shared(group)]));
  return lanes.map((lane) => found.get(lane));
}

export function isClock({ offsets }) {
  return offsets.length > 0;
}

function shared(lanes) {
  return isClock(lanes[0]) ? clocks(lanes) : values(lanes);
}

function clocks(lanes) {
  const [least, most] = bounds(lanes.map(({ offsets }) => offsets));
  const unit = lanes[0].unit ?? unitFor(Math.max(-least, most));
  const ms = msOf(unit);
  const axis = clockAxis(Math.min(0, least / ms), Math.max(0, most / ms), unit === "us" ? "µs" : unit, lanes);
  return lanes.map((lane) => [lane, { axis, points: lane.offsets.map(([at, offset]) => [at, offset / ms]) }]);
}

/** Where it stays for a while, that is told; where it moves on, round numbers are. */
function clockAxis(low, high, unit, lanes) {
  if (low === high) return around(0, unit);
  const isStepwise = lanes.every(({ line }) => line === "steps");
  const ticks = isStepwise ? extremeTicks(low, high, unit) : niceTicks(low, high, MOST_PARTS.clocks, unit);
  return { low, high, ticks: signed(ticks) };
}

function values(lanes) {
  const [low, high] = bounds(lanes.map((lane) => lane.values));
  const { unit } = lanes[0];
  const isFlat = high - low <= 1e-9 * Math.max(Math.abs(low), Math.abs(high));
  const axis = isFlat
    ? around(low, unit)
    : { low, high, ticks: niceTicks(low, high, MOST_PARTS.values, unit) };
  return lanes.map((lane) => [lane, lane.values.length > 0 ? { axis, points: lane.values } : { points: [] }]);
}

function bounds(series) {
  const all = series.flat().map(([, value]) => value);
  return [all.reduce((a, b) => Math.min(a, b), Infinity), all.reduce((a, b) => Math.max(a, b), -Infinity)];
}

/** Of what is always the same: it is in the middle. */
function around(value, unit) {
  const room = Math.abs(value) || 1;
  return { low: value - room, high: value + room, ticks: [{ at: value, label: quantity(value, unit) }] };
}
