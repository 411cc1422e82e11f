/**
 * What a report looks like in JSON, so that one which was kept can be drawn and written down again, and is refused if it is
 * something else. A shape is "number", "string", "boolean", a list with the shape of its elements, an object of shapes (a name
 * that ends in "?" may be missing), or a Map from any name to one shape.
 */

/** Of the present form; charts and tables are made of nothing else. */
export const SCHEMA_VERSION = 2;

const SUMMARY = { rounds: "number", min: "number", p10: "number", median: "number", p90: "number" };
const SUMMARIES = new Map([["", SUMMARY]]);
const MEMORY = { size: "number", dirty: "number", mappings: "number" };
const TIMES = { wall: SUMMARY, cpu: SUMMARY, wallRatio: SUMMARY, cpuRatio: SUMMARY };
const COMMANDS = new Map([["", { wall: SUMMARY, longest: SUMMARY }]]);

const READS = {
  name: "string",
  command: "string",
  total: "number",
  quiet: "number",
  noisy: "boolean",
  ns: SUMMARIES,
  ratios: SUMMARIES,
  gains: SUMMARIES,
  spread: "number",
};
const CELL = { function: "string", quiet: "number", noisy: "boolean", ns: SUMMARY, ratio: SUMMARY };

/** @typedef {any} Report as SHAPE has it; parts that were not measured are missing */
export const SHAPE = {
  schemaVersion: "number",
  length: "string",
  date: "string",
  machine: {
    cpu: "string",
    cpus: "number",
    virtual: "boolean",
    kernel: "string",
    clocksource: "string",
    node: "string",
    load: "number",
    loadAfter: "number",
  },
  "reads?": { functions: [READS], missing: ["string"], faketime: ["string"] },
  "profiles?": {
    kinds: [{ name: "string", flag: "string", cells: [CELL] }],
    untouched: [{ function: "string", ns: SUMMARY }],
    spread: "number",
  },
  "start?": {
    node: { key: "string", name: "string", ...TIMES },
    commands: [{ key: "string", name: "string", ...TIMES }],
    quiet: "number",
    noisy: "boolean",
    spread: "number",
  },
  "pause?": [
    {
      threads: "number",
      activity: "string",
      sites: "number",
      lingering: "number",
      inject: SUMMARY,
      recover: SUMMARY,
      bare: SUMMARY,
      "sequential?": SUMMARY,
      "ratio?": SUMMARY,
    },
  ],
  "whole?": [{ threads: "number", inject: SUMMARY, recover: SUMMARY, sequential: SUMMARY, node: SUMMARY }],
  "update?": [
    { threads: "number", time: SUMMARY, pauseNs: "number", switches: "number", switchesOfInject: "number" },
  ],
  "memory?": [{ name: "string", before: MEMORY, during: MEMORY, after: MEMORY, pages: "number" }],
  "sets?": {
    node: SUMMARY,
    sizes: [{ processes: "number", commands: COMMANDS }],
    growth: new Map([["", { perProcess: SUMMARY, bend: SUMMARY }]]),
  },
  "waits?": {
    calls: [
      {
        name: "string",
        words: "string",
        cpu: SUMMARIES,
        wall: SUMMARIES,
        ratios: SUMMARIES,
        spread: "number",
      },
    ],
    searches: [{ name: "string", wall: SUMMARY, wallAdded: SUMMARY, cpuAdded: SUMMARY, spread: "number" }],
  },
  aims: [
    {
      group: "string",
      who: "string",
      aim: "string",
      seen: "string",
      value: "number",
      met: "boolean",
      "why?": "string",
    },
  ],
};

/**
 * What is wrong with a value, as "path: words"; nothing if it has the shape. More names than the shape's are right: the rounds
 * are none of its business.
 *
 * @param {unknown} value
 * @returns {string[]}
 */
export function misfits(value, shape = SHAPE, path = "report") {
  if (typeof shape === "string") return isOfKind(value, shape) ? [] : [`${path}: is no ${shape}`];
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${path}: is no list`];
    return value.flatMap((each, index) => misfits(each, shape[0], `${path}[${index}]`));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path}: is no object`];
  if (shape instanceof Map) {
    const each = shape.get("");
    return Object.entries(value).flatMap(([name, entry]) => misfits(entry, each, `${path}.${name}`));
  }
  return Object.entries(shape).flatMap(([key, each]) => {
    const name = key.replace(/\?$/, "");
    if (!(name in value)) return name === key ? [`${path}.${name}: is missing`] : [];
    return misfits(value[name], each, `${path}.${name}`);
  });
}

/** Infinity and NaN are no figures, and no JSON. */
function isOfKind(value, kind) {
  return kind === "number" ? Number.isFinite(value) : typeof value === kind;
}

/** The report without the figures of each round. */
export function withoutRounds(value) {
  if (Array.isArray(value)) return value.map(withoutRounds);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, entry]) => name !== "rounds" || typeof entry === "number")
      .map(([name, entry]) => [name, withoutRounds(entry)]),
  );
}
