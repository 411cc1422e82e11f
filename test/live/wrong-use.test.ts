/** Wrong use, case by case: the exit code, a message that helps, and a target in which nothing has changed. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { describe, expect, type TestContext, test } from "vitest";
import { parseImage } from "../../src/elf/image.ts";
import { type ErrorCode, EXIT_CODES, type TargetState } from "../../src/errors.ts";
import { inject, type RunOptions, refusal, start, status } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { isRoot, needPrograms, needRoot, needTracing } from "../support/needs.ts";
import { maps, snapshot, state, vdso } from "../support/proc.ts";
import { monotonicSkews } from "../support/readings.ts";
import { GLIBC } from "../support/recipes.ts";
import { startClocks, startTracer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const NOBODY = 65_534;
const KTHREADD = 2;
/** PF_KTHREAD in include/linux/sched.h. */
const KERNEL_THREAD = 0x0020_0000;

/** Refused with this code by a message that matches, as JSON and as text. */
async function expectRefusal(
  args: readonly (string | number)[],
  code: ErrorCode,
  message: RegExp,
  { targetState = "untouched", ...options }: RunOptions & { targetState?: TargetState } = {},
): Promise<void> {
  const error = await refusal(code, args, options);
  expect(`${error.message}\n${error.hint}`).toMatch(message);
  expect(error.targetState).toBe(targetState);

  const text = await start(args, options).done;
  expect(text).toMatchObject({ code: EXIT_CODES[code], stdout: "" });
  expect(text.stderr).toMatch(message);
}

/** What other tools write over a clock function's entry: mov rax, ADDRESS; jmp rax. Nobody calls it meanwhile. */
function rewriteVdso(pid: number, name: string): void {
  const start = maps(pid).find((line) => line.endsWith("[vdso]"))!;
  const { offset } = parseImage(vdso(pid)).symbols.get(`__vdso_${name}`)!;
  const patch = Buffer.from("48b8f0debc9a78563412ffe0", "hex");
  const memory = openSync(`/proc/${pid}/mem`, "r+");
  try {
    const written = writeSync(memory, patch, 0, patch.length, Number.parseInt(start, 16) + offset);
    expect(written).toBe(patch.length);
  } finally {
    closeSync(memory);
  }
}

function injection(pid: number | string): (number | string)[] {
  return ["inject", "--pid", pid, "--offset", "-600s"];
}

describe("a wrong command line", () => {
  /** The arguments after `inject --pid PID`, and what the message must say. */
  const SKEWS: [string, string[], ErrorCode, RegExp][] = [
    ["no --offset", [], "E_USAGE", /--offset/],
    ["--offset without a unit", ["--offset", "600"], "E_DURATION", /600.*\n.*600s/],
    ["--offset that is no duration", ["--offset", "abc"], "E_DURATION", /abc/],
    ["--offset without its value", ["--offset"], "E_USAGE", /--offset/],
    ["before 1970", ["--offset", "-876000h"], "E_RANGE", /1970/],
    ["beyond what a kernel counts", ["--offset", "2500000h"], "E_RANGE", /2262/],
    ["beyond any number", ["--offset", "99999999999999999999h"], "E_DURATION", /out of range/],
    [
      "a clock's name misspelt",
      ["--offset", "1s", "--clock", "CLOCK_REALTIM"],
      "E_CLOCK",
      /CLOCK_REALTIME\b/,
    ],
    ["a clock that is none", ["--offset", "1s", "--clock", "sundial"], "E_CLOCK", /sundial/],
    ["an option misspelt", ["--ofset", "1s"], "E_USAGE", /--offset/],
  ];
  test.for(SKEWS)("%s", async ([, flags, code, message], context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks();
    const untouched = snapshot(victim.pid);
    await expectRefusal(["inject", "--pid", victim.pid, ...flags], code, message);
    expect(snapshot(victim.pid)).toEqual(untouched);
    expect(await victim.complaints({})).toEqual([]);
  });

  const PIDS: [string, string[], RegExp][] = [
    ["pid 0", ["--pid", "0"], /\b0\b/],
    ["pid −1", ["--pid", "-1"], /-1\b/],
    ["pid −1, in one word", ["--pid=-1"], /-1\b/],
    ["a pid that is no number", ["--pid", "abc"], /abc/],
    ["an empty pid", ["--pid", ""], /--pid/],
    ["a pid that no process can have", ["--pid", "99999999"], /99999999/],
    ["no pid", [], /--pid/],
  ];
  describe.for(["inject", "recover", "now"])("%s", (command) => {
    test.for(PIDS)("%s", async ([, flags, message]) => {
      const offset = command === "inject" ? ["--offset", "-600s"] : [];
      await expectRefusal([command, ...flags, ...offset], "E_USAGE", message);
    });
  });
});

describe("a target that is none", () => {
  test.for(["inject", "recover", "now"])("%s: no such process", async (command) => {
    const pid = await endedPid();
    const offset = command === "inject" ? ["--offset", "-600s"] : [];
    await expectRefusal([command, "--pid", pid, ...offset], "E_NO_TARGET", new RegExp(`\\b${pid}\\b`));
  });

  test("a thread instead of a process: the message names its process", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks();
    const { tid } = await victim.dialog.askJson<{ tid: number }>("thread");
    const untouched = snapshot(victim.pid);
    await expectRefusal(injection(tid), "E_NO_TARGET", new RegExp(`\\b${tid}\\b.*\\b${victim.pid}\\b`, "s"));
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("a kernel thread", async (context) => {
    if (!isKernelThread(KTHREADD)) context.skip("needs a kernel thread: none is visible (in a container?)");
    await expectRefusal(injection(KTHREADD), "E_KERNEL_THREAD", /\b2\b.*kernel thread/s);
  });

  test("a zombie", async (context) => {
    needPrograms(context, "gcc");
    await using victim = await startClocks();
    const { pid } = await victim.dialog.askJson<{ pid: number }>("zombie");
    await waitFor("the zombie", () => state(pid) === "Z");
    await expectRefusal(injection(pid), "E_ZOMBIE", new RegExp(`\\b${pid}\\b.*has ended`));
  });
});

describe("a target that somebody else has", () => {
  test("another user's process, for an ordinary user", async (context) => {
    const { pid, options } = await othersProcess(context);
    const message = new RegExp(`\\b${pid}\\b.*(root|sudo|uid)`, "s");
    await expectRefusal(injection(pid), "E_PERMISSION", message, options);
  });

  test("a process that root has, for nobody: nothing changes in it", async (context) => {
    needRoot(context, "to run the tool as another user");
    needPrograms(context, "gcc");
    await using victim = await startClocks();
    const untouched = snapshot(victim.pid);
    const message = new RegExp(`\\b${victim.pid}\\b`);
    await expectRefusal(injection(victim.pid), "E_PERMISSION", message, { uid: NOBODY });
    expect(snapshot(victim.pid)).toEqual(untouched);
    expect(await victim.complaints({})).toEqual([]);
  });

  test("a traced process: the message names the tracer", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks(GLIBC);
    await using tracer = await startTracer(victim.pid);
    const untouched = snapshot(victim.pid);
    const message = new RegExp(`\\b${victim.pid}\\b.*tracer.*\\b${tracer.pid}\\b`, "s");
    await expectRefusal(injection(victim.pid), "E_TRACED", message);
    await expectRefusal(["now", "--pid", victim.pid], "E_TRACED", message);
    expect(snapshot(victim.pid)).toEqual(untouched);
    expect(await victim.complaints({})).toEqual([]);
  });

  test("one whose clock function somebody else has patched", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks();
    rewriteVdso(victim.pid, "gettimeofday");
    const untouched = snapshot(victim.pid);
    const message = new RegExp(`\\b${victim.pid}\\b.*gettimeofday.*another program`);
    for (const args of [
      injection(victim.pid),
      ["recover", "--pid", victim.pid],
      ["now", "--pid", victim.pid],
    ]) {
      await expectRefusal(args, "E_FOREIGN_PATCH", message);
    }
    expect(await status(victim.pid)).toMatchObject({
      state: "foreign",
      note: expect.stringMatching(/gettimeofday/),
    });
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("a thread that cannot be stopped in time", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks(GLIBC, { release: true });
    const { tid } = await victim.dialog.askJson<{ tid: number }>("hold");
    await waitFor("the thread to be in vfork()", () => state(tid) === "D");
    const untouched = snapshot(victim.pid);
    const args = [...injection(victim.pid), "--stop-timeout", "100ms"];
    const { message, targetState } = await refusal("E_STOP_TIMEOUT", args);
    expect({ message, targetState }).toMatchObject({
      message: expect.stringMatching(new RegExp(`\\b${tid}\\b`)),
      targetState: "untouched",
    });
    expect(snapshot(victim.pid)).toEqual(untouched);
    expect(await victim.complaints({})).toEqual([]);
    victim.dialog.release();
  });
});

describe("CLOCK_MONOTONIC is not taken back without permission", () => {
  const MONOTONIC = ["--clock", "CLOCK_MONOTONIC"];
  const ADVICE = /CLOCK_MONOTONIC.*--allow-backward-monotonic/s;

  test("by a first injection", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks();
    const untouched = snapshot(victim.pid);
    const args = ["inject", "--pid", victim.pid, "--offset", "-1s", ...MONOTONIC];
    await expectRefusal(args, "E_BACKWARD_MONOTONIC", ADVICE);
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("by a smaller offset, or by recovering from a step forward", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks();
    await inject(victim.pid, "--offset", "1h", ...MONOTONIC);
    const skewed = snapshot(victim.pid);
    const smaller = ["inject", "--pid", victim.pid, "--offset", "30m", ...MONOTONIC];
    await expectRefusal(smaller, "E_BACKWARD_MONOTONIC", ADVICE, { targetState: "skewed" });
    await expectRefusal(["recover", "--pid", victim.pid], "E_BACKWARD_MONOTONIC", ADVICE, {
      targetState: "skewed",
    });
    expect(snapshot(victim.pid)).toEqual(skewed);
    expect(await victim.complaints(monotonicSkews(60n * MINUTE))).toEqual([]);
  });
});

/** The pid of a process that has just ended. */
async function endedPid(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid!;
}

function isKernelThread(pid: number): boolean {
  try {
    // The fields follow the command's name, which is in parentheses and may contain anything.
    const [, fields = ""] = /\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return (Number(fields.split(" ")[6]) & KERNEL_THREAD) !== 0;
  } catch {
    return false;
  }
}

/** A process of root's for a tool that is not root: init, which is always there. */
async function othersProcess(context: TestContext): Promise<{ pid: number; options: RunOptions }> {
  const options = isRoot ? { uid: NOBODY } : {};
  const owner = /^Uid:\s+(\d+)/m.exec(readFileSync("/proc/1/status", "utf8"))?.[1];
  if (owner !== "0") context.skip(`needs a process of root's: init runs as uid ${owner}`);
  return { pid: 1, options };
}
