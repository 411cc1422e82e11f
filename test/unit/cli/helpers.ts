/** Runs whole command lines against a fake engine, without a process. */
import type { Engine } from "../../../src/cli/engine.ts";
import { main } from "../../../src/cli/main.ts";
import type { World } from "../../../src/cli/world.ts";
import type { Following } from "../../../src/engine/follow.ts";
import type { Joint } from "../../../src/engine/joint.ts";
import { TimeskewError, type TimeskewErrorOptions } from "../../../src/errors.ts";
import type { Selection } from "../../../src/target/select.ts";
import type {
  ClockReading,
  DoctorResult,
  InjectResult,
  NowResult,
  RecoverResult,
  RunningProfile,
  Skew,
  StatusRow,
} from "../../../src/types.ts";
import { problemsOf } from "../../support/schema.ts";

process.env.TZ = "UTC";

/** 2026-11-20 14:49:02.123456789 UTC. */
export const NOON = 1_795_186_142_123_456_789n;
export const MINUTE = 60_000_000_000n;

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
  /** What the engine was asked, in order. */
  calls: [name: string, argument: unknown][];
}

/** Runs `timeskew <line>`; words are split at blanks. The engine answers as `engine` says. */
export async function run(
  line: string | readonly string[],
  engine: Partial<Engine> = {},
  world: Partial<World> = {},
): Promise<Run> {
  const calls: Run["calls"] = [];
  const output = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr", extra: object = {}) => ({
    ...extra,
    write: (text: string) => {
      output[name] += text;
    },
  });
  const recorded: Engine = new Proxy({ ...fakeEngine(), ...engine } as Engine, {
    get(target, name: keyof Engine) {
      // `await` looks for a then().
      if (!(name in target)) return undefined;
      // What it is asked of a set is recorded member by member.
      if (name === "joint" && !engine.joint) return (o: object) => fakeJoint(recorded, o);
      return (argument: never) => {
        if (name !== "select" && name !== "containersOf") calls.push([name, argument]);
        return target[name](argument) as never;
      };
    },
  });
  const { stdout, stderr, ...rest } = world;
  const code = await main({
    readFile: () => {
      throw new Error("a file was read");
    },
    writeFile: () => {
      throw new Error("a file was written");
    },
    sleep: async () => {
      throw new Error("it sleeps, with nobody to wake it up");
    },
    onInterrupt: () => () => {},
    argv: typeof line === "string" ? line.split(" ").filter(Boolean) : line,
    env: { PATH: "/usr/bin:/usr/local/bin" },
    cwd: "/home/ada",
    script: "/usr/local/bin/timeskew",
    isProgram: false,
    node: "/usr/local/bin/node",
    isRoot: false,
    now: () => NOON + 3n * MINUTE,
    loadEngine: async () => recorded,
    loadStarter: async () => {
      throw new Error("a program was to be started");
    },
    stdout: stream("stdout", stdout),
    stderr: stream("stderr", stderr),
    ...rest,
  });
  return { code, ...output, calls };
}

/**
 * A world for commands that stay. `moments` happen one by one, each when the command sleeps next, and no real time passes;
 * when they are used up, sleeping fails. `slept` has how long the command wanted to.
 */
export function foreground(moments: ((o: { interrupt(): void }) => void)[]) {
  const listeners = new Set<() => void>();
  const slept: number[] = [];
  const left = [...moments];
  const interrupt = () => {
    for (const listener of listeners) listener();
  };
  const world: Partial<World> = {
    onInterrupt: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    sleep: async (ms, wake) => {
      if (wake.aborted || ms === 0) return;
      slept.push(ms);
      const next = left.shift();
      if (next === undefined) throw new Error("nothing happens any more, and it goes on waiting");
      next({ interrupt });
    },
  };
  return { world, slept, listeners, left };
}

/** The same, with --json: the one object on stdout, parsed, as its published schema has it. */
export async function runJson(line: string, engine: Partial<Engine> = {}, world: Partial<World> = {}) {
  const result = await run(`${line} --json`, engine, world);
  const lines = result.stdout.split("\n");
  if (lines.length !== 2 || lines[1] !== "") throw new Error(`not one line of JSON: ${result.stdout}`);
  const report = JSON.parse(lines[0]!);
  const problems = problemsOf(report);
  if (problems.length > 0) throw new Error(`not as its schema has it: ${problems.join("; ")}\n${lines[0]}`);
  return { ...result, report };
}

export function fails(code: TimeskewError["code"], message: string, options: TimeskewErrorOptions = {}) {
  return async (): Promise<never> => {
    throw new TimeskewError(code, message, options);
  };
}

export const REALTIME_SKEW: Skew = {
  id: "3f2a00000000c0de",
  offset: -10n * MINUTE,
  clocks: ["CLOCK_REALTIME", "CLOCK_REALTIME_COARSE", "CLOCK_REALTIME_ALARM", "CLOCK_TAI"],
  gettimeofday: true,
  time: true,
  since: NOON,
  profile: undefined,
};

export const MONOTONIC_SKEW: Skew = {
  ...REALTIME_SKEW,
  offset: 2_000_000_000n,
  clocks: ["CLOCK_MONOTONIC", "CLOCK_MONOTONIC_COARSE", "CLOCK_BOOTTIME", "CLOCK_BOOTTIME_ALARM"],
  gettimeofday: false,
  time: false,
};

export function profile(more: Partial<RunningProfile> = {}): RunningProfile {
  return {
    text: "--drift 200ppm",
    phase: "running",
    rate: 1.0002,
    next: undefined,
    seed: undefined,
    ...more,
  };
}

export function reading(name: string, host: bigint, offset: bigint, selected = true): ClockReading {
  return { name, target: host + offset, host, difference: offset, uncertainty: 40n, selected };
}

export function injected(pid: number, more: Partial<InjectResult> = {}): InjectResult {
  return {
    pid,
    command: "redis-server",
    state: "skewed",
    action: "injected",
    skew: REALTIME_SKEW,
    previous: undefined,
    late: undefined,
    pauseNs: 143_211n,
    threads: 5,
    asleepThreads: 0,
    movedThreads: 0,
    waits: { sites: 61, unproved: [], unsearched: [], generatedCode: 0 },
    readings: [
      reading("CLOCK_REALTIME", NOON, -10n * MINUTE),
      reading("CLOCK_MONOTONIC", 273_845_123_456_789n, 0n, false),
      reading("gettimeofday", NOON, -10n * MINUTE),
    ],
    ...more,
  };
}

export function recovered(pid: number, more: Partial<RecoverResult> = {}): RecoverResult {
  return {
    pid,
    command: "redis-server",
    state: "unskewed",
    action: "recovered",
    skew: REALTIME_SKEW,
    pauseNs: 98_000n,
    threads: 1,
    asleepThreads: 0,
    lingeringThreads: 0,
    waitingThreads: 0,
    ...more,
  };
}

export function row(pid: number, more: Partial<StatusRow> = {}): StatusRow {
  const command = "redis-server";
  return { pid, command, state: "skewed", skew: REALTIME_SKEW, waitSites: 61, note: undefined, ...more };
}

export function nowResult(pid: number, more: Partial<NowResult> = {}): NowResult {
  const { command, state, skew, readings, pauseNs } = injected(pid);
  const timeShift = { monotonic: 0n, boottime: 0n };
  return { pid, command, state, skew, readings, timeShift, pauseNs, ...more };
}

export const HEALTHY: DoctorResult = {
  pid: undefined,
  checks: [{ name: "ptrace", verdict: "ok", detail: "running as root", remedy: undefined }],
};

/** A set whose members are injected one by one, and begin at once. */
function fakeJoint(engine: Engine, o: object): Joint {
  return {
    id: REALTIME_SKEW.id,
    inject: (pid) => engine.inject({ pid, ...o }),
    begin: async (meanwhile) => {
      await meanwhile?.();
      return [];
    },
  };
}

/** Processes in a set, the same ones each time or others. */
export function selection(list: number[] | (() => number[]), more: Partial<Selection> = {}) {
  return async (): Promise<Selection> => ({
    selected: [{ kind: "container", words: CONTAINER, runtime: "docker", id: "3f2a91c07d1e", name: "web" }],
    words: CONTAINER,
    flags: ["--container", "web"],
    lasts: true,
    list: typeof list === "function" ? list : () => list,
    ...more,
  });
}

const CONTAINER = "container web (docker 3f2a91c07d1e)";

/** A follower that has everything done to it, and does nothing. */
export function fakeFollowing(more: Partial<Following> = {}): Following {
  const nothing = () => {};
  return {
    add: nothing,
    seize: nothing,
    note: nothing,
    members: () => [],
    rest: nothing,
    end: nothing,
    empty: new Promise(nothing),
    ...more,
  };
}

const PLAN_AS_JSON = {
  pid: 1234,
  machine: "x86_64",
  action: "inject",
  before: "untouched",
  stop: "all",
  sleepers: "left",
  stub: { address: "0x7ffc1e00", pristine: "0000" },
  sites: [
    { function: "time", address: "0x7ffc1000", original: "554889e541565348", patched: "e982030006565348" },
  ],
  calls: [],
  steps: [{ op: "read", what: "what it reads", address: "0x7ffc2000", length: 8 }],
};

function fakeEngine(): Engine {
  return {
    follow: () => fakeFollowing(),
    select: async (selectors) => {
      const pids = selectors.map((each, i) => ("pid" in each ? each.pid : 100 + i));
      const words = `pid ${pids.join(", ")}`;
      return {
        selected: selectors.map(({ kind }, i) => ({ kind, words: `pid ${pids[i]}` })),
        words,
        flags: ["--pid", pids.join(",")],
        lasts: false,
        list: () => pids,
      };
    },
    joint: () => {
      throw new Error("replaced by `run`");
    },
    inject: async ({ pid }) => injected(pid),
    planInjection: async ({ pid }) => ({
      pid,
      command: "redis-server",
      action: "inject",
      plan: {} as never,
      skew: REALTIME_SKEW,
      waits: undefined,
    }),
    recover: async ({ pid }) => recovered(pid),
    status: async ({ pids = [1234] } = {}) => ({
      rows: pids.map((pid) => row(pid)),
      unreadable: [],
      examined: pids.length,
    }),
    containersOf: async () => new Map(),
    readClocks: async ({ pid }) => nowResult(pid),
    doctor: async ({ pid } = {}) => ({ ...HEALTHY, pid }),
    describePlan: () => ["site 0x7ffc1000: e9 …", "", "step 1: stop"],
    heritageOf: () => undefined,
    planAsJson: () => PLAN_AS_JSON,
  };
}
