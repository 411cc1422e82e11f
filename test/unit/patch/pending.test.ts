/**
 * A profile that has not begun: both slots are in use. What is found then, and how it is recovered.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { planInjection } from "../../../src/patch/inject.ts";
import {
  DURATIONS,
  decodeSlot,
  encodeSlot,
  FILTERED,
  LEFT_ALONE,
  PARAMS,
  slotOffset,
} from "../../../src/patch/params.ts";
import { invert } from "../../../src/patch/plan.ts";
import { NO_CEILING } from "../../../src/patch/profile.ts";
import { planUpdate } from "../../../src/patch/update.ts";
import {
  letThreadsLeave,
  look,
  recover,
  recoveryOf,
  SETTINGS,
  sceneOf,
  stepsThrough,
  THOROUGH,
  tailOf,
} from "./scenes.ts";

const START = { realtime: 7n, monotonic: 7n, raw: 7n, boottime: 7n, tai: 7n };
const LATER = {
  ...SETTINGS,
  offset: 5n,
  skewId: 1n,
  profile: {
    start: START,
    duration: 0n,
    every: 0n,
    tracks: [],
    noise: undefined,
    swing: 0n,
    ceiling: NO_CEILING,
    text: "--offset 5ns",
  },
};

describe.each(THOROUGH)("$name", ({ bytes }) => {
  const scene = sceneOf(bytes);
  const { vdso, payload, pages } = scene;
  const params = pages + BigInt(payload.codeSize);
  const untouched = scene.target.state();
  /** Wherever its threads are. */
  const clean = (target: typeof scene.target) => {
    target.threads = scene.target.threads;
    return target.state();
  };

  const pending = scene.target.fork();
  pending.run(scene.plan);
  letThreadsLeave(pending, scene);
  for (const { address: at, bytes: written } of planUpdate(address(params), 1, { ...LATER, generation: 9n }))
    pending.write(at, written);

  it("is found, and what governs until it begins", () => {
    expect(look(pending, scene)).toMatchObject({
      state: "skewed",
      index: 0,
      settings: { ...LATER, generation: 9n },
      idle: { settings: { ...SETTINGS, generation: 2n } },
    });
  });

  it("is recovered by settings that neither slot has held", () => {
    const plan = recoveryOf(pending, scene)!;
    const target = pending.fork();
    target.run(plan, { dieAfter: stepsThrough(plan, "slot 1 is in force") });
    const now = decodeSlot(target.read(params + BigInt(slotOffset(1)), PARAMS.slotSize)!);
    expect(now).toMatchObject({ generation: 10n, mask: 0n });
    expect(look(target, scene)).toMatchObject({ state: "partial" });
  });

  it("is as it was after a recovery that failed, whichever step it was", () => {
    const plan = recoveryOf(pending, scene)!;
    const drain = plan.steps.findIndex(({ op }) => op === "drain");
    for (let failAt = 0; failAt < drain; failAt++) {
      const target = pending.fork();
      expect(target.run(plan, { failAt })).toMatchObject({ end: "failed", rollback: "done" });
      expect(target.state(), plan.steps[failAt]!.what).toEqual(pending.state());
    }
  });

  it("is recovered after a recovery that died, whichever step it was", () => {
    const plan = recoveryOf(pending, scene)!;
    for (let dieAfter = 0; dieAfter < plan.steps.length; dieAfter++) {
      const target = pending.fork();
      target.run(plan, { dieAfter });
      const found = look(target, scene);
      if (dieAfter < stepsThrough(plan, "slot 1 is in force"))
        expect(found).toMatchObject({ state: "skewed", settings: LATER });
      recover(target, scene);
      expect(clean(target)).toEqual(untouched);
    }
  });

  const plan = (begins: "flip" | "known", calls?: { durations: boolean; filtered: boolean }) =>
    planInjection({
      pid: 1,
      vdso,
      payload,
      pages,
      settings: LATER,
      begins,
      pristineTail: tailOf(vdso),
      ...(calls && { calls: { ...calls, sites: [], maps: [], read: () => new Uint8Array() } }),
    });

  it("begins at the flip: a thread notes by each clock when that is, before anybody can see it", () => {
    const { steps } = plan("flip");
    const begin = steps.findIndex(
      (step) => step.op === "call" && step.address === pages + BigInt(payload.beginEntry),
    );
    expect(begin).toBeGreaterThan(steps.findLastIndex(({ op }) => op === "patch"));
    expect(steps[begin + 1]).toMatchObject({
      address: params + BigInt(PARAMS.index),
      bytes: Uint8Array.of(1),
    });
    expect(steps[begin]).toMatchObject({ argument: params, stack: params + BigInt(PARAMS.stackTop) });
    // It can be undone like the rest.
    expect(invert(steps).some(({ op }) => op === "call")).toBe(false);
    expect(steps.find(({ what }) => what === "slot 1: the skew, --offset 5ns")).toBeDefined();
  });

  it("needs nobody to note what is known, nor does a constant", () => {
    const calls = (steps: ReturnType<typeof plan>["steps"]) => steps.filter(({ op }) => op === "call").length;
    expect(calls(plan("known").steps)).toBe(calls(plan("flip").steps) - 1);
    expect(calls(scene.plan.steps)).toBe(calls(plan("known").steps));
  });

  it("brings back what stands in the slot: starts that only the target knows", () => {
    const { steps } = plan("flip");
    expect(steps.at(-1)).toMatchObject({
      op: "read",
      address: params + BigInt(slotOffset(1)),
      length: encodeSlot({ ...LATER, generation: 2n }).length,
    });
  });

  it.each([
    [undefined, LEFT_ALONE],
    [{ filtered: false, durations: false }, 0n],
    [{ filtered: true, durations: false }, FILTERED],
    [{ filtered: false, durations: true }, DURATIONS],
    [{ filtered: true, durations: true }, FILTERED | DURATIONS],
  ])("the target's flags for %o are %i", (calls, flags) => {
    const target = scene.target.fork();
    target.run(plan("known", calls));
    expect(look(target, scene)).toMatchObject({ state: "skewed", flags });
  });

  it("a profile that nobody wrote is told, and can be recovered", () => {
    const odd = pending.fork();
    odd.write(params + BigInt(slotOffset(0)) + 48n, Uint8Array.of(9));
    const found = look(odd, scene);
    expect(found).toMatchObject({
      state: "skewed",
      settings: { offset: 5n, flaw: "is of kind 9" },
      note: "its profile is of kind 9: another program has written there",
    });
    recover(odd, scene);
    expect(clean(odd)).toEqual(untouched);
  });
});
