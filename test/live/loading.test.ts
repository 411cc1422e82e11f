/**
 * Programs that are skewed before their first instruction, when their libraries are not mapped yet: what their dynamic
 * linker finds, how they are entered, and how the waits of their libraries come to be translated. Also when the tool that did
 * it is dead by then, or the skew is taken back halfway.
 */
import { readFileSync } from "node:fs";
import { describe, expect, type TestContext, test } from "vitest";
import { extendWaits } from "../../src/engine/extend.ts";
import { status } from "../../src/engine/status.ts";
import { build, type Recipe } from "../support/build.ts";
import { MILLISECOND } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { type Following, startFollowing } from "../support/following.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { codeSnapshot, state } from "../support/proc.ts";
import {
  ENTRANCE,
  ENTRANCE_FIXED,
  ENTRANCE_MUSL,
  ENTRANCE_STATIC,
  FILTERED,
  GO,
  GO_CGO,
  SLOW,
} from "../support/recipes.ts";
import { type Entry, skewAtThreshold, startAtThreshold, type Threshold } from "../support/threshold.ts";
import { waitFor } from "../support/wait.ts";

const HOUR = 3_600_000_000_000n;
/** ns between the two readings of `off`. */
const READING = 100_000_000;
const WAIT_MS = 200;
/** An untranslated wait of the skewed program would last an hour. */
const LONGEST_SECONDS = 20;

const DYNAMIC = [ENTRANCE, ENTRANCE_FIXED, ENTRANCE_MUSL];

function need(context: TestContext, ...compilers: string[]): void {
  needPrograms(context, "gcc", ...compilers);
  needTracing(context, { permitted: true });
}

/** entrance.c, by itself or behind threshold.c. */
type Answers = Dialog | { readonly dialog: Dialog };

function ask<T>(victim: Answers, question: string): Promise<T> {
  return ("dialog" in victim ? victim.dialog : victim).askJson<T>(question);
}

async function expectAhead(victim: Answers, by: bigint): Promise<void> {
  const { off } = await ask<{ off: number }>(victim, "read");
  expect(off - Number(by)).toBeGreaterThanOrEqual(0);
  expect(off - Number(by)).toBeLessThan(READING);
}

const expectHourAhead = (victim: Answers) => expectAhead(victim, HOUR);
const expectTrue = (victim: Answers) => expectAhead(victim, 0n);

/** Waits in time, by its own clock. */
async function expectRightWait(victim: Answers, how: "wait" | "inside" = "wait"): Promise<void> {
  const { ended, seconds } = await ask<{ ended: string; seconds: number }>(victim, `${how} ${WAIT_MS}`);
  expect(ended).toMatch(/timed out/);
  expect(seconds).toBeGreaterThanOrEqual(WAIT_MS / 1000 - 0.001);
  expect(seconds).toBeLessThan(LONGEST_SECONDS);
}

/** Takes the skew back, and finds what there is without it. */
async function expectRecovered(victim: Threshold): Promise<void> {
  expect(await recover({ pid: victim.pid })).toMatchObject({ state: "unskewed" });
  expect(await status({ pids: [victim.pid] })).toMatchObject({ rows: [{ state: "unskewed" }] });
  await expectTrue(victim);
  await expectRightWait(victim);
}

/** What is promised to no program (and what a system call changes). */
function promised({ registers, ...rest }: Entry): object {
  const { rax: _, rcx: __, r11: ___, ...kept } = registers;
  return { ...rest, kept };
}

/** With slow.c, whose constructor does one of the things that it can. */
async function startPreloaded(recipe: Recipe, does: "reads" | "counts"): Promise<Threshold> {
  const command = ["env", `LD_PRELOAD=${await build(SLOW)}`, `SLOW=${does}`, await build(recipe)];
  return startAtThreshold(command, { execs: 2 });
}

describe.for(DYNAMIC)("$title", (recipe) => {
  /** As the program is entered by itself, and the code that it has mapped then. */
  async function control(options = {}): Promise<{ entry: Entry; code: unknown }> {
    await using plain = await startAtThreshold([await build(recipe)], options);
    plain.go();
    return { entry: await plain.entry(), code: code(plain.pid) };
  }
  /** At the same addresses in each run. */
  const code = (pid: number) => codeSnapshot(pid).maps.filter((line) => !line.includes("[vsyscall]"));

  test("is entered as it would be, whether or not somebody listens", async (context) => {
    need(context, recipe.compiler);
    const { entry, code: untouched } = await control();
    expect(entry).toMatchObject({ argc: 1, entry: 0, auxv: true });

    for (const listens of [false, true]) {
      await using victim = await startAtThreshold([await build(recipe)]);
      const gate = skewAtThreshold(victim.pid, HOUR);
      if (gate === undefined) throw new Error("it was given no gate");
      if (listens) expect(await victim.goTo(gate)).toMatchObject({ gate: { call: 3 } });
      victim.go();
      const entered = await victim.entry();
      // Libraries may come to lie elsewhere because of our pages.
      expect(promised(relative(entered))).toEqual(promised(relative(entry)));
      await expectHourAhead(victim);
      await expectRecovered(victim);
      expect(code(victim.pid)).toHaveLength((untouched as string[]).length);
    }
  });

  // They decide where in a line of 16 bytes the vector ends.
  test("has a gate, whatever its arguments and its environment", async (context) => {
    need(context, recipe.compiler);
    for (let i = 0; i < 4; i++) {
      const env = i < 2 ? {} : { LOADING: "x".repeat(i) };
      await using victim = await startAtThreshold([await build(recipe), ...["a", "bc", "def"].slice(0, i)], {
        env,
      });
      expect(skewAtThreshold(victim.pid, HOUR), `${i} arguments`).toBeDefined();
      victim.go();
      expect(await victim.entry()).toMatchObject({ argc: i + 1, entry: 0, auxv: true });
    }
  });

  test("has its libraries' waits translated at the gate", async (context) => {
    need(context, recipe.compiler);
    await using victim = await startAtThreshold([await build(recipe)]);
    const gate = skewAtThreshold(victim.pid, HOUR)!;
    const found = () => status({ pids: [victim.pid] }).then(({ rows }) => rows[0]!.waitSites!);
    const before = await found();
    await victim.goTo(gate);
    const added = extendWaits(victim.pid);
    // musl's linker is its libc, which is there from the beginning.
    if (recipe === ENTRANCE_MUSL) expect(added).toBe(0);
    else expect(added).toBeGreaterThan(0);
    expect(await found()).toBe(before + added);
    expect(extendWaits(victim.pid), "nothing is new").toBe(0);
    victim.go();
    await expectHourAhead(victim);
    await expectRightWait(victim);
    await expectRecovered(victim);
  });

  test("is recovered before its linker has begun, without a trace", async (context) => {
    need(context, recipe.compiler);
    const { entry } = await control();
    await using victim = await startAtThreshold([await build(recipe)]);
    const untouched = codeSnapshot(victim.pid);
    skewAtThreshold(victim.pid, HOUR);
    expect(await recover({ pid: victim.pid })).toMatchObject({ state: "unskewed", action: "recovered" });
    expect(codeSnapshot(victim.pid)).toEqual(untouched);
    victim.go();
    expect(await victim.entry()).toEqual(entry);
    await expectTrue(victim);
  });

  test("is recovered while its linker works, and keeps our pages until it comes by", async (context) => {
    need(context, recipe.compiler);
    if (recipe === ENTRANCE_MUSL) context.skip("musl calls constructors after the program has begun");
    await using victim = await startPreloaded(recipe, "reads");
    skewAtThreshold(victim.pid, HOUR);
    victim.go();
    expect(await victim.dialog.line()).toContain("constructing");
    const recovered = await recover({ pid: victim.pid });
    expect(recovered).toMatchObject({ state: "lingering", lingeringThreads: 1 });
    expect(await status({ pids: [victim.pid] })).toMatchObject({ rows: [{ state: "lingering" }] });
    expect(await recover({ pid: victim.pid })).toMatchObject({ state: "lingering", action: "cleaned" });
    victim.dialog.tell("");
    expect(await victim.entry()).toMatchObject({ argc: 1, entry: 0, auxv: true });
    await expectRecovered(victim);
  });
});

describe("what its constructors do", () => {
  test("threads that they have started live on, and are skewed", async (context) => {
    need(context);
    await using victim = await startPreloaded(ENTRANCE, "counts");
    const gate = skewAtThreshold(victim.pid, HOUR)!;
    await victim.goTo(gate);
    expect(extendWaits(victim.pid)).toBeGreaterThan(0);
    victim.go();
    const count = () => victim.dialog.askJson<{ count: number }>("count").then((answer) => answer.count);
    const first = await count();
    await waitFor("its thread to count on", async () => (await count()) > first);
    await expectHourAhead(victim);
    await expectRightWait(victim);
    await expectRecovered(victim);
  });
});

describe("a program without a gate", () => {
  test("is static: all is done at once", async (context) => {
    need(context, "musl-gcc");
    await using victim = await startAtThreshold([await build(ENTRANCE_STATIC)]);
    expect(skewAtThreshold(victim.pid, HOUR)).toBeUndefined();
    expect(extendWaits(victim.pid)).toBe(0);
    victim.go();
    expect(await victim.entry()).toMatchObject({ argc: 1, entry: 0, auxv: true });
    await expectHourAhead(victim);
    await expectRightWait(victim);
    await expectRecovered(victim);
  });

  test("is started by its dynamic linker: its libraries' waits can be seen to later", async (context) => {
    need(context);
    const linker = interpreterOf(await build(ENTRANCE));
    await using victim = await startAtThreshold([linker, await build(ENTRANCE)]);
    expect(skewAtThreshold(victim.pid, HOUR)).toBeUndefined();
    victim.go();
    expect(await victim.entry()).toMatchObject({ argc: 1, entry: 0 });
    await expectHourAhead(victim);
    expect(extendWaits(victim.pid)).toBeGreaterThan(0);
    await expectRightWait(victim);
    await expectRecovered(victim);
  });
});

test("a program under a seccomp filter is skewed at its beginning, and extended", async (context) => {
  need(context);
  const command = [await build(FILTERED), await build(ENTRANCE)];
  await using victim = await startAtThreshold(command, { execs: 2 });
  const gate = skewAtThreshold(victim.pid, HOUR)!;
  await victim.goTo(gate);
  expect(extendWaits(victim.pid)).toBeGreaterThan(0);
  victim.go();
  expect(await victim.entry()).toMatchObject({ entry: 0, auxv: true });
  await expectHourAhead(victim);
  await expectRightWait(victim);
  await expectRecovered(victim);
});

describe("a library that is loaded later", () => {
  const open = async (victim: Threshold) =>
    expect(await victim.dialog.askJson(`open ${await build(SLOW)}`)).toEqual({ opened: true });
  const close = async (victim: Threshold) =>
    expect(await victim.dialog.askJson("close")).toEqual({ closed: true });

  test("has its waits translated, also when it comes again, and is recovered", async (context) => {
    need(context);
    await using victim = await startAtThreshold([await build(ENTRANCE)]);
    victim.go();
    await victim.entry();
    await inject({ pid: victim.pid, offset: "1h" });
    // Eight islands can be added; those of libraries that are gone make room.
    for (let round = 0; round < 3; round++) {
      await open(victim);
      expect(extendWaits(victim.pid)).toBe(1);
      await expectRightWait(victim, "inside");
      if (round < 2) await close(victim);
    }
    await expectRightWait(victim);
    const { rows } = await status({ pids: [victim.pid] });
    expect(rows[0]).toMatchObject({ state: "skewed" });
    await expectRecovered(victim);
    await expectRightWait(victim, "inside");
  });
});

describe("who is followed", () => {
  /** A shell that becomes this program when it is told to, and is held before its first instruction. */
  async function becoming(following: Following, program: string): Promise<Dialog> {
    const shell = await Dialog.start(["sh", "-c", `read line; exec ${program}`]);
    await waitFor("the shell to read", () => state(shell.pid) === "S");
    await following.policy("keep");
    await following.add(shell.pid);
    shell.tell("");
    await heldAt(following, shell.pid, "exec");
    return shell;
  }

  const heldAt = (following: Following, pid: number, why: "exec" | "loaded") =>
    waitFor(`pid ${pid} to be held: ${why}`, async () =>
      (await following.log()).held.some(([who, where]) => who === pid && where === why),
    );

  test.for([...DYNAMIC, ENTRANCE_STATIC])(
    "$title: is held at its gate, and waits right",
    async (recipe, context) => {
      need(context, recipe.compiler);
      await using following = await startFollowing(HOUR);
      await using program = await becoming(following, await build(recipe));
      const gate = await following.enter(program.pid);
      await following.go(program.pid, gate);
      if (gate !== undefined) {
        await heldAt(following, program.pid, "loaded");
        await following.extend(program.pid);
        await following.go(program.pid);
      }
      expect(await program.askJson("entry")).toMatchObject({ entry: 0, auxv: true });
      await expectHourAhead(program);
      await expectRightWait(program);
      expect(await following.recover(program.pid)).toBe("recovered");
      await expectTrue(program);
      await expectRightWait(program);
    },
  );

  test.for([
    { recipe: GO, isGated: false },
    { recipe: GO_CGO, isGated: true },
  ])("$recipe.name: is skewed from its first reading on", async ({ recipe, isGated }, context) => {
    need(context, "go");
    await using following = await startFollowing(HOUR);
    await using program = await becoming(following, await build(recipe));
    const gate = await following.enter(program.pid);
    expect(gate !== undefined).toBe(isGated);
    await following.go(program.pid, gate);
    if (isGated) {
      await heldAt(following, program.pid, "loaded");
      expect(await following.extend(program.pid)).toBeGreaterThan(0);
      await following.go(program.pid);
    }
    await program.line();
    const before = BigInt(Date.now());
    const { wall } = await program.askJson<{ wall: string }>("read");
    const after = BigInt(Date.now() + 1);
    const shown = BigInt(wall) - HOUR;
    expect(shown >= before * MILLISECOND && shown <= after * MILLISECOND, `${shown}`).toBe(true);
    expect(await following.recover(program.pid)).toBe("recovered");
  });

  test.for(["exec", "loaded"] as const)("runs on when the tool is killed, held: %s", async (why, context) => {
    need(context);
    await using following = await startFollowing(HOUR);
    await using program = await becoming(following, await build(ENTRANCE));
    const gate = await following.enter(program.pid);
    if (why === "loaded") {
      await following.go(program.pid, gate);
      await heldAt(following, program.pid, "loaded");
    }
    process.kill(following.pid, "SIGKILL");
    expect(await program.askJson("entry")).toMatchObject({ argc: 1, entry: 0, auxv: true });
    await expectHourAhead(program);
    expect(await recover({ pid: program.pid })).toMatchObject({ state: "unskewed" });
    await expectTrue(program);
    await expectRightWait(program);
  });

  test.for(["exec", "loaded"] as const)("is recovered while it is held: %s", async (why, context) => {
    need(context);
    await using following = await startFollowing(HOUR);
    await using program = await becoming(following, await build(ENTRANCE));
    const gate = await following.enter(program.pid);
    if (why === "loaded") {
      await following.go(program.pid, gate);
      await heldAt(following, program.pid, "loaded");
    }
    expect(await following.recover(program.pid)).toBe("recovered");
    await following.go(program.pid);
    expect(await program.askJson("entry")).toMatchObject({ argc: 1, entry: 0, auxv: true });
    await expectTrue(program);
    await following.recover(program.pid);
    expect(await status({ pids: [program.pid] })).toMatchObject({ rows: [{ state: "unskewed" }] });
  });
});

/** Where libraries are mapped is not the program's to know: their addresses count from the linker's. */
function relative(entry: Entry): Entry {
  const base = BigInt(`0x${entry.base}`);
  const registers = Object.entries(entry.registers).map(([name, hex]) => {
    const value = BigInt(`0x${hex}`);
    const distance = value - base;
    return [name, distance >= -(1n << 24n) && distance < 1n << 24n ? `base+${distance}` : hex];
  });
  return { ...entry, base: "base", registers: Object.fromEntries(registers) };
}

/** By `file`'s reckoning: the text of PT_INTERP. */
function interpreterOf(program: string): string {
  const [interpreter] = /\/[\w./-]*ld-linux[\w.-]*/.exec(readFileSync(program, "latin1")) ?? [];
  if (interpreter === undefined) throw new Error(`${program} has no interpreter`);
  return interpreter;
}
