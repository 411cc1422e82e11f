/** The schemas say the same as the types: the compiler counts the values and keys of these, the tests those of the files. */
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../src/cli/program.ts";
import { SCHEMA_VERSION } from "../../../src/cli/report.ts";
import type { Ending } from "../../../src/cli/watch.ts";
import { EXIT_CODES, type TargetState } from "../../../src/errors.ts";
import type { MachineName } from "../../../src/machine/machine.ts";
import { FUNCTIONS } from "../../../src/patch/payload.ts";
import type { Op, PatchPlan, PlannedSite } from "../../../src/patch/plan.ts";
import { CLOCKS } from "../../../src/skew/clock.ts";
import type { Selected, Selector } from "../../../src/target/select.ts";
import type * as Types from "../../../src/types.ts";
import { part, type Schema } from "../../support/schema.ts";

/** All members of a union, which the compiler counts. */
const all = <Member extends string>(members: Record<Member, true>) => Object.keys(members).sort();

describe("the lists of values", () => {
  it.each<[string, string, readonly string[]]>([
    ["common", "$defs/clock/enum", CLOCKS.map(({ name }) => name)],
    [
      "common",
      "$defs/state/enum",
      all<Types.SkewState>({
        ...{ unskewed: true, skewed: true, ended: true, partial: true },
        ...{ unused: true, lingering: true, foreign: true },
      }),
    ],
    [
      "common",
      "$defs/error/properties/targetState/enum",
      all<TargetState>({ untouched: true, restored: true, skewed: true, partial: true }),
    ],
    [
      "common",
      "$defs/ending/enum",
      all<Ending>({ over: true, gone: true, unskewed: true, changed: true, interrupted: true }),
    ],
    [
      "common",
      "$defs/selected/properties/kind/enum",
      all<Selector["kind"]>({
        ...{ pid: true, tree: true, container: true, cgroup: true },
        ...{ pod: true, podUid: true, user: true, comm: true },
      }),
    ],
    [
      "skew",
      "$defs/profile/properties/phase/enum",
      all<Types.RunningProfile["phase"]>({ waiting: true, running: true, paused: true, ended: true }),
    ],
    [
      "skew",
      "$defs/next/properties/what/enum",
      all<NonNullable<Types.RunningProfile["next"]>["what"]>({
        ...{ starts: true, stops: true, ends: true, changes: true },
      }),
    ],
    [
      "skew",
      "$defs/recovery/properties/state/enum",
      all<Types.RecoverResult["state"]>({ unskewed: true, lingering: true, skewed: true }),
    ],
    [
      "skew",
      "$defs/recovery/properties/action/enum",
      all<Types.RecoverResult["action"]>({ recovered: true, cleaned: true, nothing: true, gliding: true }),
    ],
    [
      "inject",
      "$defs/target/properties/action/enum",
      all<Types.InjectResult["action"]>({ injected: true, updated: true, inherited: true }),
    ],
    [
      "doctor",
      "$defs/checks/items/properties/verdict/enum",
      all<Types.Check["verdict"]>({ ok: true, warning: true, blocked: true }),
    ],
    [
      "plan",
      "$defs/planned/properties/action/enum",
      all<Types.DryRunResult["action"]>({ inject: true, update: true }),
    ],
    [
      "plan",
      "$defs/plan/properties/machine/enum",
      all<MachineName>({ x86_64: true, i386: true, aarch64: true }),
    ],
    [
      "plan",
      "$defs/plan/properties/action/enum",
      all<PatchPlan["action"]>({ inject: true, extend: true, recover: true, probe: true }),
    ],
    ["plan", "$defs/site/properties/function/enum", FUNCTIONS],
    [
      "plan",
      "$defs/step/properties/op/enum",
      all<Op>({
        ...{ check: true, map: true, unmap: true, write: true, patch: true },
        ...{ move: true, call: true, read: true, drain: true, ours: true },
      }),
    ],
  ])("%s.json %s", (file, path, values) => {
    expect([...(part(file, path) as string[])].sort()).toEqual([...values].sort());
  });

  it("are complete for codes of errors, each with its exit code", () => {
    const groups = part("common", "$defs/errorCode/oneOf") as { title: string; enum: string[] }[];
    const codes = groups.flatMap(({ title, enum: names }) =>
      names.map((name) => [name, Number(title.replace("exit code ", ""))]),
    );
    expect(Object.fromEntries(codes)).toEqual(EXIT_CODES);
  });

  it("are complete for commands, each of which has a file", () => {
    const names = COMMANDS.map(({ name }) => name);
    for (const name of names) expect(part(name, "properties/command/const")).toBe(name);
    const known = part("report", "properties/command/enum") as (string | null)[];
    expect(known).toEqual(expect.arrayContaining([...names, null]));
    const told = (part("report", "allOf") as { then: Schema }[]).flatMap(({ then }) => then.$ref ?? []);
    expect(told).toEqual(known.filter((name) => name !== null).map((name) => `${name}.json`));
  });

  it("agree on the version", () => {
    expect(part("common", "$defs/report/properties/schemaVersion/const")).toBe(SCHEMA_VERSION);
  });
});

/** All keys of a type, which the compiler counts. */
const keys = <Type>(members: Record<keyof Type, true>) => Object.keys(members).sort();
const HELD = { pauseNs: true, threads: true, asleepThreads: true } as const;
const WHO = { pid: true, command: true } as const;

describe("the keys of", () => {
  it.each<[string, string, readonly string[], added?: readonly string[]]>([
    [
      "skew",
      "skew",
      keys<Types.Skew>({
        ...{ id: true, offset: true, profile: true, clocks: true },
        ...{ gettimeofday: true, time: true, since: true },
      }),
    ],
    [
      "skew",
      "profile",
      keys<Types.RunningProfile>({ text: true, phase: true, rate: true, next: true, seed: true }),
    ],
    [
      "skew",
      "reading",
      keys<Types.ClockReading>({
        ...{ name: true, target: true, host: true, difference: true, uncertainty: true, selected: true },
      }),
    ],
    [
      "skew",
      "waits",
      keys<Types.WaitCoverage>({
        ...{ sites: true, byVdso: true, unproved: true, unsearched: true, generatedCode: true },
      }),
    ],
    [
      "skew",
      "unprovedCall",
      keys<Types.UnprovedCall>({ image: true, at: true, function: true, call: true, why: true }),
    ],
    [
      "skew",
      "recovery",
      keys<Types.RecoverResult>({
        ...{ ...WHO, ...HELD, state: true, action: true, skew: true },
        ...{ lingeringThreads: true, waitingThreads: true },
      }),
    ],
    [
      "inject",
      "target",
      keys<Types.InjectResult>({
        ...{ ...WHO, ...HELD, state: true, action: true, skew: true, previous: true },
        ...{ late: true, movedThreads: true, waits: true, readings: true },
      }),
      ["ok", "error", "ending", "recovery"],
    ],
    [
      "status",
      "row",
      keys<Types.StatusRow>({
        ...{ ...WHO, state: true, skew: true, container: true, waitSites: true, note: true },
      }),
    ],
    [
      "now",
      "clocks",
      keys<Types.NowResult>({
        ...{ ...WHO, state: true, skew: true, readings: true, timeShift: true, pauseNs: true },
      }),
    ],
    ["doctor", "diagnosis", keys<Types.DoctorResult>({ ...WHO, checks: true })],
    [
      "plan",
      "planned",
      keys<Types.DryRunResult>({ ...WHO, action: true, plan: true, skew: true, waits: true }),
    ],
    [
      "plan",
      "plan",
      keys<PatchPlan>({
        ...{ pid: true, machine: true, action: true, before: true, stop: true, sleepers: true },
        ...{ stub: true, sites: true, calls: true, steps: true },
      }),
    ],
    [
      "plan",
      "site",
      keys<PlannedSite>({ function: true, address: true, original: true, patched: true, prologue: true }),
    ],
    [
      "common",
      "selected",
      keys<Selected>({ kind: true, words: true, runtime: true, id: true, name: true, pod: true }),
    ],
  ])("%s.json %s", (file, name, expected, added = []) => {
    const described = Object.keys(part(file, `$defs/${name}/properties`) as object);
    expect(described.sort()).toEqual([...expected, ...added].sort());
  });
});
