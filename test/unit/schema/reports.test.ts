/** What passes for a report, and what must not. */
import { describe, expect, it } from "vitest";
import { problemsOf, published } from "../../support/schema.ts";
import { altered, at, type Json, type Path, placesIn, SAMPLES } from "./samples.ts";

/** As users validate, who have only the published schemas. */
function isValid(report: Json): boolean {
  return published()("report.json")(report) as boolean;
}

describe.each([...SAMPLES])("%s", (_, sample) => {
  it("is a report, in every key", () => {
    expect(problemsOf(sample)).toEqual([]);
    expect(isValid(sample)).toBe(true);
  });

  it("is none with a value of another type anywhere", () => {
    const passed = [...placesIn(sample)].filter(({ path, value }) =>
      isValid(altered(sample, path, another(value))),
    );
    expect(passed.map(({ path }) => path.join("."))).toEqual([]);
  });

  it("may have new keys in any object, which strictly are mistakes", () => {
    const objects = [[], ...[...placesIn(sample)].map(({ path }) => path)].filter((path) =>
      isObject(at(sample, path)),
    );
    for (const path of objects) {
      const report = altered(sample, [...path], { ...(at(sample, path) as object), invented: 1 });
      expect(isValid(report), path.join(".")).toBe(true);
      expect(problemsOf(report).join(), path.join(".")).toContain('"invented"');
    }
  });
});

it("is none without a key, but for these", () => {
  const spared = [...SAMPLES.values()].flatMap((sample) =>
    [...placesIn(sample)]
      .filter(
        ({ path }) => isObject(at(sample, path.slice(0, -1))) && isValid(altered(sample, path, undefined)),
      )
      .map(({ path }) => placeName(sample, path)),
  );
  expect([...new Set(spared)].sort()).toEqual([
    "checks",
    "error.pid",
    "followed",
    "longestPauseNs",
    "selection",
    "skewId",
    "targets[].command",
    "targets[].error.pid",
    "targets[].plan.sites[].prologue",
    "targets[].plan.steps[map].calls",
    "undo",
  ]);
});

/** "targets[].plan.steps[write].old" */
function placeName(sample: Json, path: Path): string {
  return path
    .map((key, i) => {
      if (typeof key === "string") return `.${key}`;
      const { op = "" } = at(sample, path.slice(0, i + 1)) as { op?: string };
      return `[${op}]`;
    })
    .join("")
    .slice(1);
}

function isObject(value: Json): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function another(value: Json): Json {
  if (typeof value === "string") return 1;
  if (Array.isArray(value)) return {};
  if (typeof value === "object") return value === null ? false : [];
  return "1";
}

describe("a wrong value", () => {
  it.each<[sample: string, path: string, value: Json]>([
    // The outline.
    ["inject-wait.json", "schemaVersion", 2],
    ["inject-wait.json", "command", "status"],
    ["inject-wait.json", "command", "frobnicate"],
    ["inject-wait.json", "command", null],
    ["inject-wait.json", "ok", false],
    ["no-command.json", "ok", true],
    ["no-command.json", "targets", [{ pid: 1, ok: true }]],
    ["timeskew now --pid 4000000 --json", "error.code", "E_NONSENSE"],
    ["timeskew now --pid 4000000 --json", "error.targetState", "fine"],
    ["timeskew now --pid 4000000 --json", "targets.0.ok", true],
    ["timeskew now --pid 4000000 --json", "targets.0.pid", 0],
    ["timeskew now --pid 4000000 --json", "targets.0.pid", 1.5],
    // Units.
    ["inject-wait.json", "targets.0.skew.offset", "2s"],
    ["inject-wait.json", "targets.0.skew.offset", "1.5"],
    ["inject-wait.json", "targets.0.skew.offset", "-0"],
    ["inject-wait.json", "targets.0.skew.offset", "007"],
    ["inject-wait.json", "targets.0.skew.since", "-1"],
    ["inject-wait.json", "targets.0.pauseNs", "-1"],
    ["inject-wait.json", "targets.0.skew.id", "c0de"],
    ["inject-wait.json", "targets.0.skew.id", "C0DEC0DEC0DEC0DE"],
    ["inject-wait.json", "targets.0.skew.clocks.0", "REALTIME"],
    ["inject-wait.json", "targets.0.skew.profile.rate", null],
    ["inject-wait.json", "targets.0.skew.profile.phase", "over"],
    ["inject-wait.json", "targets.0.skew.profile.next.what", "explodes"],
    ["inject-wait.json", "targets.0.readings.0.name", "CLOCK_OF_BIG_BEN"],
    ["inject-wait.json", "targets.0.threads", -1],
    ["inject-wait.json", "targets.0.waits.unproved.0.at", "86768"],
    // What belongs together.
    ["inject-wait.json", "targets.0.state", "unskewed"],
    ["inject-wait.json", "targets.0.ending", "bored"],
    ["inject-wait.json", "targets.0.action", "inject"],
    ["inject-wait.json", "dryRun", true],
    ["inject-dry-run.json", "dryRun", false],
    ["inject-dry-run.json", "targets.0.action", "update"],
    ["inject-dry-run-update.json", "targets.0.action", "inject"],
    ["inject-dry-run.json", "targets.0.plan", null],
    ["inject-dry-run.json", "targets.0.plan.machine", "pdp11"],
    ["inject-dry-run.json", "targets.0.plan.stub.address", "140737353928704"],
    ["inject-dry-run.json", "targets.0.plan.sites.0.original", "554"],
    ["inject-dry-run.json", "targets.0.plan.sites.0.function", "main"],
    ["inject-dry-run.json", "targets.0.plan.steps.0.op", "hope"],
    ["inject-dry-run.json", "targets.0.plan.steps.0.op", "move"],
    ["recover-glide.json", "targets.0.action", "undone"],
    ["recover-glide.json", "targets.0.recovery.state", "ended"],
    ["recover-glide.json", "targets.0.recovery", {}],
    ["status-named.json", "examined", 1],
    ["status-named.json", "targets.0.state", "fine"],
    ["now-set.json", "targets.0.timeShift", "?"],
    ["doctor-process.json", "targets.0.checks.0.verdict", "fail"],
    ["preview-columns.json", "points", []],
    ["preview-columns.json", "columns", null],
    ["preview-columns.json", "begin", "-1"],
    ["run.json", "ok", true],
    ["exec.json", "targets", [{ pid: 1, ok: false }]],
    ["completion.json", "shell", "cmd.exe"],
    ["completion.json", "script", null],
  ])("%s: %s = %j", (name, where, value) => {
    const path = where.split(".").map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    const sample = SAMPLES.get(name)!;
    const report = isObject(at(sample, path.slice(0, -1)))
      ? altered(sample, path.slice(0, -1), {
          ...(at(sample, path.slice(0, -1)) as object),
          [path.at(-1)!]: value,
        })
      : altered(sample, path, value);
    expect(isValid(report)).toBe(false);
  });

  it("is also whatever is no object, or of no command that has a schema", () => {
    for (const report of [null, [], "", 1, {}]) expect(isValid(report), JSON.stringify(report)).toBe(false);
    expect(problemsOf({ command: "apply" })).toEqual(["there is no schema/apply.json of a command"]);
    expect(problemsOf({ command: "common" })).toEqual(["there is no schema/common.json of a command"]);
    expect(problemsOf(null)).not.toEqual([]);
  });
});
