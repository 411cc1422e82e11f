/** A report as `npm run bench -- --json` writes it, of made up figures. */

/** What rounds come to that lie around a median. */
export function summary(median, spread = 0.1) {
  return {
    rounds: 20,
    min: median * (1 - spread),
    p10: median * (1 - spread),
    median,
    p90: median * (1 + spread),
  };
}

/** @param {Record<string, number>} ns by state */
export function reads(name, command, ns) {
  const states = Object.keys(ns).filter((key) => key !== "untouched");
  const over = (keys, below) => Object.fromEntries(keys.map((key) => [key, summary(ns[key] / ns[below])]));
  return {
    name,
    command,
    total: 20,
    quiet: 18,
    noisy: false,
    ns: Object.fromEntries(Object.entries(ns).map(([key, value]) => [key, summary(value)])),
    ratios: over(states, "untouched"),
    gains: over(
      states.filter((key) => /^(percall|faketime)/.test(key)),
      "skewed",
    ),
    spread: 0.02,
  };
}

const FAST = { untouched: 20, skewed: 22, notSelected: 21, syscall: 160, percall: 176, faketime: 66 };
const RIVALS = { faketimeWall: 60, faketimeThreads: 330 };

function pauses(threads, activity, inject, sequential) {
  return {
    threads,
    activity,
    sites: 16,
    lingering: 0,
    inject: summary(inject),
    bare: summary(inject * 0.7),
    recover: summary(inject * 0.8),
    ...(sequential === undefined
      ? {}
      : { sequential: summary(sequential), ratio: summary(inject / sequential) }),
  };
}

function command(key, name, wall, node) {
  const ratio = summary(wall / node);
  return { key, name, wall: summary(wall), cpu: summary(wall), wallRatio: ratio, cpuRatio: ratio };
}

const NODE = 40e6;
const SET = { wall: summary(150e6), longest: summary(4e5) };
const FUNCTIONS = ["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_REALTIME_COARSE", "gettimeofday", "time"];

/** @returns {import("../../bench/shape.mjs").Report} with every part; to be changed freely */
export function specimen() {
  return {
    schemaVersion: 2,
    length: "full",
    date: "2026-11-21T12:00:00.000Z",
    machine: {
      cpu: "Some <CPU> & more",
      cpus: 2,
      virtual: true,
      kernel: "Linux 6.18.44",
      clocksource: "tsc",
      node: "v20.20.2",
      load: 0.5,
      loadAfter: 0.6,
    },
    reads: {
      functions: [
        reads("CLOCK_REALTIME", "realtime", { ...FAST, ...RIVALS }),
        reads("time", "time", { ...FAST, ...RIVALS, untouched: 2, skewed: 5 }),
        reads("time, skewed by 1h500ms", "time", { ...FAST, ...RIVALS, untouched: 2, skewed: 6 }),
        reads("clock_getres", "clock_getres", { ...FAST, ...RIVALS }),
      ],
      missing: [],
      faketime: ["0.9.10"],
    },
    profiles: {
      kinds: [
        {
          name: "rate 1.5",
          flag: "`--rate`",
          cells: FUNCTIONS.map((name) => ({
            function: name,
            quiet: 9,
            noisy: false,
            ns: summary(30),
            ratio: summary(1.5),
          })),
        },
      ],
      untouched: FUNCTIONS.map((name) => ({ function: name, ns: summary(20) })),
      spread: 0.02,
    },
    start: {
      node: command("node", "node -e 0", NODE, NODE),
      commands: [
        command("version", "timeskew --version", 60e6, NODE),
        command("inject", "timeskew inject, first patch", 120e6, NODE),
        command("update", "timeskew inject, live update", 78e6, NODE),
        command("recover", "timeskew recover", 80e6, NODE),
        command("noWaits", "timeskew inject --no-waits", 85e6, NODE),
        command("run", "timeskew run -- true", 180e6, NODE),
      ],
      quiet: 19,
      noisy: false,
      spread: 0.04,
    },
    pause: [
      pauses(1, "sleep", 380e3, 40e3),
      pauses(1000, "sleep", 3e6, 28e6),
      pauses(10_000, "sleep", 32e6, 3.1e9),
      pauses(1, "read", 150e3, 60e3),
      pauses(64, "read", 2.3e6),
    ],
    whole: [1, 64, 1000, 10_000].map((threads) => ({
      threads,
      inject: summary(120e6 + threads * 2e4),
      recover: summary(90e6 + threads * 1e4),
      sequential: summary(1e6 + threads * 3e5),
      node: summary(NODE),
    })),
    update: [{ threads: 1, time: summary(2e6), pauseNs: 0, switches: 0, switchesOfInject: 9 }],
    memory: [
      {
        name: "a C program",
        before: { size: 2480, dirty: 112, mappings: 24 },
        during: { size: 2540, dirty: 184, mappings: 27 },
        after: { size: 2480, dirty: 148, mappings: 24 },
        pages: 18,
      },
    ],
    sets: {
      node: summary(NODE),
      sizes: [
        { processes: 1, commands: { inject: SET, update: SET, recover: SET, profile: SET, again: SET } },
      ],
      growth: Object.fromEntries(
        ["inject", "update", "recover", "profile", "again"].map((key) => [
          key,
          { perProcess: summary(2e6), bend: summary(1) },
        ]),
      ),
    },
    waits: {
      calls: [
        {
          name: "clock_gettime by syscall()",
          words: "a raw `clock_gettime`",
          cpu: { untouched: summary(160), translated: summary(200), notSelected: summary(161) },
          wall: { untouched: summary(160), translated: summary(200), notSelected: summary(161) },
          ratios: { translated: summary(1.25), notSelected: summary(1.01) },
          spread: 0.03,
        },
      ],
      searches: [
        { name: "Node", wall: summary(2e8), wallAdded: summary(5e7), cpuAdded: summary(4e7), spread: 0.05 },
      ],
    },
    aims: [],
  };
}
