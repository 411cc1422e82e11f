/**
 * 32-bit programs, which run on a 64-bit kernel with a vDSO of their own: skewed and recovered like any other, by a tool
 * that is a 64-bit program.
 */
import { describe, expect, type TestContext, test } from "vitest";
import { build, type Recipe } from "../support/build.ts";
import { timeskew } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { maps, snapshot, vdso } from "../support/proc.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC, GLIBC_STATIC, HAMMER, in32Bits } from "../support/recipes.ts";
import { type Hammered, startClocks, startI386 } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const BACK = realtimeSkews(-10n * MINUTE);
const CYCLES = 50;
const SKEW = -600_123_456_789n;

/** Skips the test where there are no 32-bit libraries, or no kernel for them. */
async function need(context: TestContext, recipe: Recipe): Promise<void> {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  const program = await build(recipe).catch(() =>
    context.skip("needs libraries for 32-bit programs: gcc-12-multilib"),
  );
  const dialog = await Dialog.greeted([
    program,
    ...(recipe.name.startsWith("hammer") ? ["1", "0"] : []),
  ]).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOEXEC") throw error;
    return context.skip("needs a kernel that runs 32-bit programs");
  });
  await dialog[Symbol.asyncDispose]();
}

describe.for([
  ["dynamic", in32Bits(GLIBC)],
  ["static", in32Bits(GLIBC_STATIC)],
] as const)("a %s program", ([, recipe]) => {
  test("reads the skewed time by every function, and the true one again", async (context) => {
    await need(context, recipe);
    await using victim = await startClocks(recipe);
    const untouched = snapshot(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    const injected = await timeskew("inject", "--offset", "-600s", "--pid", victim.pid);
    expect(injected).toMatchObject({ code: 0, stderr: "" });
    expect(injected.stdout).toContain("in every system call by the vDSO");
    expect(await victim.complaints(BACK)).toEqual([]);
    const now = await timeskew("now", "--pid", victim.pid);
    expect(now).toMatchObject({ code: 0, stdout: expect.stringMatching(/CLOCK_REALTIME .*-10m/) });
    expect(await timeskew("recover", "--pid", victim.pid)).toMatchObject({ code: 0 });
    expect(await victim.complaints({})).toEqual([]);
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("without its waits: the vDSO's system calls stay as they are", async (context) => {
    await need(context, recipe);
    await using victim = await startClocks(recipe);
    const untouched = snapshot(victim.pid);
    await inject({ pid: victim.pid, offset: "-600s", waits: false });
    await recover({ pid: victim.pid });
    expect(snapshot(victim.pid)).toEqual(untouched);
  });
});

test("one that makes its system calls by int 0x80, and has no library", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await startI386().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOEXEC") throw error;
    return context.skip("needs a kernel that runs 32-bit programs");
  });
  const untouched = snapshot(victim.pid);
  expect(await inject({ pid: victim.pid, offset: "-600s" })).toMatchObject({ state: "skewed" });
  expect(await recover({ pid: victim.pid })).toMatchObject({ state: "unskewed", action: "recovered" });
  expect(snapshot(victim.pid)).toEqual(untouched);
});

test("8 threads that do nothing but read the clock", { timeout: 300_000 }, async (context) => {
  const recipe = in32Bits(HAMMER);
  await need(context, recipe);
  await using hammer = await Dialog.greeted([await build(recipe), "8", String(SKEW)]);
  const settle = () => hammer.askJson<Hammered>("settle");
  await settle();
  const { pid } = hammer;
  const untouched = vdso(pid);
  const mappings = maps(pid).length;
  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    expect(await inject({ pid, offset: SKEW })).toMatchObject({ state: "skewed", threads: 9 });
    expect(await settle()).toMatchObject({ violations: 0, first: [], seen: { "0": 0 } });
    expect(await recover({ pid })).toMatchObject({ action: "recovered" });
    expect(vdso(pid).equals(untouched)).toBe(true);
    expect(await settle()).toMatchObject({ violations: 0, first: [], seen: { [String(SKEW)]: 0 } });
  }
  await waitFor("the last pages to be unmapped", async () => (await recover({ pid })).state === "unskewed");
  expect(maps(pid)).toHaveLength(mappings);
});
