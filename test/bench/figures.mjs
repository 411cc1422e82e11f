/** The tables of the page beside this and of the README, as Markdown, from a report. Pure. */
import { machineWords } from "./charts.mjs";
import { grouped, milliseconds, plural } from "./table.mjs";

/** @typedef {import("./shape.mjs").Report} Report */

/** So many verdicts are told one by one. */
const FEW = 3;

/**
 * One text for each place in a page, by its name; of the parts that were measured.
 *
 * @param {Report} report
 * @returns {Map<string, string>}
 */
export function figures(report) {
  const { reads, profiles, waits, pause, whole, start, memory, update, sets, aims } = report;
  const all = new Map([["machine", machineSentences(report)]]);
  if (reads) all.set("reads", readsTable(reads));
  if (profiles) all.set("profiles", profilesTable(profiles));
  if (waits) all.set("waits", waitsTable(waits));
  if (pause) all.set("stops", stopsTable(pause));
  if (start && whole) all.set("commands", commandsTable(start, whole));
  if (update) all.set("update", updateTable(update));
  if (memory) all.set("memory", memoryTable(memory));
  if (sets) all.set("sets", setsTable(sets));
  if (aims.length > 0) all.set("aims", aimsTable(aims));
  if (reads && pause && start && update && memory) all.set("essence", essenceTable(report));
  return all;
}

/** What it was measured on, and whether that was busy with something else. */
function machineSentences({ date, machine, length, reads, start }) {
  const { clocksource, node } = machine;
  const day = `${date.slice(0, 10)}${length === "quick" ? ", a few rounds (`--quick`)" : ""}`;
  const isNoisy = start?.noisy || reads?.functions.some(({ noisy }) => noisy);
  return [
    `Measured on ${day}: ${machineWords(machine)}, clocksource ${clocksource}, Node ${node.slice(1)}.`,
    ...(isNoisy ? ["The machine was busy with other work: trust the ratios only."] : []),
  ].join(" ");
}

const RIVALS = [
  { key: "faketime", name: "libfaketime" },
  { key: "faketimeThreads", name: "the same, for threads" },
  { key: "percall", name: "a system call per read" },
];

function readsTable({ functions, faketime }) {
  const nameOf = ({ key, name }) => (key === "faketime" ? [name, ...faketime].join(" ") : name);
  const rivals = RIVALS.filter(({ key }) => functions.every(({ ns }) => key in ns));
  const shown = functions.filter(({ name, command }) => command !== "clock_getres" && !name.includes(","));
  return table(
    ["a read of", "plain", "skewed", "not selected", ...rivals.map(nameOf)],
    shown.map(({ name, ns, ratios }) => [
      `\`${name}\``,
      `${figure(ns.untouched.median)} ns`,
      change(ratios.skewed.median, ns.skewed.median - ns.untouched.median, "ns"),
      change(ratios.notSelected.median, ns.notSelected.median - ns.untouched.median, "ns"),
      ...rivals.map(({ key }) => times(ratios[key].median)),
    ]),
  );
}

function profilesTable({ kinds, untouched }) {
  const shown = ["CLOCK_REALTIME", "CLOCK_MONOTONIC", "gettimeofday", "CLOCK_REALTIME_COARSE", "time"];
  const columns = shown.map((name) => untouched.findIndex((each) => each.function === name));
  return table(
    ["× plain, under", ...shown.map((name) => `\`${name}\``)],
    kinds.map(({ flag, cells }) => [flag, ...columns.map((f) => cells[f].ratio.median.toFixed(2))]),
  );
}

function waitsTable({ calls }) {
  return table(
    ["a call with a time in it", "untouched", "translated", "clock not selected"],
    calls.map(({ words, cpu, wall, ratios }) => [
      words,
      `${micro(wall.untouched.median)} µs`,
      change(ratios.translated.median, cpu.translated.median - cpu.untouched.median, "ns"),
      times(ratios.notSelected.median),
    ]),
  );
}

function micro(ns) {
  return Number((ns / 1000).toPrecision(2));
}

function stopsTable(pauses) {
  return table(
    ["the target stands still for", "inject", "with `--no-waits`", "recover", "attaching one by one"],
    pauses.map(({ threads, activity, inject, bare, recover, sequential }) => [
      `${plural(threads, "thread")}, ${threads === 1 ? "" : "all "}${activity === "sleep" ? "asleep" : "reading the clock"}`,
      ms(inject.median),
      ms(bare.median),
      ms(recover.median),
      sequential === undefined ? "–" : ms(sequential.median),
    ]),
  );
}

function commandsTable({ node, commands }, whole) {
  const shown = { inject: "first", noWaits: "first, `--no-waits`", update: "change" };
  const of = (key) => commands.find((each) => each.key === key);
  const cells = ({ wall, wallRatio }) => [ms(wall.median), times(wallRatio.median)];
  return table(
    ["a whole command", "time", "÷ `node -e 0`"],
    [
      ["`node -e 0`", ms(node.wall.median), ""],
      ...Object.entries(shown).map(([key, words]) => [`\`inject\`, ${words}`, ...cells(of(key))]),
      ["`recover`", ...cells(of("recover"))],
      ["`run -- true`", ...cells(of("run"))],
      ...whole
        .filter(({ threads }) => threads > 1)
        .map(({ threads, inject, node }) => [
          `\`inject\`, first, ${plural(threads, "thread")}`,
          ms(inject.median),
          times(inject.median / node.median),
        ]),
    ],
  );
}

function updateTable(updates) {
  return table(
    ["a change of the skew of", "takes", "the target is stopped for", "times that one of its threads ran"],
    updates.map(({ threads, time, pauseNs, switches }) => [
      plural(threads, "thread"),
      ms(time.median),
      pauseNs === 0 ? "0" : ms(pauseNs),
      grouped(switches),
    ]),
  );
}

function memoryTable(memory) {
  return table(
    ["memory, by what is skewed", "address space", "pages of its own", "after recovery", "pages of its own"],
    memory.map(({ name, before, during, after }) => [
      name,
      ...[during, after].flatMap(({ size, dirty }) => [kib(size - before.size), kib(dirty - before.dirty)]),
    ]),
  );
}

function kib(difference) {
  return difference === 0 ? "as before" : `+${difference} KiB`;
}

function setsTable({ sizes }) {
  return table(
    ["a set of", "inject", "change", "inject a profile", "recover", "longest stop of any: inject, recover"],
    sizes.map(({ processes, commands }) => [
      plural(processes, "process", "processes"),
      ...["inject", "update", "profile", "recover"].map((key) => seconds(commands[key].wall.median)),
      `${ms(commands.inject.longest.median)}, ${ms(commands.recover.longest.median)}`,
    ]),
  );
}

/** Few enough for a line. */
const ESSENTIAL_THREADS = [1, 64, 10_000];

/** What somebody wants to know before they try it: a line for each cost, with that of the others where they have it. */
function essenceTable({ reads, pause, start, update, memory }) {
  const { ns, ratios } = reads.functions.find(({ name }) => name === "CLOCK_REALTIME");
  const rivals = RIVALS.filter(({ key }) => key in ratios).map(
    ({ key, name }) =>
      `${[name, ...(key === "faketime" ? reads.faketime : [])].join(" ")} ${times(ratios[key].median)}`,
  );
  const stops = pause.filter(
    ({ threads, activity }) => activity === "sleep" && ESSENTIAL_THREADS.includes(threads),
  );
  const command = (key) => ms(start.commands.find((each) => each.key === key).wall.median);
  const [plainest] = memory;
  return table(
    ["what it costs", "measured"],
    [
      [
        "a read of `CLOCK_REALTIME`",
        `${figure(ns.untouched.median)} ns untouched; skewed ${times(ratios.skewed.median)} (${rivals.join(", ")})`,
      ],
      ["the same, where another clock is skewed", times(ratios.notSelected.median)],
      [
        "the target stands still, once, at the injection",
        stops
          .map(({ threads, inject }) => `${ms(inject.median)} with ${plural(threads, "thread")}`)
          .join(", "),
      ],
      ["a change of the skew", update.every(({ pauseNs }) => pauseNs === 0) ? "no stop" : stopOf(update)],
      [
        "a whole command",
        `\`inject\` ${command("inject")}, \`recover\` ${command("recover")}; \`node -e 0\` alone takes ${ms(start.node.wall.median)}`,
      ],
      ["memory of the target", `${kib(plainest.during.size - plainest.before.size)} while it is skewed`],
    ],
  );
}

function stopOf(updates) {
  return `a stop of ${ms(Math.max(...updates.map(({ pauseNs }) => pauseNs)))}`;
}

/** A row for each aim and outcome: of whom, what was seen, and why it is not more. */
function aimsTable(aims) {
  const rows = new Map();
  for (const verdict of aims) {
    const key = JSON.stringify([verdict.group, verdict.aim, verdict.met ? "met" : "**missed**"]);
    rows.set(key, [...(rows.get(key) ?? []), verdict]);
  }
  const order = [...rows.keys()].toSorted((a, b) => firstOf(aims, a) - firstOf(aims, b));
  return table(
    ["what", "aimed at", "", "seen"],
    order.map((key) => [...JSON.parse(key), seenOf(rows.get(key))]),
  );
}

/** Where a group begins: what it met and what it missed stand together. */
function firstOf(aims, key) {
  const [group] = JSON.parse(key);
  return aims.findIndex((each) => each.group === group);
}

/** One by one; of many, the range, and the reason of the first. */
function seenOf(verdicts) {
  const reason = ({ why }) => (why === undefined ? "" : ` (${why})`);
  if (verdicts.length <= FEW)
    return verdicts.map((each) => `${each.who} ${each.seen}${reason(each)}`).join("; ");
  const sorted = verdicts.toSorted((a, b) => a.value - b.value);
  const range = `${sorted[0].seen} to ${sorted.at(-1).seen}`;
  return `${verdicts.map(({ who }) => who).join(", ")}: ${range}${reason(verdicts[0])}`;
}

/** A ratio, and where that alone misleads (a call of a few ns) what is added. */
function change(ratio, added, unit) {
  return ratio < 1.2 ? times(ratio) : `${times(ratio)} (+${figure(added)} ${unit})`;
}

function times(ratio) {
  return `${ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)} ×`;
}

function figure(value) {
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

function ms(ns) {
  return ns >= 100e6 ? `${grouped(Math.round(ns / 1e6))} ms` : `${milliseconds(ns)} ms`;
}

function seconds(ns) {
  return `${(ns / 1e9).toPrecision(2)} s`;
}

/** A Markdown table. */
function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`.replaceAll("  ", " ");
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
