/**
 * The tool is killed after each step of each plan. The target must run on with the true time or with the whole skew,
 * and the next `timeskew recover`, which knows nothing of the dead run, must leave no trace.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { decodeJump } from "../../../src/machine/x86_64/encode.ts";
import { decodeSlot, PARAMS, PROBE_BYTES, slotOffset } from "../../../src/patch/params.ts";
import { invert, type PatchPlan } from "../../../src/patch/plan.ts";
import { planProbe } from "../../../src/patch/probe.ts";
import type { Target } from "./memory.ts";
import {
  LOAD_ADDRESSES,
  leadsTo,
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

/** Every count of done steps, 0 and all included. */
function prefixes(plan: PatchPlan): number[] {
  return Array.from({ length: plan.steps.length + 1 }, (_, i) => i);
}

/**
 * A thread may enter any function now: it finds the original, or a jump to a complete payload whose settings are
 * whole. And none stands within the bytes of a jump.
 */
function expectSound(target: Target, scene: Scene, expected: "true time" | "skewed"): void {
  const { vdso, payload, pages, plan } = scene;
  const patched = vdso.functions.filter(({ offset, size, address: at }) => {
    const code = target.read(at, size)!;
    if (Buffer.compare(code, vdso.bytes.subarray(offset, offset + size)) === 0) return false;
    expect(code.subarray(5), "behind the jump").toEqual(vdso.bytes.subarray(offset + 5, offset + size));
    return true;
  });
  for (const { address: at, name } of patched) {
    expect(leadsTo(target, at)).toBe(pages + BigInt(payload.entries[name]));
    for (const pc of target.threads)
      expect(pc > at && pc < at + 5n, `a thread within ${name}'s jump`).toBe(false);
  }
  if (expected === "skewed") expect(patched).toHaveLength(vdso.functions.length);
  const calls = expectSoundCalls(target, plan);
  if (expected === "skewed") expect(calls).toBe(plan.calls.length);
  if (patched.length === 0 && calls === 0) return;

  const code = plan.steps.find((step) => step.what === "the payload and its trampolines");
  const whole = code?.op === "write" ? code.bytes : new Uint8Array(1);
  expect(Buffer.compare(target.read(pages, whole.length)!, whole), "the payload is complete").toBe(0);
  const params = pages + BigInt(payload.codeSize);
  const index = target.read(params + 0xfc0n, 1)![0]!;
  const slot = decodeSlot(target.read(params + BigInt(slotOffset(index)), PARAMS.slotSize)!);
  expect(slot.generation).not.toBe(0n);
  if (expected === "skewed") expect(slot).toMatchObject(SETTINGS);
  else expect(slot).toMatchObject({ mask: 0n, offset: 0n });
}

/** Each call site is the program's, or a jump to a complete thunk; how many are jumps. */
function expectSoundCalls(target: Target, { calls, steps }: PatchPlan): number {
  return calls.filter(({ address: at, original, thunk }) => {
    const now = target.read(at, 5)!;
    if (Buffer.compare(now, original) === 0) return false;
    expect(decodeJump(now, at)).toBe(thunk);
    const islands = steps.flatMap((step) =>
      step.what === "its thunks" && step.op === "write" ? [step] : [],
    );
    for (const { address: island, bytes } of islands)
      expect(Buffer.compare(target.read(island, bytes.length)!, bytes), "the island is complete").toBe(0);
    return true;
  }).length;
}

/** Recovers until nothing is left, as a user would. */
function expectCleanAfterRecovery(target: Target, scene: Scene, before: object): void {
  const first = recover(target, scene);
  if (first?.lingering) {
    expect(look(target, scene).state).toBe("lingering");
    expectSound(target, scene, "true time");
    letThreadsLeave(target, scene);
    expect(recover(target, scene)).toMatchObject({ end: "done", lingering: 0 });
  } else if (first !== undefined) {
    expect(first).toMatchObject({ end: "done", error: 0 });
  }
  const { threads, ...memory } = target.state() as { threads: unknown; memory: unknown };
  expect(memory).toEqual({ memory: (before as { memory: unknown }).memory });
  expect(look(target, scene)).toEqual({ state: "unskewed" });
}

/** What is found when the first `done` steps of an injection, or of a probe, are done. */
function expectedState(plan: PatchPlan, done: number): string {
  const through = (what: string | RegExp) => stepsThrough(plan, what);
  if (done < through("the payload's page")) return "unskewed";
  if (plan.action === "probe") return done < plan.steps.length ? "unused" : "unskewed";
  if (done <= through("threads leave the prologues")) return "unused";
  return done < through("slot 1 is in force") ? "partial" : "skewed";
}

/**
 * The states within a plan's writes. ptrace writes word by word where /proc/PID/mem is forbidden, and that writes whole
 * pages; bytes are for good measure, but for the payload: nobody could tell the first seven of its header from data.
 */
function* withinWrites(
  start: Target,
  plan: PatchPlan,
): Generator<{ target: Target; step: number; at: string }> {
  for (const [index, step] of plan.steps.entries()) {
    if (step.op !== "write") continue;
    const unit = step.what === "the payload and its trampolines" ? 8 : 1;
    const before = start.fork();
    before.run(plan, { dieAfter: index });
    for (let length = unit; length < step.bytes.length; length += unit) {
      const target = before.fork();
      target.write(step.address, step.bytes.subarray(0, length));
      yield { target, step: index, at: `${step.what}, ${length} bytes` };
    }
  }
}

const scenes = THOROUGH.flatMap(({ name, bytes }) =>
  LOAD_ADDRESSES.slice(0, 3).map((start) => ({ name, bytes, start, at: `0x${start.toString(16)}` })),
);

describe.each(scenes)("an injection that ends early, $name at $at", ({ bytes, start }) => {
  const scene = sceneOf(bytes, { start });
  const { plan } = scene;
  const before = scene.target.state();
  const cases = prefixes(plan).map((done) => ({ done, last: plan.steps[done - 1]?.what ?? "nothing" }));

  it.each(cases)("after $done steps ($last)", ({ done }) => {
    const target = scene.target.fork();
    expect(target.run(plan, { dieAfter: done }).end).toBe("died");
    const flipped = done >= stepsThrough(plan, "slot 1 is in force");
    expectSound(target, scene, flipped ? "skewed" : "true time");
    expect(look(target, scene).state).toBe(expectedState(plan, done));
    expectCleanAfterRecovery(target, scene, before);
  });

  it("leaves a blank page that is known by its place, if killed right after mapping it", () => {
    const target = scene.target.fork();
    target.run(plan, { dieAfter: stepsThrough(plan, "the payload's page") });
    expect(look(target, scene)).toMatchObject({
      state: "unused",
      blank: true,
      mark: { params: { size: 0 } },
    });
  });
});

describe.each(THOROUGH)("writes that end early, $name", ({ bytes }) => {
  const scene = sceneOf(bytes);
  const before = scene.target.state();

  it("of an injection", () => {
    const { plan } = scene;
    for (const { target, step, at } of withinWrites(scene.target, plan)) {
      const flipped = step >= stepsThrough(plan, "slot 1 is in force");
      expectSound(target, scene, flipped ? "skewed" : "true time");
      expect(look(target, scene).state, at).toBe(expectedState(plan, step));
      expectCleanAfterRecovery(target, scene, before);
    }
  });

  it("of a probe", () => {
    const plan = probeOf(scene);
    for (const { target, step, at } of withinWrites(scene.target, plan)) {
      expect(look(target, scene).state, at).toBe(expectedState(plan, step));
      expectCleanAfterRecovery(target, scene, before);
    }
  });

  it("of a recovery", () => {
    const skewed = scene.target.fork();
    skewed.run(scene.plan);
    letThreadsLeave(skewed, scene);
    const plan = recoveryOf(skewed, scene)!;
    for (const { target, step } of withinWrites(skewed, plan)) {
      expectSound(target, scene, step < stepsThrough(plan, "slot 0 is in force") ? "skewed" : "true time");
      expectCleanAfterRecovery(target, scene, before);
    }
  });
});

it.each(THOROUGH)("a roll back that ends early, $name", ({ bytes }) => {
  const scene = sceneOf(bytes);
  const before = scene.target.state();
  for (const plan of [scene.plan, probeOf(scene)]) {
    for (const done of prefixes(plan).slice(0, -1)) {
      const failed = scene.target.fork();
      failed.run(plan, { dieAfter: done });
      const back = { steps: invert(plan.steps.slice(0, done)) };
      for (let undone = 0; undone <= back.steps.length; undone++) {
        const target = failed.fork();
        target.run(back, { dieAfter: undone });
        expectCleanAfterRecovery(target, scene, before);
      }
    }
  }
});

describe.each(scenes)("a recovery that ends early, $name at $at", ({ bytes, start }) => {
  const scene = sceneOf(bytes, { start });
  const before = scene.target.state();
  const skewed = scene.target.fork();
  skewed.run(scene.plan);
  letThreadsLeave(skewed, scene);
  const plan = recoveryOf(skewed, scene)!;
  const cases = prefixes(plan).map((done) => ({ done, last: plan.steps[done - 1]?.what ?? "nothing" }));

  it.each(cases)("after $done steps ($last)", ({ done }) => {
    const target = skewed.fork();
    target.run(plan, { dieAfter: done });
    const flipped = done >= stepsThrough(plan, "slot 0 is in force");
    expectSound(target, scene, flipped ? "true time" : "skewed");
    const state = !flipped
      ? "skewed"
      : done < stepsThrough(plan, /is as the kernel made it/)
        ? "partial"
        : done < stepsThrough(plan, "the mark says so")
          ? "unused"
          : done < plan.steps.length
            ? "lingering"
            : "unskewed";
    expect(look(target, scene).state).toBe(state);
    expectCleanAfterRecovery(target, scene, before);
  });
});

/** Of a target without our pages. */
function probeOf({ vdso, payload, pages }: Scene): PatchPlan {
  return planProbe({
    pid: 1234,
    vdso,
    payload,
    pages: { free: pages },
    wanted: 1n,
    pristineTail: tailOf(vdso),
  });
}

it.each(THOROUGH)("an injection and then its recovery end early, $name", ({ bytes }) => {
  const scene = sceneOf(bytes);
  const before = scene.target.state();
  for (const injected of prefixes(scene.plan)) {
    if (injected < stepsThrough(scene.plan, "the payload's page")) continue;
    const target = scene.target.fork();
    target.run(scene.plan, { dieAfter: injected });
    letThreadsLeave(target, scene);
    const plan = recoveryOf(target, scene)!;
    for (const recovered of prefixes(plan)) {
      const again = target.fork();
      again.run(plan, { dieAfter: recovered });
      expectCleanAfterRecovery(again, scene, before);
    }
  }
});

describe("a recovery with threads inside", () => {
  const { bytes } = THOROUGH.at(-1)!;
  const scene = sceneOf(bytes);
  const before = scene.target.state();

  it("restores the vDSO, keeps the pages, says so, and ends its work when asked again", () => {
    const target = scene.target.fork();
    target.run(scene.plan);
    target.threads = [scene.pages + 0x200n];
    const outcome = recover(target, scene)!;
    expect(outcome).toMatchObject({ end: "done", lingering: 1 });
    expect(look(target, scene)).toMatchObject({
      state: "lingering",
      patchedSites: [],
      settings: { mask: 0n },
      mark: { state: "restored" },
    });
    expectCleanAfterRecovery(target, scene, before);
  });

  it("makes way for a new injection, whose pages are elsewhere, and both go away", () => {
    const target = scene.target.fork();
    target.run(scene.plan);
    target.threads = [scene.pages + 0x200n];
    recover(target, scene);

    const second = sceneOf(bytes, { pages: scene.pages - 0x10_000n, before: target });
    expect(target.run(second.plan).end).toBe("done");
    expect(look(target, scene)).toMatchObject({ state: "skewed", mark: { code: { address: second.pages } } });
    expect(recover(target, second)).toMatchObject({ end: "done", lingering: 0 });
    expect(look(target, scene)).toMatchObject({
      state: "lingering",
      mark: { code: { address: scene.pages } },
    });
    expectCleanAfterRecovery(target, scene, before);
  });
});

describe.each(THOROUGH)("a probe of a target without our pages that ends early, $name", ({ bytes }) => {
  const scene = sceneOf(bytes);
  const { vdso } = scene;
  const before = scene.target.state();
  const plan = probeOf(scene);

  it("leaves nothing when it is carried out", () => {
    const target = scene.target.fork();
    expect(target.run(plan)).toMatchObject({ end: "done", output: { length: PROBE_BYTES } });
    expect(target.state()).toEqual(before);
  });

  const cases = prefixes(plan).map((done) => ({ done, last: plan.steps[done - 1]?.what ?? "nothing" }));
  it.each(cases)("after $done steps ($last)", ({ done }) => {
    const target = scene.target.fork();
    target.run(plan, { dieAfter: done });
    expect(target.read(vdso.start, bytes.length)).toEqual(Uint8Array.from(bytes));
    expect(look(target, scene).state).toBe(expectedState(plan, done));
    expectCleanAfterRecovery(target, scene, before);
  });

  it.each(cases.slice(0, -1))("fails after $done steps ($last): rolled back", ({ done }) => {
    const target = scene.target.fork();
    expect(target.run(plan, { failAt: done })).toMatchObject({ end: "failed", rollback: "done" });
    expect(target.state()).toEqual(before);
  });
});

it("probes a skewed target by its own pages and changes nothing but the scratch page", () => {
  const scene = sceneOf(THOROUGH.at(-1)!.bytes);
  const { target, vdso, payload, pages } = scene;
  target.run(scene.plan);
  const found = look(target, scene);
  if (!("mark" in found)) throw new Error("no mark");
  const params = found.mark.params.address;
  const before = target.fork();
  const plan = planProbe({
    pid: 1234,
    vdso,
    payload,
    pages: found,
    wanted: 1n,
    pristineTail: tailOf(vdso),
  });
  expect(plan).toMatchObject({ before: "skewed", stop: "one" });
  expect(target.run(plan).end).toBe("done");
  for (const t of [before, target]) t.write(params + BigInt(PARAMS.probe), new Uint8Array(4096));
  expect(target.state()).toEqual(before.state());
  const call = plan.steps.find((step) => step.op === "call");
  expect(call).toMatchObject({
    address: pages + BigInt(payload.probeEntry),
    argument: params,
    stack: address(params + BigInt(PARAMS.stackTop)),
  });
});

it("probes by the entry of the payload that is there, which another build may have put there", () => {
  const scene = sceneOf(THOROUGH.at(-1)!.bytes);
  const { target, vdso, payload, pages } = scene;
  target.run(scene.plan);
  const other = payload.probeEntry - 16;
  const entry = new Uint8Array(Uint32Array.of(other).buffer);
  target.write(pages + 8n + 4n * 9n, entry);
  const found = look(target, scene);
  expect(found).toMatchObject({ state: "skewed", probeEntry: other });
  if (!("mark" in found)) throw new Error("no mark");
  const plan = planProbe({ pid: 1234, vdso, payload, pages: found, wanted: 1n, pristineTail: tailOf(vdso) });
  expect(plan.steps.find(({ op }) => op === "call")).toMatchObject({ address: pages + BigInt(other) });
});

it("says in which state each plan finds its target", () => {
  const scene = sceneOf(THOROUGH.at(-1)!.bytes);
  const beforeOf = (what: string) => {
    const target = scene.target.fork();
    target.run(scene.plan, { dieAfter: stepsThrough(scene.plan, what) });
    return recoveryOf(target, scene)!.before;
  };
  expect(scene.plan.before).toBe("untouched");
  expect(probeOf(scene).before).toBe("untouched");
  expect(beforeOf("the payload's page")).toBe("partial");
  expect(beforeOf("the mark")).toBe("partial");
  expect(beforeOf("clock_gettime begins with a jump")).toBe("partial");
  expect(beforeOf("slot 1 is in force")).toBe("skewed");
});
