/**
 * A program that is skewed before its first instruction: the word that leads its dynamic linker to our gate, and what becomes
 * of it when the tool dies, or the skew is taken back before the program has come by.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { describePlan } from "../../../src/patch/describe.ts";
import type { Gate } from "../../../src/patch/gate.ts";
import { planInjection } from "../../../src/patch/inject.ts";
import { PARAMS } from "../../../src/patch/params.ts";
import { invert } from "../../../src/patch/plan.ts";
import type { Target } from "./memory.ts";
import {
  letThreadsLeave,
  look,
  recover,
  recoveryOf,
  type Scene,
  SETTINGS,
  sceneOf,
  stepsThrough,
  THOROUGH,
  tailOf,
} from "./scenes.ts";

const STACK = { start: 0x7ffc_0000_0000n, size: 0x2000 } as const;
const GATE: Gate = {
  word: address(STACK.start + 0x1ff8n),
  entry: address(0x5555_0000_0040n),
  first: address(0x7f00_0000_1000n),
};
const INSIDE_THE_LINKER = 0x7f00_0000_2000n;

const SET = "the dynamic linker will come by before the program begins";
const TOLD = "where the program begins";
const TAKEN_BACK = "the dynamic linker is told where the program begins";

function word(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

/** Its only thread stands before the linker's first instruction. */
function programOf(bytes: Uint8Array): Scene {
  const { target, vdso, payload, pages } = sceneOf(bytes);
  target.occupy(STACK.start, STACK.size, "rw-p", "[stack]");
  target.write(GATE.word, word(GATE.entry));
  target.threads = [GATE.first];
  const input = { pid: 1, vdso, payload, pages, settings: SETTINGS, pristineTail: tailOf(vdso), gate: GATE };
  return { target, vdso, payload, pages, plan: planInjection(input) };
}

describe.each(THOROUGH)("$name", ({ bytes }) => {
  const scene = programOf(bytes);
  const { plan, pages, payload } = scene;
  const untouched = scene.target.state();
  const gate = pages + BigInt(payload.gate);
  const params = pages + BigInt(payload.codeSize);
  const passed = params + BigInt(PARAMS.gate) + 8n;

  const diedAfter = (steps: number) => {
    const target = scene.target.fork();
    target.run(plan, { dieAfter: steps });
    return target;
  };
  const skewed = () => diedAfter(plan.steps.length);
  const read = (target: Target, at: bigint) => new DataView(target.read(at, 8)!.buffer).getBigUint64(0, true);
  /** What gate.S does, if the word has led there. */
  const comeBy = (target: Target) => {
    target.write(GATE.word, word(read(target, params + BigInt(PARAMS.gate))));
    target.write(passed, word(0n));
    target.threads = [GATE.entry];
  };

  it("is led to the gate, which knows the way on", () => {
    const target = skewed();
    expect(read(target, GATE.word)).toBe(gate);
    expect(look(target, scene)).toMatchObject({
      state: "skewed",
      gate: { ...GATE, at: gate, leads: true, isAhead: true },
    });
  });

  it("has no gate before it once it has come by", () => {
    const target = skewed();
    comeBy(target);
    expect(look(target, scene)).toMatchObject({ state: "skewed", gate: undefined });
    expect(recover(target, scene)).toMatchObject({ end: "done", lingering: 0 });
    expect(target.state()).toEqual({ ...untouched, threads: [GATE.entry] });
  });

  it("is told by the word only when the routine is, and everything that it leads to is there", () => {
    const steps = plan.steps.map(({ what }) => what);
    expect(steps.indexOf(SET)).toBeGreaterThan(steps.indexOf(TOLD));
    expect(steps.indexOf(SET)).toBeGreaterThan(steps.indexOf("the payload and its trampolines"));
    expect(describePlan(plan).join("\n")).toContain(
      `patch  ${SET}  [0x7ffc00001ff8: 40 00 00 00 55 55 00 00 →`,
    );
  });

  it("is left alone if the word is another by then", () => {
    const target = scene.target.fork();
    target.write(GATE.word, word(7n));
    const before = target.state();
    expect(target.run(plan)).toMatchObject({ end: "failed", rollback: "done" });
    expect(target.state()).toEqual(before);
  });

  it.each(plan.steps.map(({ what }, i) => ({ done: i, what })))(
    "rolls back when step $done fails ($what)",
    ({ done }) => {
      const target = scene.target.fork();
      expect(target.run(plan, { failAt: done })).toMatchObject({ end: "failed", rollback: "done" });
      expect(target.state()).toEqual(untouched);
    },
  );

  const deaths = [...plan.steps.keys(), plan.steps.length].map((done) => ({
    done,
    last: plan.steps[done - 1]?.what ?? "nothing",
  }));

  it.each(deaths)(
    "recovers without a trace before the linker has begun; the tool died after $last",
    ({ done }) => {
      const target = diedAfter(done);
      recover(target, scene);
      expect(target.state()).toEqual(untouched);
    },
  );

  it.each(deaths)(
    "keeps the pages while the linker may know the way; the tool died after $last",
    ({ done }) => {
      const target = diedAfter(done);
      target.threads = [INSIDE_THE_LINKER];
      const isSet = done >= stepsThrough(plan, SET);
      const outcome = recover(target, scene);
      expect(read(target, GATE.word), "the word is back at once").toBe(GATE.entry);
      expect(outcome?.lingering ?? 0).toBe(isSet ? 1 : 0);
      if (isSet) {
        expect(look(target, scene)).toMatchObject({
          state: "lingering",
          gate: { leads: false, isAhead: true },
        });
        expect(recover(target, scene), "asked again").toMatchObject({ lingering: 1 });
        comeBy(target);
        expect(recover(target, scene)).toMatchObject({ end: "done", lingering: 0 });
        expect(look(target, scene)).toEqual({ state: "unskewed" });
      }
      expect(target.state()).toEqual({ ...untouched, threads: target.threads });
    },
  );

  it("is never unmapped under a program that may come by, wherever a recovery dies", () => {
    const target = skewed();
    target.threads = [INSIDE_THE_LINKER];
    const recovery = recoveryOf(target, scene)!;
    expect(recovery.steps.map(({ what }) => what)).toContain(TAKEN_BACK);
    for (let done = 0; done <= recovery.steps.length; done++) {
      const dying = target.fork();
      dying.run(recovery, { dieAfter: done });
      expect(recover(dying, scene), `after ${done} steps`).toMatchObject({ lingering: 1 });
      expect(read(dying, GATE.word)).toBe(GATE.entry);
      expect(dying.read(gate, 16)).toEqual(target.read(gate, 16));
      comeBy(dying);
      expect(recover(dying, scene)).toMatchObject({ end: "done", lingering: 0 });
      expect(look(dying, scene)).toEqual({ state: "unskewed" });
    }
  });

  it("comes back when a recovery fails", () => {
    const target = skewed();
    const before = target.state();
    const recovery = recoveryOf(target, scene)!;
    const back = recovery.steps.findIndex(({ op }) => op === "drain") - 1;
    expect(target.run(recovery, { failAt: back })).toMatchObject({ end: "failed", rollback: "done" });
    expect(target.state()).toEqual(before);
    expect(invert(recovery.steps.slice(0, back + 1)).some(({ what }) => what.includes(TAKEN_BACK))).toBe(
      true,
    );
  });

  it.each<[string, (target: Target) => void]>([
    ["somebody else has written there", (target) => target.write(GATE.word, word(7n))],
    ["there is no such memory", (target) => target.write(passed, word(0x1000n))],
    ["it is in a file", (target) => target.write(passed, word(0x5555_0000_0100n))],
    ["it is no word", (target) => target.write(passed, word(GATE.word - 1n))],
  ])("writes nothing where the word is none of ours, and waits: %s", (_, change) => {
    const target = skewed();
    change(target);
    target.threads = [INSIDE_THE_LINKER];
    const before = target.read(STACK.start, STACK.size);
    expect(recover(target, scene)).toMatchObject({ lingering: 1 });
    expect(target.read(STACK.start, STACK.size)).toEqual(before);
  });

  it("is not waited for by who was never led there", () => {
    const other = sceneOf(bytes);
    other.target.run(other.plan);
    letThreadsLeave(other.target, other);
    const drain = recoveryOf(other.target, other)!.steps.find(({ op }) => op === "drain");
    expect(drain).not.toHaveProperty("gate");
  });
});
