/** Targets with very many threads, without their main thread, with odd stacks; and those that cannot be stopped in time. */
import { readFileSync } from "node:fs";
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { inject, now, recover, refusal, status, timeskew } from "../support/cli.ts";
import { SECOND } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { maps, snapshot, state, statusOf, threads, vdso } from "../support/proc.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC, STACKS, THRONG } from "../support/recipes.ts";
import { startClocks } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -600n * SECOND;
const OFFSET = ["--offset", "-600s"];

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

interface Judged {
  true: number;
  skewed: number;
  wrong: number;
}

function judge(victim: Dialog): Promise<Judged> {
  return victim.askJson<Judged>(`judge ${SKEW}`);
}

async function startThrong(...args: (number | string)[]): Promise<Dialog> {
  return Dialog.greeted([await build(THRONG), ...args.map(String)]);
}

/** All of a running process's threads: not stopped, not traced. */
async function expectFree(pid: number): Promise<void> {
  for (const tid of threads(pid)) {
    await waitFor(`thread ${tid} to be free`, () => !/[tT]/.test(state(tid)));
    expect(statusOf(`${pid}/task/${tid}`).get("TracerPid")).toBe("0");
  }
}

/** Pages may be needed by threads that have not had a processor yet. */
async function recoverWholly(pid: number): Promise<void> {
  await waitFor("the last pages to be unmapped", async () => (await recover(pid)).state === "unskewed");
}

describe("many threads", () => {
  const THRONGS: [count: number, hammering: number][] = [
    [1000, 0],
    [1000, 2],
    [10_000, 0],
  ];
  test.for(THRONGS)("%i, %i of them read the clock all the time", async ([count, hammering], context) => {
    need(context);
    const most = Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
    if (most < 2 * count) context.skip(`needs ${2 * count} process ids: kernel.pid_max is ${most}`);
    await using throng = await startThrong(count, hammering);
    const untouched = { maps: maps(throng.pid), vdso: vdso(throng.pid) };
    const tids = threads(throng.pid);
    expect(await judge(throng)).toMatchObject({ true: count, skewed: 0, wrong: 0 });
    const stopTimeout = ["--stop-timeout", "20s"]; // the machine may be busy; a second is enough when it is not
    expect(await inject(throng.pid, ...OFFSET, ...stopTimeout)).toMatchObject({ threads: count + 1 });
    expect(await judge(throng)).toMatchObject({ true: 0, skewed: count, wrong: 0 });
    expect(await status(throng.pid)).toMatchObject({ state: "skewed" });
    expect(await recover(throng.pid, ...stopTimeout)).toMatchObject({ threads: count + 1 });
    expect(await judge(throng)).toMatchObject({ true: count, skewed: 0, wrong: 0 });
    await recoverWholly(throng.pid);
    expect({ maps: maps(throng.pid), vdso: vdso(throng.pid) }).toEqual(untouched);
    expect(threads(throng.pid)).toEqual(tids);
    await expectFree(throng.pid);
  });

  test("half of them exit while it is skewed", async (context) => {
    need(context);
    await using throng = await startThrong(64, 1);
    await inject(throng.pid, ...OFFSET);
    await throng.ask("leave");
    expect(await judge(throng)).toMatchObject({ true: 0, skewed: 33, wrong: 0 });
    await recoverWholly(throng.pid);
    expect(await judge(throng)).toMatchObject({ true: 33, skewed: 0, wrong: 0 });
  });
});

test("the throng does notice a wrong time", async (context) => {
  need(context);
  await using throng = await startThrong(4, 1);
  await inject(throng.pid, "--offset", "-600001ms");
  expect(await judge(throng)).toMatchObject({ true: 0, skewed: 0, wrong: 4 });
});

test("the main thread has exited, others run on", async (context) => {
  need(context);
  await using throng = await startThrong(8, 1, "leaderless");
  await waitFor("the main thread to exit", () => state(throng.pid) === "Z");
  const [, alive = 0] = threads(throng.pid);
  const untouched = { maps: maps(alive), vdso: vdso(alive) };
  expect(await inject(throng.pid, ...OFFSET)).toMatchObject({ threads: 9 });
  expect(await judge(throng)).toMatchObject({ true: 0, skewed: 8, wrong: 0 });
  expect(await status(throng.pid)).toMatchObject({ state: "skewed" });
  await now(throng.pid);
  await recoverWholly(throng.pid);
  expect(await judge(throng)).toMatchObject({ true: 8, skewed: 0, wrong: 0 });
  expect({ maps: maps(alive), vdso: vdso(alive) }).toEqual(untouched);
  expect(statusOf(`${throng.pid}/task/${alive}`).get("TracerPid")).toBe("0");
});

describe("odd stacks", () => {
  async function start(...args: string[]): Promise<Dialog> {
    return Dialog.greeted([await build(STACKS), ...args]);
  }

  test("a handler on an alternate stack, with hardly any room on it", async (context) => {
    need(context);
    await using victim = await start("alternate");
    const untouched = snapshot(victim.pid);
    expect(await judge(victim)).toMatchObject({ skewed: 0, wrong: 0 });
    await inject(victim.pid, ...OFFSET);
    expect(await judge(victim)).toMatchObject({ true: 0, wrong: 0 });
    await recoverWholly(victim.pid);
    expect(await judge(victim)).toMatchObject({ skewed: 0, wrong: 0 });
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("a skewed function needs little more stack than the kernel's own", async (context) => {
    need(context);
    await using victim = await start("none");
    const before = await victim.askJson<Record<string, number>>("measure");
    await inject(victim.pid, ...OFFSET);
    const skewed = await victim.askJson<Record<string, number>>("measure");
    const more = Object.keys(before).map((name) => skewed[name]! - before[name]!);
    expect(more).toHaveLength(6);
    // What the payload promises, and what Go leaves a caller to spare several times over.
    expect(Math.max(...more)).toBeLessThan(200);
    await recover(victim.pid);
    expect(await victim.askJson("measure")).toEqual(before);
  });

  const WILD = ["0000000000000008", "guard", "edge", "8000000000000000", "fffffffffffffff8"];
  test.for(WILD)(
    "a stack pointer that points nowhere, at %s, of the only thread",
    async (pointer, context) => {
      need(context);
      await using victim = await start("wild", pointer);
      const untouched = snapshot(victim.pid);
      await inject(victim.pid, ...OFFSET);
      expect(await judge(victim)).toEqual({ true: 0, skewed: 1, wrong: 0 });
      await recover(victim.pid);
      expect(await judge(victim)).toEqual({ true: 1, skewed: 0, wrong: 0 });
      expect(snapshot(victim.pid)).toEqual(untouched);
    },
  );
});

describe("--stop-timeout", () => {
  const COMMANDS: [command: string, flags: string[]][] = [
    ["inject", OFFSET],
    ["recover", []],
  ];

  test.for(COMMANDS)(
    "%s: a thread does not stop in time: all go on, nothing is changed",
    async ([command, flags], context) => {
      need(context);
      await using victim = await startClocks(GLIBC, { release: true });
      const skews = command === "recover" ? realtimeSkews(SKEW) : {};
      if (command === "recover") await inject(victim.pid, ...OFFSET);
      const { tid } = await victim.dialog.askJson<{ tid: number }>("hold");
      await waitFor("the thread to be in vfork()", () => state(tid) === "D");
      const untouched = snapshot(victim.pid);
      for (const timeout of ["1ms", "200ms"]) {
        const args = [command, "--pid", victim.pid, ...flags, "--stop-timeout", timeout];
        const { message, hint, targetState } = await refusal("E_STOP_TIMEOUT", args);
        expect(message).toMatch(new RegExp(`\\b${timeout.replace("ms", " ms")}`));
        expect({ hint, targetState }).toEqual({
          hint: expect.stringMatching(/--stop-timeout/),
          targetState: command === "recover" ? "skewed" : "untouched",
        });
        expect(snapshot(victim.pid)).toEqual(untouched);
        expect(await victim.complaints(skews)).toEqual([]);
        await expectFree(victim.pid);
      }
      victim.dialog.release();
      await waitFor("the thread to be free", () => state(tid) === "S");
      expect((await timeskew(command, "--pid", victim.pid, ...flags)).code).toBe(0);
    },
  );

  const NONSENSE = ["0", "0s", "-1s", "1", "abc", "", "11m", "1ns", "99999999999h", "--json"];
  test.for(NONSENSE)("the value '%s' is refused", async (value) => {
    const run = await timeskew("inject", "--pid", 1, ...OFFSET, "--stop-timeout", value);
    // It is an option all the same, so this refusal is told as JSON.
    const [said, other] = value === "--json" ? [run.stdout, run.stderr] : [run.stderr, run.stdout];
    expect({ code: run.code, other }).toEqual({ code: 2, other: "" });
    expect(said).toMatch(/--stop-timeout|duration|unit|out of range/);
  });
});
