/**
 * A plan and its inverse, and the roll back of a plan whose step fails.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { PARAMS, slotOffset } from "../../../src/patch/params.ts";
import { invert, type Step } from "../../../src/patch/plan.ts";
import { StepError, Target } from "./memory.ts";
import { IMAGES, letThreadsLeave, look, recoveryOf, sceneOf, THOROUGH } from "./scenes.ts";

const word = (byte: number) => new Uint8Array(8).fill(byte);

describe("invert", () => {
  it("reverses the order and leaves out what changes nothing or goes away with its page", () => {
    const a = address(0x1000n);
    const b = address(0x2000n);
    const steps: Step[] = [
      { op: "check", address: a, bytes: word(0), what: "check" },
      { op: "map", address: b, length: 4096, protection: "rw-", what: "pages" },
      { op: "write", address: b, bytes: word(1), what: "content" },
      { op: "move", moves: [{ from: a, to: b }], what: "threads" },
      { op: "patch", address: a, old: word(0), new: word(2), what: "jump" },
      { op: "write", address: b, bytes: word(3), old: word(1), what: "flip" },
      { op: "call", address: b, argument: b, stack: b, what: "call" },
      { op: "read", address: b, length: 8, what: "read" },
      { op: "drain", code: [{ address: b, length: 8 }], timeoutNs: 0n, calls: a, what: "drain" },
      { op: "unmap", address: b, length: 4096, what: "unmap" },
    ];
    expect(invert(steps)).toEqual([
      { op: "write", address: b, bytes: word(1), old: word(3), what: "undo: flip" },
      { op: "patch", address: a, old: word(2), new: word(0), what: "restore: jump" },
      { op: "move", moves: [{ from: b, to: a }], what: "back: threads" },
      { op: "unmap", address: b, length: 4096, what: "unmap: pages" },
    ]);
  });

  it.each(IMAGES)("makes an injection undone, $name", ({ bytes }) => {
    const { target, plan } = sceneOf(bytes);
    const before = target.state();
    expect(target.run(plan).end).toBe("done");
    expect(target.state()).not.toEqual(before);
    expect(target.run({ steps: invert(plan.steps) }).end).toBe("done");
    expect(target.state()).toEqual(before);
  });

  it.each(IMAGES)("restores the same words as recover does, $name", ({ bytes }) => {
    const scene = sceneOf(bytes);
    scene.target.run(scene.plan);
    letThreadsLeave(scene.target, scene);
    const patches = (steps: readonly Step[]) =>
      steps.flatMap((step) =>
        step.op === "patch" ? [{ address: step.address, old: step.old, new: step.new }] : [],
      );
    const byInverse = patches(invert(scene.plan.steps));
    const byRecovery = patches(recoveryOf(scene.target, scene)!.steps);
    expect(byRecovery).toHaveLength(byInverse.length);
    for (const patch of byInverse.filter(({ address: at }) => at >= scene.vdso.start))
      expect(byRecovery).toContainEqual(patch);

    const undone = scene.target.fork();
    undone.run({ steps: invert(scene.plan.steps) });
    scene.target.run(recoveryOf(scene.target, scene)!);
    expect(scene.target.state()).toEqual(undone.state());
  });
});

describe.each(THOROUGH)("a failing step is rolled back, $name", ({ bytes }) => {
  const scene = sceneOf(bytes);
  const before = scene.target.state();
  const cases = scene.plan.steps.map(({ what, op }, index) => ({ index, op, what }));

  it.each(cases)("inject, step $index ($op: $what)", ({ index }) => {
    const target = scene.target.fork();
    expect(target.run(scene.plan, { failAt: index })).toMatchObject({
      end: "failed",
      steps: index,
      rollback: "done",
    });
    expect(target.state()).toEqual(before);
  });

  const skewed = scene.target.fork();
  skewed.run(scene.plan);
  letThreadsLeave(skewed, scene);
  const recovery = recoveryOf(skewed, scene)!;
  const pointOfNoReturn = recovery.steps.findIndex(({ op }) => op === "drain");

  it.each(recovery.steps.map(({ what, op }, index) => ({ index, op, what })))(
    "recover, step $index ($op: $what)",
    ({ index }) => {
      const target = skewed.fork();
      const outcome = target.run(recovery, { failAt: index });
      if (index > pointOfNoReturn) {
        expect(outcome).toMatchObject({ end: "failed", rollback: "none" });
        expect(look(target, scene).state).toBe("lingering");
        return;
      }
      expect(outcome).toMatchObject({ end: "failed", rollback: "done" });
      // The idle slot holds the true time now, which the index does not name.
      const expected = skewed.fork();
      const { mark } = look(skewed, scene) as { mark: { params: { address: bigint } } };
      const slot = mark.params.address + BigInt(slotOffset(0));
      target.write(slot, expected.read(slot, PARAMS.slotSize)!);
      expect(target.state()).toEqual(expected.state());
    },
  );

  // A patch replaces one word at once: it fails with no effect.
  const byHalf = ({ op }: { op: string }) => op === "move" || op === "write";

  it.each(cases.filter(byHalf))("inject, step $index ($op: $what), by half", ({ index }) => {
    const target = scene.target.fork();
    expect(target.run(scene.plan, { failAt: index, late: true })).toMatchObject({
      end: "failed",
      steps: index,
      rollback: "done",
    });
    expect(target.state()).toEqual(before);
  });

  it.each(recovery.steps.map(({ what, op }, index) => ({ index, op, what })).filter(byHalf))(
    "recover, step $index ($op: $what), by half",
    ({ index }) => {
      const target = skewed.fork();
      expect(target.run(recovery, { failAt: index, late: true })).toMatchObject({ rollback: "done" });
      expect(look(target, scene)).toMatchObject({ state: "skewed", index: 1, mark: { state: "armed" } });
    },
  );
});

describe("the simulated target says no", () => {
  const bytes = new Uint8Array(4096);
  const at = (offset: bigint) => address(0x1000n + offset);
  const run = (step: Step) => new Target({ start: 0x1000n, bytes }).run({ steps: [step] }).error;

  it.each<[string, number, Step]>([
    ["other bytes", 116, { op: "check", address: at(0n), bytes: word(1), what: "" }],
    ["a hole", 14, { op: "check", address: at(4092n), bytes: word(0), what: "" }],
    ["a taken page", 17, { op: "map", address: at(0n), length: 4096, protection: "rw-", what: "" }],
    ["half a page", 22, { op: "map", address: address(0x8800n), length: 4096, protection: "rw-", what: "" }],
    ["half an unmapping", 22, { op: "unmap", address: at(0n), length: 8, what: "" }],
    ["a write to nowhere", 14, { op: "write", address: address(0n), bytes: word(0), what: "" }],
    ["another word", 116, { op: "patch", address: at(0n), old: word(1), new: word(2), what: "" }],
    ["a word on two pages", 22, { op: "patch", address: at(4089n), old: word(0), new: word(2), what: "" }],
    ["a call of data", 14, { op: "call", address: address(0n), argument: at(0n), stack: at(8n), what: "" }],
    ["a read of nothing", 14, { op: "read", address: at(4090n), length: 8, what: "" }],
  ])("%s", (_, errno, step) => {
    expect(run(step)).toBe(errno);
  });

  it("by an error that no test takes for its own", () => {
    expect(() => new Target({ start: 0n, bytes }).write(0x5000n, word(1))).toThrow(StepError);
  });
});
