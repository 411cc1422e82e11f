/** The figures as aligned tables, with the aims beside them. */
import { AIMS } from "./aims.mjs";
import { grouped, milliseconds, noise, pauseCells, plural, ratioCell, table, verdict } from "./table.mjs";

/** @param {import("./machine.mjs").Machine} machine */
export function machineLines({ cpu, cpus, virtual, kernel, clocksource, node, load }) {
  return [
    `${cpu}, ${plural(cpus, "CPU")}${virtual ? ", virtual" : ""}; ${kernel}; clocksource ${clocksource}; ` +
      `Node ${node}; load ${load.toFixed(1)}`,
  ];
}

/** The commands for which there is an aim. */
const JUDGED = ["inject", "update", "recover"];

/** @param {Awaited<ReturnType<typeof import("./start.mjs").measureStart>>} start */
export function startLines({ node, commands, spread }) {
  const rows = commands.map(({ key, name, wall, wallRatio, cpu, cpuRatio }) => [
    name,
    milliseconds(wall.median),
    ratioCell(wallRatio),
    JUDGED.includes(key) ? verdict(wallRatio, AIMS.command) : "",
    milliseconds(cpu.median),
    ratioCell(cpuRatio),
  ]);
  return [
    "Whole commands, ms; × `node -e 0`, median (p10–p90) of the rounds",
    ...table([
      ["", "wall", "", `≤ ${AIMS.command}`, "CPU", ""],
      [node.name, milliseconds(node.wall.median), "", "", milliseconds(node.cpu.median), ""],
      ...rows,
    ]),
    ...noise("wall times of `node -e 0`", [spread]),
  ];
}

/** @param {import("./pause.mjs").Pauses[]} pauses */
export function pauseLines(pauses) {
  const rows = pauses.map(({ threads, activity, inject, recover, bare, sequential, ratio }) => [
    `${plural(threads, "thread")} ${{ sleep: "asleep", read: "reading the clock" }[activity]}`,
    ...pauseCells(inject),
    ...pauseCells(bare),
    ...pauseCells(recover),
    ...(sequential === undefined ? ["–", "", "–"] : [...pauseCells(sequential), ratioCell(ratio)]),
  ]);
  const lingering = pauses.reduce((sum, each) => sum + each.lingering, 0);
  const heads = [
    "",
    "inject",
    "",
    "without waits",
    "",
    "recover",
    "",
    "one by one",
    "",
    "inject ÷ one by one",
  ];
  return [
    "Time that the target is stopped, ms; median (p10–p90) of the rounds",
    ...table([heads, ...rows]),
    ...(lingering > 0
      ? [`  ${lingering} recoveries left pages behind for threads that were still inside`]
      : []),
    ...noise("stops of one thread", spreadsOf(pauses, "inject")),
  ];
}

/** Of the smallest targets, where nothing but the machine makes a difference. */
function spreadsOf(results, key) {
  return results
    .filter(({ threads }) => threads === 1)
    .map((each) => (each[key].p90 - each[key].p10) / each[key].median);
}

/** @param {import("./whole.mjs").Whole[]} whole */
export function wholeLines(whole) {
  const rows = whole.map(({ threads, inject, recover, sequential, node }) => [
    `${plural(threads, "thread")} asleep`,
    ...pauseCells(inject),
    ...pauseCells(recover),
    ...pauseCells(sequential),
    ...pauseCells(node),
  ]);
  const heads = ["", "inject", "", "recover", "", "one by one", "", "node -e 0", ""];
  return [
    "Whole commands by the target's threads, ms; one by one: a C program that stops and releases them, no more",
    ...table([heads, ...rows]),
    ...noise("`node -e 0`", spreadsOf(whole, "node")),
  ];
}

/** @param {import("./update.mjs").Update[]} updates */
export function updateLines(updates) {
  const rows = updates.map(({ threads, time, pauseNs, switches, switchesOfInject }) => [
    `${plural(threads, "thread")} asleep`,
    ...pauseCells(time),
    milliseconds(pauseNs),
    grouped(switches),
    grouped(switchesOfInject),
  ]);
  const heads = ["", "time", "", "stopped for", "times that a thread ran", "(at the injection)"];
  return [
    "A change of a live skew, ms; median (p10–p90) of the rounds; and whether anybody was stopped for it",
    ...table([heads, ...rows]),
  ];
}

/** @param {import("./memory.mjs").Taken[]} memory */
export function memoryLines(memory) {
  const rows = memory.map(({ name, before, during, after }) => [
    name.replaceAll("`", ""),
    grouped(before.size),
    `+${during.size - before.size}`,
    `+${during.dirty - before.dirty}`,
    `+${during.mappings - before.mappings}`,
    `+${after.size - before.size}`,
    `+${after.dirty - before.dirty}`,
  ]);
  const heads = [
    "",
    "before",
    "skewed: size",
    "private, dirty",
    "mappings",
    "recovered: size",
    "private, dirty",
  ];
  return ["Memory of the target, KiB, by /proc/PID/smaps", ...table([heads, ...rows])];
}

/** @param {import("./aims.mjs").Verdict[]} aims */
export function aimLines(aims) {
  const rows = aims.map(({ group, who, aim, seen, met, why }) => [
    `${group}: ${who.replaceAll("`", "")}`,
    aim.replaceAll("`", ""),
    seen,
    met ? "met" : "missed",
    why ?? "",
  ]);
  const missed = aims.filter(({ met }) => !met).length;
  return [`The aims: ${aims.length - missed} of ${aims.length} are met`, ...table(rows, "start")];
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
    plural(processes, "process", "processes"),
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
  const aim = AIMS.searchNs;
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
