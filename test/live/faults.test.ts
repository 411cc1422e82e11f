/**
 * Programs that handle faults of their own (breakpoints, null pointers, illegal instructions, single steps through the
 * clock itself) and raise them all the time: their handlers are told the same during injections and recoveries as
 * before, and none is swallowed.
 */
import { expect, test } from "vitest";
import { build } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { codeSnapshot } from "../support/proc.ts";
import { FAULTS } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const INJECTIONS = 100;
const SKEW = -600_123_456_789n;
const KINDS = ["breakpoint", "illegal", "null", "division", "protected", "bus", "steps", "clock"];

interface Fault {
  name: string;
  raised: number;
  wrong: number;
  first: string;
}

/** Some alone in a program of one thread, and all together in one of many. */
const PROGRAMS = [["breakpoint"], ["null"], ["protected"], ["steps"], ["clock"], KINDS];

test.for(PROGRAMS.map((kinds) => [kinds.join(", "), kinds] as const))("%s", async ([, kinds], context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using victim = await Dialog.greeted([await build(FAULTS), String(SKEW), ...kinds]);
  const { pid } = victim;
  const report = async () => (await victim.askJson<{ faults: Fault[] }>("report")).faults;
  const goOn = async () => {
    const before = await report();
    await waitFor("more faults", async () => {
      const now = await report();
      for (const { name, wrong, first } of now)
        expect({ name, wrong, first }).toEqual({ name, wrong: 0, first: "" });
      return now.every(({ raised }, i) => raised > before[i]!.raised);
    });
  };
  await goOn();
  const untouched = codeSnapshot(pid);
  for (let i = 0; i < INJECTIONS; i++) {
    expect(await inject({ pid, offset: SKEW })).toMatchObject({ action: "injected" });
    if (i % 10 === 0) await goOn();
    expect(await recover({ pid })).toMatchObject({ action: "recovered" });
    if (i % 10 === 0) await goOn();
  }
  await goOn();
  await waitFor("our pages to be gone", async () => (await recover({ pid })).state === "unskewed");
  expect(codeSnapshot(pid)).toEqual(untouched);
});

test("the program notices a signal that is not of its own making", async (context) => {
  needPrograms(context, "gcc");
  await using victim = await Dialog.greeted([await build(FAULTS), String(SKEW), "breakpoint"]);
  const wrong = await waitFor("a wrong one", async () => {
    process.kill(victim.pid, "SIGTRAP");
    const [fault] = (await victim.askJson<{ faults: Fault[] }>("report")).faults;
    return fault!.wrong > 0 && fault;
  });
  expect(wrong.first).toMatch(/^[12] calls, last signal 5, code (0|128), .*; before: 1, 5, 128, /);
});
