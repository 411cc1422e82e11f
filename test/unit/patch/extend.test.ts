/**
 * The extension of a skewed process by islands for code that was mapped since, carried out on simulated targets: as a whole,
 * until the tool dies or a step fails, and again when libraries come and go.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { decodeJump } from "../../../src/machine/x86_64/encode.ts";
import { planExtension } from "../../../src/patch/extend.ts";
import type { FoundPages } from "../../../src/patch/find.ts";
import type { CallSiteInTarget } from "../../../src/patch/island.ts";
import { ADDED_OFFSET, MAX_ADDED } from "../../../src/patch/mark.ts";
import { DURATIONS, FILTERED, PARAMS } from "../../../src/patch/params.ts";
import type { PatchPlan } from "../../../src/patch/plan.ts";
import type { Target } from "./memory.ts";
import {
  letThreadsLeave,
  look,
  recover,
  type Scene,
  SETTINGS,
  sceneOf,
  stepsThrough,
  THOROUGH,
  tailOf,
} from "./scenes.ts";

/** As far from each other as libraries are whose islands cannot be one. */
const APART = 1n << 32n;
const FIRST_LIBRARY = 0x7f10_0000_0000n;
const SIZE = 0x3000;
const OFFSETS = [0x100, 0x207, 0x20e, 0x2ff0];

/** mov eax, 202; syscall */
const FUTEX = Uint8Array.of(0xb8, 0xca, 0, 0, 0, 0x0f, 0x05);

function libraryAt(index: number): bigint {
  return FIRST_LIBRARY + BigInt(index) * APART;
}

/** Maps a library, whose code makes system calls at these places. */
function load(target: Target, index = 0, offsets: readonly number[] = OFFSETS): CallSiteInTarget[] {
  target.occupy(libraryAt(index), SIZE, "r-xp", "/library");
  return offsets.map((offset) => {
    const at = address(libraryAt(index) + BigInt(offset));
    target.write(at, FUTEX);
    const what = `futex at ${offset} of library ${index}`;
    return { address: at, moved: FUTEX.slice(0, 5), call: address(at + 5n), free: 8, what };
  });
}

function unload(target: Target, index = 0): void {
  target.run({ steps: [{ op: "unmap", address: address(libraryAt(index)), length: SIZE, what: "dlclose" }] });
}

function foundIn(target: Target, scene: Scene): FoundPages {
  const found = look(target, scene);
  if (!("mark" in found)) throw new Error(found.state);
  return found;
}

function extensionOf(
  target: Target,
  scene: Scene,
  sites: readonly CallSiteInTarget[],
  { filtered = false, durations = false } = {},
): PatchPlan {
  const { vdso } = scene;
  return planExtension({
    pid: 1,
    vdso,
    found: foundIn(target, scene),
    pristineTail: tailOf(vdso),
    calls: {
      sites,
      maps: target.maps(),
      read: (at, length) => target.read(at, length)!,
      filtered,
      durations,
    },
  });
}

describe.each(THOROUGH)("$name", ({ bytes }) => {
  const scene = sceneOf(bytes);
  const { payload, pages } = scene;
  const untouched = scene.target.state() as { memory: object[] };
  const params = pages + BigInt(payload.codeSize);
  const skewed = scene.target.fork();
  skewed.run(scene.plan);
  letThreadsLeave(skewed, scene);
  const loaded = skewed.fork();
  const sites = load(loaded);
  const plan = extensionOf(loaded, scene, sites);
  const before = loaded.state();

  /** Everything but the library is as before the injection. */
  const expectClean = (target: Target) => {
    unload(target);
    expect((target.state() as { memory: object[] }).memory).toEqual(untouched.memory);
  };

  it("leads every new site to a thunk that calls this payload, and leaves all else as it was", () => {
    const target = loaded.fork();
    expect(target.run(plan)).toMatchObject({ end: "done" });
    const found = foundIn(target, scene);
    expect(found).toMatchObject({
      state: "skewed",
      settings: { ...SETTINGS, generation: 2n },
      note: undefined,
    });
    expect(found.patchedCalls).toHaveLength(scene.plan.calls.length + sites.length);
    for (const { address: at, thunk } of plan.calls) expect(decodeJump(target.read(at, 5)!, at)).toBe(thunk);
    const island = found.islands.find(
      ({ address: at }) => at === plan.calls[0]!.thunk - (plan.calls[0]!.thunk % 4096n),
    );
    const enter = new DataView(target.read(island!.address + 40n, 8)!.buffer).getBigUint64(0, true);
    expect(enter).toBe(pages + BigInt(payload.enter));
  });

  it("is recovered as a whole", () => {
    const target = loaded.fork();
    target.run(plan);
    expect(recover(target, scene)).toMatchObject({ end: "done", lingering: 0 });
    for (const { address: at } of sites) expect(target.read(at, 7)).toEqual(FUTEX);
    expectClean(target);
  });

  const deaths = [...plan.steps.keys(), plan.steps.length].map((done) => ({
    done,
    last: plan.steps[done - 1]?.what ?? "nothing",
  }));

  it.each(deaths)(
    "stays skewed when the tool dies after $last, can be extended then, and recovered",
    ({ done }) => {
      const dead = loaded.fork();
      dead.run(plan, { dieAfter: done });
      expect(look(dead, scene)).toMatchObject({ state: "skewed" });
      const patched = new Set(foundIn(dead, scene).patchedCalls.map(({ address: at }) => at));
      const again = dead.fork();
      const rest = sites.filter(({ address: at }) => !patched.has(at));
      expect(again.run(extensionOf(again, scene, rest))).toMatchObject({ end: "done" });
      expect(foundIn(again, scene).patchedCalls).toHaveLength(scene.plan.calls.length + sites.length);
      for (const target of [dead, again]) {
        expect(recover(target, scene)).toMatchObject({ end: "done", lingering: 0 });
        expectClean(target);
      }
    },
  );

  it.each(deaths.slice(0, -1))("rolls back when the step behind $last fails, early or late", ({ done }) => {
    for (const late of [false, true]) {
      const target = loaded.fork();
      target.run(plan, { failAt: done, late });
      // A step that has failed late was done; only writes and moves are taken for begun then.
      if (!late || plan.steps[done]!.op === "write") expect(target.state()).toEqual(before);
      expect(look(target, scene)).toMatchObject({ state: "skewed" });
    }
  });

  it("names an island before it is mapped, and fills it before anybody is led there", () => {
    const through = (what: string | RegExp) => stepsThrough(plan, what);
    expect(through("the mark names one more island")).toBeLessThan(through("an island for 4 call sites"));
    expect(through("its thunks")).toBeLessThan(
      plan.steps.findIndex(({ what }) => what.startsWith("futex")) + 1,
    );
  });

  it("says that there is a filter now, once", () => {
    const target = loaded.fork();
    target.run(extensionOf(target, scene, sites, { filtered: true }));
    expect(foundIn(target, scene).flags).toBe(FILTERED);
    const more = extensionOf(target, scene, load(target, 1), { filtered: true });
    expect(more.steps.map(({ what }) => what)).not.toContain("there is a seccomp filter now");
    target.write(params + BigInt(PARAMS.flags), Uint8Array.of(Number(DURATIONS)));
    target.run(extensionOf(target, scene, load(target, 2), { filtered: true, durations: true }));
    expect(foundIn(target, scene).flags).toBe(FILTERED | DURATIONS);
  });

  it("has nothing to do without new sites", () => {
    const nothing = extensionOf(loaded, scene, []);
    expect(nothing.calls).toEqual([]);
    expect(nothing.steps.some(({ op }) => ["map", "write", "patch"].includes(op))).toBe(false);
  });

  it("adds eight islands, no more", () => {
    const target = skewed.fork();
    for (let i = 0; i < MAX_ADDED; i++) {
      const next = extensionOf(target, scene, load(target, i));
      expect(next.calls).toHaveLength(OFFSETS.length);
      expect(target.run(next).end).toBe("done");
    }
    expect(extensionOf(target, scene, load(target, MAX_ADDED)).calls).toEqual([]);
    expect(foundIn(target, scene).patchedCalls).toHaveLength(
      scene.plan.calls.length + MAX_ADDED * OFFSETS.length,
    );
    expect(recover(target, scene)).toMatchObject({ end: "done", lingering: 0 });
    for (let i = 0; i <= MAX_ADDED; i++) unload(target, i);
    expect((target.state() as { memory: object[] }).memory).toEqual(untouched.memory);
  });

  // The record of a site that is gone must not hide that of one that overlaps it.
  it("finds the sites of a library where another one was", () => {
    const target = loaded.fork();
    target.run(plan);
    unload(target);
    const shifted = load(
      target,
      0,
      OFFSETS.map((offset) => offset + 2),
    );
    const next = extensionOf(target, scene, shifted);
    expect(target.run(next).end).toBe("done");
    const found = foundIn(target, scene);
    expect(found.patchedCalls.map(({ address: at }) => at)).toEqual(
      expect.arrayContaining(shifted.map(({ address: at }) => at)),
    );
    expect(found.note).toMatch(/^4 of the 15 places/);
    expect(recover(target, scene)).toMatchObject({ end: "done", lingering: 0 });
    for (const { address: at } of shifted) expect(target.read(at, 7)).toEqual(FUTEX);
    expectClean(target);
  });

  it("takes the place of an island that was never mapped", () => {
    const target = loaded.fork();
    target.run(plan, { dieAfter: stepsThrough(plan, "the mark names one more island") });
    const again = extensionOf(target, scene, sites);
    expect(again.steps.find(({ op }) => op === "patch")).toMatchObject({
      address: address(params + BigInt(ADDED_OFFSET)),
    });
    expect(target.run(again).end).toBe("done");
    expect(recover(target, scene)).toMatchObject({ end: "done", lingering: 0 });
    expectClean(target);
  });
});
