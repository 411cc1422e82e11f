/** The figures of reads as aligned tables, with the aims beside them. */
import { AIMS, isARead } from "./aims.mjs";
import { noise, ratioCell, table, times, verdict } from "./table.mjs";

const RIVALS = {
  percall: "a system call per read",
  faketime: "libfaketime",
  faketimeWall: "wall clock only",
  faketimeThreads: "for threads",
};

/** @param {Awaited<ReturnType<typeof import("./reads.mjs").measureReads>>} reads */
export function readLines({ functions, missing, faketime }) {
  const rows = functions.map(({ name, ns, ratios }) => [
    name,
    ns.untouched.median.toFixed(1),
    ns.skewed.median.toFixed(1),
    ratioCell(ratios.skewed),
    verdict(ratios.skewed, AIMS.skewed),
    ns.notSelected.median.toFixed(1),
    ratioCell(ratios.notSelected),
    verdict(ratios.notSelected, AIMS.notSelected),
    ns.syscall.median.toFixed(1),
    times(ratios.syscall.median),
  ]);
  const heads = [
    ["", "untouched", "skewed", "", `≤ ${AIMS.skewed}`],
    ["not selected", "", `≤ ${AIMS.notSelected}`, "syscall", ""],
  ].flat();
  const quiet = functions.map((each) => each.quiet);
  return [
    "Reading a clock, ns per read; × untouched, median (p10–p90) of the quiet rounds",
    ...table([heads, ...rows]),
    `  quiet rounds: ${Math.min(...quiet)} to ${Math.max(...quiet)} of ${functions[0].total}`,
    ...noisyFunctions(functions),
    "",
    ...rivalLines(functions, faketime),
    ...missing.map((words) => `  not measured: ${words}`),
  ];
}

/** Of whom there were too few quiet rounds. */
function noisyFunctions(functions) {
  const names = functions.filter(({ noisy }) => noisy).map(({ name }) => name);
  if (names.length === 0) return [];
  return [`  noisy: hardly any round was quiet, so these are of all rounds: ${names.join("; ")}`];
}

function rivalLines(functions, faketime) {
  const keys = Object.keys(RIVALS).filter((key) => functions.some(({ gains }) => key in gains));
  if (keys.length === 0) return [];
  const judged = (key, gain) => (gain.median >= AIMS[key] ? "met" : "missed");
  const rows = functions.map(({ name, command, ns, gains }) => [
    name,
    ns.skewed.median.toFixed(1),
    ...keys.flatMap((key) => [
      ns[key].median.toFixed(1),
      ratioCell(gains[key]),
      key in AIMS && isARead({ command }) ? judged(key, gains[key]) : "",
    ]),
  ]);
  const heads = [
    "",
    "timeskew",
    ...keys.flatMap((key) => [RIVALS[key], "", key in AIMS ? `≥ ${AIMS[key]}` : ""]),
  ];
  return [
    `The same by other tools' ways, in turns on one processor, ns; ÷ timeskew's; libfaketime ${faketime.join()}`,
    ...table([heads, ...rows]),
  ];
}

/** @param {Awaited<ReturnType<typeof import("./profiles.mjs").measureProfiles>>} profiles */
export function profileLines({ kinds, untouched, spread }) {
  const names = untouched.map((each) => each.function.replace("CLOCK_", ""));
  const plain = ["untouched, ns", ...untouched.map(({ ns }) => ns.median.toFixed(1)), "", ""];
  const rows = kinds.map(({ name, cells }) => {
    const aim = name === "constant" ? AIMS.skewed : AIMS.profile;
    const worst = Math.max(...cells.map(({ ratio }) => ratio.median));
    return [
      name,
      ...cells.map(({ ratio }) => times(ratio.median)),
      `≤ ${aim}`,
      worst <= aim ? "met" : verdict(cells[0].ratio, aim) === "met" ? "not by all" : "missed",
    ];
  });
  return [
    "Reading clocks under a profile; × untouched, median of the quiet rounds",
    ...table([["", ...names, "", ""], plain, ...rows]),
    ...noise("untouched rounds", [spread]),
  ];
}
