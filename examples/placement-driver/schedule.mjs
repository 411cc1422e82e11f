/**
 * What a clock's own readings tell about the windows in which it is wrong. Nothing here is compared with a tolerance: a
 * window begins after the last reading before it and not after the first one in it, however late either was made.
 * All times are in ms, moments since 1970.
 *
 * @typedef {{ own: number, at: number }} Reading what the clock showed, and the true time at which that was known
 * @typedef {{ offset: number, duration: number, every: number }} Schedule
 * @typedef {[after: number, until: number]} Between true time
 * @typedef {{ begin: Between, end?: Between }} Window without an end, it is not over yet
 */

/** Whether a reading was made while the clock was off: nearer to the offset than to the truth. */
export function isOff({ own, at }, { offset }) {
  return Math.abs(own - at - offset) < Math.abs(offset / 2);
}

/** True time of a reading, by the clock's own word and not by when it arrived. */
export function truthOf(reading, schedule) {
  return isOff(reading, schedule) ? reading.own - schedule.offset : reading.own;
}

/**
 * @param {readonly Reading[]} readings of one clock, in order
 * @param {Schedule} schedule
 * @returns {Window[]}
 */
export function windowsOf(readings, schedule) {
  const windows = [];
  for (const [index, reading] of readings.slice(1).entries()) {
    const before = readings[index];
    const between = [truthOf(before, schedule), truthOf(reading, schedule)];
    if (isOff(before, schedule) === isOff(reading, schedule)) continue;
    if (isOff(reading, schedule)) windows.push({ begin: between });
    else if (windows.length > 0) windows.at(-1).end = between;
  }
  return windows;
}

/**
 * When a schedule has begun, if it explains every reading. Each leaves only some beginnings: one that is off must lie in
 * a window, one that is not in none.
 *
 * @param {readonly Reading[]} readings
 * @param {Schedule} schedule with windows of less than half its period
 * @returns {Between | undefined} undefined: nothing is left, or no reading is off
 */
export function beginningOf(readings, schedule) {
  const { duration, every } = schedule;
  const first = readings.find((reading) => isOff(reading, schedule));
  if (first === undefined) return undefined;
  const numberAt = (truth) => Math.round((truth - truthOf(first, schedule)) / every);
  let [after, until] = [-Infinity, Infinity];
  for (const reading of readings.filter((each) => isOff(each, schedule))) {
    const truth = truthOf(reading, schedule);
    const latest = truth - numberAt(truth) * every;
    [after, until] = [Math.max(after, latest - duration), Math.min(until, latest)];
  }
  for (const { own } of readings.filter((each) => !isOff(each, schedule))) {
    const nearest = numberAt(own);
    for (const number of [nearest - 1, nearest, nearest + 1].filter((each) => each >= 0)) {
      const latest = own - number * every; // had it begun then, or less than a window before, this would be off
      if (latest <= after || latest - duration >= until) continue;
      if (latest < until) after = latest;
      else until = latest - duration;
    }
  }
  return after < until ? [after, until] : undefined;
}
