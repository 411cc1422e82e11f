/** The figures as aligned tables, with the aims beside them. */
import { AIMS as READ_AIMS } from "./reads.mjs";
import { AIMS as START_AIMS } from "./start.mjs";
import { NOISY } from "./statistics.mjs";
import { AIMS as WAIT_AIMS } from "./waits.mjs";

/** @typedef {import("./statistics.mjs").Summary} Summary */

/** @param {import("./machine.mjs").Machine} machine */
export function machineLines({ cpu, cpus, kernel, clocksource, node, load }) {
  return [
    `${cpu}, ${cpus} CPUs; ${kernel}; clocksource ${clocksource}; Node ${node}; load ${load.toFixed(1)}`,
  ];
}

/** @param {import("./reads.mjs").Reads[]} reads */
export function readLines(reads) {
  const rows = reads.map(({ name, ns, ratios }) => [
    name,
    ns.untouched.median.toFixed(1),
    ns.skewed.median.toFixed(1),
    ratioCell(ratios.skewed),
    verdict(ratios.skewed, READ_AIMS.skewed),
    ns.notSelected.median.toFixed(1),
    ratioCell(ratios.notSelected),
    verdict(ratios.notSelected, READ_AIMS.notSelected),
    ns.syscall.median.toFixed(1),
    `${ratios.syscall.median.toFixed(1)} ×`,
  ]);
  const heads = [
    ["", "untouched", "skewed", "", `≤ ${READ_AIMS.skewed}`],
    ["not selected", "", `≤ ${READ_AIMS.notSelected}`, "syscall", ""],
  ].flat();
  const noisy = reads.filter(({ spread }) => spread > NOISY).map(({ name }) => name);
  return [
    "Reading a clock, ns per read; × untouched, median (p10–p90) of the rounds",
    ...table([heads, ...rows]),
    ...noise(
      `untouched rounds of ${noisy.join("; ")}`,
      reads.map(({ spread }) => spread),
    ),
  ];
}

/** @param {Awaited<ReturnType<typeof import("./profiles.mjs").measureProfiles>>} profiles */
export function profileLines({ kinds, untouched, spread }) {
  const rows = kinds.map(({ name, aim, ns, ratio }) => [
    name,
    ns.median.toFixed(1),
    ratioCell(ratio),
    `≤ ${aim}`,
    verdict(ratio, aim),
  ]);
  return [
    "Reading CLOCK_REALTIME under a profile, ns per read; × untouched, median (p10–p90) of the rounds",
    ...table([["untouched", untouched.median.toFixed(1), "", "", ""], ...rows]),
    ...noise("untouched rounds", [spread]),
  ];
}

/** @param {Awaited<ReturnType<typeof import("./start.mjs").measureStart>>} start */
export function startLines({ node, commands, spread }) {
  const rows = commands.map(({ key, name, wall, wallRatio, cpu, cpuRatio }) => [
    name,
    milliseconds(wall.median),
    ratioCell(wallRatio),
    key in START_AIMS ? verdict(wallRatio, START_AIMS[key]) : "",
    milliseconds(cpu.median),
    ratioCell(cpuRatio),
  ]);
  return [
    "Whole commands, ms; × `node -e 0`, median (p10–p90) of the rounds",
    ...table([
      ["", "wall", "", `≤ ${START_AIMS.inject}`, "CPU", ""],
      [node.name, milliseconds(node.wall.median), "", "", milliseconds(node.cpu.median), ""],
      ...rows,
    ]),
    ...noise("wall times of `node -e 0`", [spread]),
  ];
}

/** @param {import("./pause.mjs").Pauses[]} pauses */
export function pauseLines(pauses) {
  const rows = pauses.map(({ threads, activity, inject, recover, sequential, ratio }) => [
    `${threads} ${threads === 1 ? "thread" : "threads"} ${{ sleep: "asleep", read: "reading the clock" }[activity]}`,
    ...pauseCells(inject),
    ...pauseCells(recover),
    ...(sequential === undefined ? ["–", "", "–"] : [...pauseCells(sequential), ratioCell(ratio)]),
  ]);
  const thousand = pauses.find(({ threads, ratio }) => threads === 1000 && ratio !== undefined);
  const lingering = pauses.flatMap(({ rounds }) => rounds).filter((round) => round.lingering > 0).length;
  return [
    "Time that the target is stopped, ms; median (p10–p90) of the rounds",
    ...table([["", "inject", "", "recover", "", "one by one", "", "inject ÷ one by one"], ...rows]),
    ...(thousand === undefined
      ? []
      : [`  1,000 threads: aim ≤ 0.2 × one by one: ${verdict(thousand.ratio, 0.2)}`]),
    ...(lingering > 0
      ? [`  ${lingering} recoveries left pages behind for threads that were still inside`]
      : []),
  ];
}

const SET_COMMANDS = {
  inject: "inject",
  update: "change",
  profile: "inject a profile",
  recover: "recover",
};

/** @param {Awaited<ReturnType<typeof import("./sets.mjs").measureSets>>} sets */
export function setLines({ node, sizes, growth }) {
  const commands = Object.entries(SET_COMMANDS);
  const rows = sizes.map(({ processes, commands: figures }) => [
    `${processes} ${processes === 1 ? "process" : "processes"}`,
    ...commands.map(([key]) => milliseconds(figures[key].wall.median)),
    ...pauseCells(figures.inject.longest),
    ...pauseCells(figures.recover.longest),
  ]);
  const grows = commands.map(([key]) => milliseconds(growth[key].perProcess.median));
  const bends = commands.map(([key]) => `${growth[key].bend.median.toFixed(2)} ×`);
  return [
    `Whole commands on a set of processes, ms; \`node -e 0\`: ${milliseconds(node.median)}`,
    ...table([
      ["", ...commands.map(([, name]) => name), "longest stop: inject", "", "recover", ""],
      ...rows,
      ["CPU of each further process", ...grows, "", "", "", ""],
      ["  from 50 to 200 ÷ from 1 to 50", ...bends, "", "", "", ""],
    ]),
  ];
}

/** @param {Awaited<ReturnType<typeof import("./waits.mjs").measureWaits>>} waits */
export function waitLines({ calls, searches }) {
  const rows = calls.map(({ name, cpu, wall, ratios }) => [
    name,
    cpu.untouched.median.toFixed(0),
    cpu.translated.median.toFixed(0),
    ratioCell(ratios.translated),
    cpu.notSelected.median.toFixed(0),
    ratioCell(ratios.notSelected),
    wall.untouched.median.toFixed(0),
    wall.translated.median.toFixed(0),
  ]);
  const heads = ["", "untouched", "translated", "", "not selected", "", "wall: untouched", "translated"];
  const aim = WAIT_AIMS.searchNs;
  const searchRows = searches.map(({ name, wall, wallAdded, cpuAdded }) => [
    name,
    milliseconds(wall.median),
    ...pauseCells(wallAdded),
    verdict(wallAdded, aim),
    ...pauseCells(cpuAdded),
  ]);
  return [
    "Calls with a deadline, CPU ns per call; × untouched, median (p10–p90) of the rounds",
    ...table([heads, ...rows]),
    ...noise(
      "untouched rounds of a call",
      calls.map(({ spread }) => spread),
    ),
    "",
    "The search for call sites, ms of `timeskew inject`; with and without --no-waits in each round",
    ...table([
      ["target", "wall", "of it the search", "", `≤ ${milliseconds(aim)}`, "CPU", ""],
      ...searchRows,
    ]),
    ...noise(
      "wall times of `inject --no-waits`",
      searches.map(({ spread }) => spread),
    ),
  ];
}

/** @param {Summary} summary */
function pauseCells({ median, p10, p90 }) {
  return [milliseconds(median), `(${milliseconds(p10)}–${milliseconds(p90)})`];
}

/** @param {Summary} summary */
function ratioCell({ median, p10, p90 }) {
  const digits = median < 10 ? 2 : 1;
  return `${median.toFixed(digits)} × (${p10.toFixed(digits)}–${p90.toFixed(digits)})`;
}

/** @param {Summary} ratio */
function verdict({ median }, aim) {
  return median <= aim ? "met" : "missed";
}

function milliseconds(ns) {
  const ms = ns / 1e6;
  return ms.toFixed(ms < 10 ? 2 : 1);
}

/** A run on a busy machine says so. */
function noise(what, spreads) {
  const worst = Math.max(...spreads);
  if (worst <= NOISY) return [];
  const percent = Math.round(worst * 100);
  return [`  noisy: the ${what} differ by up to ${percent} % (p10–p90); trust the ratios only`];
}

/** Columns as wide as their widest cell; the first one is text, the others are aligned to the right. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]));
  return rows.map((row) => `  ${row.map(pad).join("  ")}`.trimEnd());
}
