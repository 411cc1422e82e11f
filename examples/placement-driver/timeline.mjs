/** What both have shown, as lanes. */

/**
 * @param {import("../support/timeline.mjs").Timeline} timeline
 * @param {{ monitor, bank, commands }} play
 */
export function drawPlay(timeline, { monitor, bank, commands }, atMonitor, atBank) {
  const watched = timeline.lane("monitor", { unit: "s" });
  const start = bank.readings[0].from;
  for (const { at, own } of monitor.readings.filter((each) => each.at >= start)) watched.offset(at, own - at);
  for (const { at } of monitor.jumps) watched.event(at, "system time jump backward", "bad");
  drawWindows(watched, atMonitor);

  const clock = timeline.lane("bank", { unit: "s" });
  for (const { from, at, own } of bank.readings) clock.offset(at, own - (from + at) / 2);
  for (const { at } of atBank.back) clock.event(at, "now() goes back", "bad");
  drawWindows(clock, atBank);

  const lanes = new Map([
    [monitor, watched],
    [bank, clock],
  ]);
  for (const { whom, from, to, name } of commands) lanes.get(whom).span(from, to, name, "info");

  const sum = timeline.lane("sum of all accounts", { unit: "coins" });
  for (const reading of bank.readings) sum.value(reading.at, reading.sum);
  const pace = timeline.lane("transfers", { unit: "per second" });
  for (const [at, perSecond] of paces(bank.readings)) pace.value(at, perSecond);
}

function drawWindows(lane, { windows }) {
  for (const { begin, end } of windows) if (end) lane.span(begin[1], end[1], "−600 s", "skew");
}

/** Transfers per second, of each second or so. */
function paces(readings) {
  let first = readings[0];
  const points = [[first.at, 0]];
  for (const reading of readings) {
    const ms = reading.at - first.at;
    if (ms < 1000) continue;
    points.push([first.at, (1000 * (reading.transfers - first.transfers)) / ms]);
    first = reading;
  }
  const [, last] = points.at(-1);
  return [...points, [first.at, last]];
}
