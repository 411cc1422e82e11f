/**
 * Injections planned for real and synthetic images, and carried out on simulated targets.
 */
import { describe, expect, it } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { address } from "../../../src/machine/address.ts";
import { decodeAll } from "../../../src/machine/x86_64/decode.ts";
import { decodeJump } from "../../../src/machine/x86_64/encode.ts";
import { relocatePrologue } from "../../../src/machine/x86_64/relocate.ts";
import { planInjection } from "../../../src/patch/inject.ts";
import { decodeSlot, encodeSlot, PARAMS, slotOffset } from "../../../src/patch/params.ts";
import { FUNCTIONS } from "../../../src/patch/payload.ts";
import type { PatchPlan } from "../../../src/patch/plan.ts";
import { planUpdate } from "../../../src/patch/update.ts";
import { loadPayload } from "../../../src/tracer/native.ts";
import { buildImage } from "../elf/build-image.ts";
import { EEXIST, ESTALE } from "./memory.ts";
import {
  IMAGES,
  LOAD_ADDRESSES,
  leadsTo,
  look,
  PROGRAM,
  prologue,
  SETTINGS,
  sceneOf,
  syntheticImage,
  tailOf,
} from "./scenes.ts";

const REACH = 1n << 31n;
const ROOM = BigInt(loadPayload().codeSize + loadPayload().paramsSize);
/** Below the program of a scene, with a page between. */
const ISLAND = PROGRAM.start - 2n * 4096n;
const everywhere = IMAGES.flatMap(({ name, bytes }) =>
  LOAD_ADDRESSES.map((start) => ({ name, bytes, start, at: `0x${start.toString(16)}` })),
);

describe.each(everywhere)("$name at $at", ({ bytes, start }) => {
  const scene = sceneOf(bytes, { start });
  const { target, vdso, payload, pages, plan } = scene;
  const params = pages + BigInt(payload.codeSize);
  const outcome = target.run(plan);
  const after = target.read(start, bytes.length)!;

  it("is carried out", () => {
    expect(outcome).toMatchObject({ end: "done", error: 0 });
    expect(outcome.output).toHaveLength(56 + 15 * 56 + encodeSlot({ ...SETTINGS, generation: 2n }).length);
  });

  it("rewrites five bytes at each entry and nothing else", () => {
    const expected = Uint8Array.from(bytes);
    for (const { offset, address, name } of vdso.functions) {
      const jump = after.subarray(offset, offset + 5);
      expect(leadsTo(target, address)).toBe(pages + BigInt(payload.entries[name]));
      expected.set(jump, offset);
    }
    expect(Buffer.compare(after, expected)).toBe(0);
  });

  it("puts payload and trampolines in place", () => {
    const code = Uint8Array.from(payload.bytes);
    for (const fn of vdso.functions) {
      const at = payload.trampolines[fn.name];
      const original = bytes.subarray(fn.offset, fn.offset + fn.size);
      const to = scene.pages + BigInt(at);
      const {
        bytes: trampoline,
        jumpBack,
        prologueLength,
      } = relocatePrologue(original, fn.address, address(to));
      expect(trampoline.length).toBeLessThanOrEqual(payload.trampolineSize);
      expect(decodeJump(trampoline.subarray(jumpBack), address(to + BigInt(jumpBack!)))).toBe(
        fn.address + BigInt(prologueLength),
      );
      code.set(trampoline, at);
    }
    expect(Buffer.compare(target.read(pages, payload.bytes.length)!, code)).toBe(0);
    const rest = target.read(pages + BigInt(code.length), payload.codeSize - code.length)!;
    for (const { address } of vdso.functions) {
      const landing = Number(decodeJump(after.subarray(Number(address - start)), address)! - pages);
      if (landing >= code.length) rest.fill(0, landing - code.length, landing - code.length + 5);
    }
    expect(rest.every((byte) => byte === 0)).toBe(true);
  });

  it("fills the slots, and slot 1 is in force", () => {
    expect(decodeSlot(target.read(params + BigInt(slotOffset(0)), 56)!)).toEqual({
      generation: 1n,
      mask: 0n,
      offset: 0n,
      skewId: 0n,
      since: 0n,
    });
    expect(decodeSlot(target.read(params + BigInt(slotOffset(1)), 56)!)).toEqual({
      ...SETTINGS,
      generation: 2n,
    });
    expect(target.read(params + 0xfc0n, 1)).toEqual(Uint8Array.of(1));
  });

  it("maps code that nobody may write and parameters that nobody may execute", () => {
    const ours = target.maps().filter(({ path }) => path === "");
    const expected = [
      [ISLAND, 4096n, "r-xp"],
      [pages, BigInt(payload.codeSize), "r-xp"],
      [params, BigInt(PARAMS.size), "rw-p"],
    ] as const;
    expect(ours.map(({ start, end, perms }) => [start, end - start, perms])).toEqual(
      expected.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  });

  it("moves threads that the jumps would cut to the same instruction, and no others", () => {
    const moves = plan.steps.flatMap((step) => (step.op === "move" ? step.moves : []));
    const cut = vdso.functions.flatMap(({ offset, size, address }) =>
      [...decodeAll(bytes.subarray(offset, offset + size))]
        .filter((instruction) => instruction.offset > 0 && instruction.offset < 5)
        .map((instruction) => address + BigInt(instruction.offset)),
    );
    // Before the jumps are written, and behind.
    expect(moves.map(({ from }) => from)).toEqual([...cut, ...cut]);
    expect(target.threads).toEqual([
      0x40_1000n,
      ...plan.calls.map(({ address }) => address),
      ...vdso.functions.map((fn) => fn.address),
      ...moves.map(({ to }) => to),
      ...moves.map(({ to }) => to),
    ]);
  });

  it("is found", () => {
    expect(look(target, scene)).toMatchObject({
      state: "skewed",
      index: 1,
      settings: { ...SETTINGS, generation: 2n },
      patchedSites: { length: vdso.functions.length },
      patchedCalls: plan.calls,
      mark: { state: "armed", code: { address: pages }, params: { address: params } },
    });
  });
});

describe("pages at the limits of a jump's reach", () => {
  const { bytes } = IMAGES.at(-1)!;
  const start = LOAD_ADDRESSES[0]!;

  it.each([
    ["just below", start - REACH + ROOM],
    // The prologues refer to the kernel's data, some pages below the image.
    ["just above", start + REACH - ROOM - 0x10_000n],
  ])("%s", (_, pages) => {
    const scene = sceneOf(bytes, { start, pages });
    expect(scene.target.run(scene.plan).end).toBe("done");
    expect(look(scene.target, scene).state).toBe("skewed");
  });

  it.each([
    ["too far below", start - REACH - ROOM],
    ["too far above", start + REACH + ROOM],
  ])("%s: refused", (_, pages) => {
    expect(() => sceneOf(bytes, { start, pages })).toThrow(/cannot be patched safely/);
  });
});

describe("functions that do not begin a word", () => {
  const code = prologue("Linux 6.1 __vdso_clock_gettime");

  it.each([1, 2, 3])("%i bytes into it: the rest of the word stays", (shift) => {
    const bytes = syntheticImage({ clock_gettime: code }, { shift });
    const scene = sceneOf(bytes);
    const [fn] = scene.vdso.functions;
    expect(scene.plan.sites[0]!.address).toBe(fn!.address - BigInt(shift));
    scene.target.run(scene.plan);
    const expected = Uint8Array.from(bytes);
    const after = scene.target.read(scene.vdso.start, bytes.length)!;
    expected.set(after.subarray(fn!.offset, fn!.offset + 5), fn!.offset);
    expect(Buffer.compare(after, expected)).toBe(0);
    expect(look(scene.target, scene).state).toBe("skewed");
  });

  it.each([4, 5, 6, 7])("%i bytes into it: refused, since two words cannot change at once", (shift) => {
    expect(() => sceneOf(syntheticImage({ clock_gettime: code }, { shift }))).toThrow(
      expect.objectContaining({
        code: "E_VDSO",
        message: "the vDSO's clock_gettime cannot be patched safely: its entry straddles an aligned word",
      }),
    );
  });
});

describe("what cannot be patched safely", () => {
  const nops = (count: number) => new Array<number>(count).fill(0x90);
  const jumpTo = (from: number, to: number) => [0xe9, to - from - 5, 0xff, 0xff, 0xff];

  it.each<[string, number[], string]>([
    ["a loop into the prologue", [...nops(16), 0xeb, -16 & 0xff], "branches into its first 5 bytes"],
    ["a loop to the entry", [...nops(16), 0xeb, -18 & 0xff], "branches into its first 5 bytes"],
    [
      "a tail call to the entry",
      [...nops(16), ...jumpTo(16, 0).map((b) => b & 0xff)],
      "branches into its first",
    ],
    ["a call in the prologue", [0xe8, 0, 0, 0, 0], "a call would return into the trampoline"],
    ["a system call in the prologue", [0x0f, 0x05, 0xc3], "a system call restarts at its own address"],
    ["an unknown instruction", [0x06, 0x90], ""],
    ["a return too soon", [0x31, 0xc0, 0xc3], "the function ends before byte 5"],
  ])("%s", (_, code, why) => {
    const refused = () => sceneOf(syntheticImage({ clock_gettime: Uint8Array.from(code) }));
    expect(refused).toThrow(TimeskewError);
    expect(refused).toThrow(
      expect.objectContaining({ code: "E_VDSO", message: expect.stringContaining(why) }),
    );
  });
});

it("refuses two functions that begin in one word: only one jump has room there", () => {
  const code = prologue("Linux 6.1 __vdso_clock_gettime");
  const { bytes, symbols } = buildImage({
    symbols: ["__vdso_clock_gettime", "__vdso_gettimeofday"].map((name) => ({
      name,
      offset: 0x800,
      size: 0xf0,
    })),
  });
  expect(symbols).toHaveLength(2);
  const image = Uint8Array.from(bytes);
  const loaded = syntheticImage({ clock_gettime: code });
  // Everything that is loaded, as in an image with one function, and its code.
  image.set(loaded.subarray(0x800, 0xc00), 0x800);
  for (const at of [32, 40]) new DataView(image.buffer).setBigUint64(64 + at, 0xc00n, true);
  expect(() => sceneOf(image)).toThrow(
    expect.objectContaining({
      code: "E_VDSO",
      message:
        "the vDSO's gettimeofday cannot be patched safely: clock_gettime begins in the same aligned word",
    }),
  );
});

it("does without a function that the kernel lacks", () => {
  const code = prologue("Linux 6.1 __vdso_clock_gettime");
  const scene = sceneOf(syntheticImage({ clock_gettime: code }));
  expect(scene.target.run(scene.plan).end).toBe("done");
  const head = scene.plan.steps.find((step) => step.what === "which clocks to read");
  const entries =
    head?.op === "write" ? new BigUint64Array(head.bytes.slice(0, 8 * FUNCTIONS.length).buffer) : [];
  expect([...entries]).toEqual([scene.vdso.functions[0]!.address, 0n, 0n, 0n, 0n]);
});

describe("a target that changed since it was looked at", () => {
  const { bytes } = IMAGES.at(-1)!;

  it("is left alone when it runs another program now", () => {
    const { target, vdso, plan } = sceneOf(bytes);
    target.write(vdso.start + 16n, Uint8Array.of(9));
    const before = target.state();
    expect(target.run(plan)).toMatchObject({ end: "failed", error: ESTALE, steps: 0, rollback: "done" });
    expect(target.state()).toEqual(before);
  });

  it("is left alone when somebody patched a function", () => {
    const { target, vdso, plan } = sceneOf(bytes);
    target.write(vdso.functions[1]!.address, Uint8Array.of(0xcc));
    const before = target.state();
    expect(target.run(plan)).toMatchObject({ end: "failed", error: ESTALE, steps: 2 });
    expect(target.state()).toEqual(before);
  });

  it.each([0n, 2n, 3n, 9n])("is left alone when it mapped page %i of ours", (page) => {
    const { target, pages, plan } = sceneOf(bytes);
    target.occupy(pages + 4096n * page, 4096);
    const before = target.state();
    expect(target.run(plan)).toMatchObject({ end: "failed", error: EEXIST, rollback: "done" });
    expect(target.state()).toEqual(before);
  });

  it("is left alone when its clocks do not read what was asked for", () => {
    const { target, plan } = sceneOf(bytes);
    target.mismatches = 1n;
    const before = target.state();
    expect(target.run(plan)).toMatchObject({ end: "failed", error: ESTALE, rollback: "done" });
    expect(target.state()).toEqual(before);
  });
});

it("plans an update as four writes, the flip last, and leaves the slot in force alone", () => {
  const params = address(0x7000_0000_0000n);
  for (const index of [0, 1]) {
    const idle = params + BigInt(slotOffset(1 - index));
    const writes = planUpdate(params, index, { ...SETTINGS, generation: 7n });
    expect(writes.map(({ address, bytes }) => [address, bytes.length])).toEqual([
      [idle, 8],
      [idle + 8n, 48],
      [idle, 8],
      [params + 0xfc0n, 1],
    ]);
    // Invalid first, under a number of its own.
    expect(writes[0]!.bytes).toEqual(Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0));
    expect(writes[3]!.bytes).toEqual(Uint8Array.of(1 - index));
  }
});

describe("the unused end of the image", () => {
  const code = { clock_gettime: prologue("Linux 6.1 __vdso_clock_gettime") };
  const { length } = syntheticImage(code);
  const unused = (bytes: number) => sceneOf(syntheticImage(code, { loaded: length - bytes }));

  it.each([
    [288, 288],
    [303, 288],
    [511, 496],
    [512, 512],
    [1024, 512],
  ])("of %i bytes: %i are for remote calls", (bytes, size) => {
    expect(unused(bytes).plan.stub.pristine).toHaveLength(size);
  });

  it.each([
    [287, 272],
    [100, 96],
    [0, 0],
  ])("of %i bytes: too few", (bytes, size) => {
    expect(() => unused(bytes)).toThrow(
      expect.objectContaining({
        code: "E_VDSO",
        message: `the vDSO's last page has ${size} unused bytes, too few for our calls`,
      }),
    );
  });
});

it("keeps remote calls out of what is loaded", () => {
  for (const { bytes } of IMAGES) {
    const { plan, vdso } = sceneOf(bytes);
    const start = Number(plan.stub.address - vdso.start);
    expect(start).toBeGreaterThanOrEqual(vdso.tail.start);
    expect(start % 16).toBe(0);
    expect(start + plan.stub.pristine.length).toBe(bytes.length);
    expect(Buffer.compare(plan.stub.pristine, bytes.subarray(start))).toBe(0);
  }
});

it("leaves the loaded payload, and the plans made before, alone", () => {
  const payload = loadPayload();
  const loaded = Uint8Array.from(payload.bytes);
  const [image, other] = IMAGES;
  const { vdso } = sceneOf(image!.bytes);
  const plan = (pages: bigint, of = vdso) =>
    planInjection({
      pid: 1,
      vdso: of,
      payload,
      pages: address(pages),
      settings: SETTINGS,
      pristineTail: tailOf(of),
    });
  const code = (of: PatchPlan) => of.steps.find(({ what }) => what === "the payload and its trampolines");
  const first = plan(vdso.start - 0x10_0000n);
  const before = structuredClone(code(first));
  plan(vdso.start - 0x20_0000n, sceneOf(other!.bytes).vdso);
  expect(structuredClone(code(first))).toEqual(before);
  expect(Uint8Array.from(payload.bytes)).toEqual(loaded);
});

// The mark would hold that jump as the original, so no recovery could ever restore the vDSO.
it.each(IMAGES)("refuses a vDSO that is patched already, $name", ({ bytes }) => {
  const { target, vdso, plan } = sceneOf(bytes);
  target.run(plan);
  expect(() => sceneOf(target.read(vdso.start, vdso.bytes.length)!)).toThrow(
    expect.objectContaining({
      code: "E_VDSO",
      message: expect.stringContaining("it begins with a jump already"),
    }),
  );
});
