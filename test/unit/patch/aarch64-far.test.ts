/**
 * Plans for arm64 where no pages are free within a jump's reach, and for vDSOs that check where indirect branches land.
 */
import { describe, expect, it } from "vitest";
import { type Address, address } from "../../../src/machine/address.ts";
import { describePlan } from "../../../src/patch/describe.ts";
import { findSkew } from "../../../src/patch/find.ts";
import { planInjection } from "../../../src/patch/inject.ts";
import { placePages } from "../../../src/patch/landing.ts";
import { encodeProbeHead } from "../../../src/patch/params.ts";
import { planRecovery } from "../../../src/patch/recover.ts";
import { planRewrites } from "../../../src/patch/trampoline.ts";
import { movedTo, readVdso, type Vdso } from "../../../src/patch/vdso.ts";
import type { Mapping } from "../../../src/target/proc.ts";
import { words } from "../machine/aarch64/prologues.ts";
import { guarded, imageOf, KERNELS, machine, NOP, prologueOf, START, targetWith } from "./aarch64-images.ts";
import type { Target } from "./memory.ts";
import { hollowPayload } from "./payloads.ts";
import { SETTINGS, tailOf } from "./scenes.ts";

const GIB = 1n << 30n;
const PAGE = 4096;
/** The pages that the payload itself takes are three. */
const payload = hollowPayload("aarch64", { room: 2 });
const cramped = hollowPayload("aarch64", { room: 1 });
const BTI_C = "d503245f";
const PACIASP = "d503233f";
const PLAIN = words(`7100401f ${NOP}`);

/** Everything within 1 GiB of the image is taken. */
function crowded(target: Target, vdso: Vdso): Mapping[] {
  const maps = target.maps();
  const taken = (start: bigint, end: bigint): Mapping => ({
    ...maps[0]!,
    start: address(start),
    end: address(end),
    path: "/library",
  });
  return [...maps, taken(START - GIB, maps[0]!.start), taken(vdso.end, START + GIB)];
}

describe.each(KERNELS)("Linux %s, with no room near", (_, first, second) => {
  const bytes = imageOf({ clock_gettime: prologueOf(first), gettimeofday: prologueOf(second) });
  const { target, vdso } = targetWith(bytes);
  const maps = crowded(target, vdso);
  const pages = placePages(maps, vdso, payload)!;
  const input = { pid: 1, vdso, payload, settings: SETTINGS, pristineTail: tailOf(vdso) };

  it("two instructions of each function are replaced, and lead to pages of their own", () => {
    expect(pages - START).toBeGreaterThanOrEqual(GIB);
    const plan = planInjection({ ...input, pages });
    // Nobody may stand between the two: whoever sleeps is woken.
    expect(plan.sleepers).toBe("woken");
    const done = target.fork();
    const between = vdso.functions.map(({ address: at }) => at + 4n);
    done.threads = [...between];
    expect(done.run(plan)).toMatchObject({ end: "done", error: 0 });
    vdso.functions.forEach((fn, i) => {
      const landing = machine.decodeJump(done.read(fn.address, 8)!, fn.address)!;
      expect(landing).toBe(pages + BigInt((3 + i) * PAGE));
      expect(machine.decodeJump(done.read(landing, 4)!, landing)).toBe(
        pages + BigInt(payload.entries[fn.name]),
      );
      const trampoline = pages + BigInt(payload.trampolines[fn.name]);
      expect(done.threads[i]! > trampoline && done.threads[i]! < trampoline + 64n).toBe(true);
    });
    expect(describePlan(plan).join("\n")).toMatch(/after .* adrp x16, .*\n.*after .* br x16/);

    done.threads = [];
    const now = readVdso(address(START), done.read(START, bytes.length)!);
    const found = findSkew({
      ...{ vdso: now, maps: done.maps(), read: done.read.bind(done), pristine: bytes, payload },
      pagesWithout: () => undefined,
    });
    expect(found.state).toBe("skewed");
    if (!("mark" in found)) return;
    const read = (at: Address, length: number) => done.read(at, length)!;
    const recovery = planRecovery({ pid: 1, vdso: now, found, pristineTail: tailOf(vdso), read });
    expect(done.run(recovery)).toMatchObject({ end: "done", error: 0, lingering: 0 });
    expect(done.state()).toEqual({ ...target.state(), threads: [] });
  });

  it("is refused where entries are in the middle of words, or no page is free for a landing", () => {
    const shifted = imageOf({
      clock_gettime: prologueOf(first),
      gettimeofday: prologueOf(second),
      at: 0x804,
    });
    expect(placePages(maps, readVdso(address(START), shifted), payload)).toBeUndefined();
    expect(placePages(maps, vdso, cramped)).toBeUndefined();
    expect(() => planRewrites(vdso, cramped, pages)).toThrow("does not reach");
  });
});

describe("a vDSO with BTI", () => {
  const code = (first: string) => words(`${first} 7100401f ${NOP}`);
  const both = { clock_gettime: code(BTI_C), gettimeofday: code("d50324df") };
  const bytes = guarded(imageOf(both));
  const { target, vdso } = targetWith(bytes);
  const pages = placePages(target.maps(), vdso, payload)!;

  it("keeps what its callers land on: the instruction behind is replaced", () => {
    const plan = planInjection({
      ...{ pid: 1, vdso, payload, pages, settings: SETTINGS, pristineTail: tailOf(vdso) },
    });
    const done = target.fork();
    expect(done.run(plan)).toMatchObject({ end: "done", error: 0 });
    for (const { name, entry, address: at } of vdso.functions) {
      expect(at).toBe(entry + 4n);
      expect(done.read(entry, 4)).toEqual(target.read(entry, 4));
      expect(machine.decodeJump(done.read(at, 4)!, at)).toBe(pages + BigInt(payload.entries[name]));
      const back = address(pages + BigInt(payload.trampolines[name]) + 4n);
      expect(machine.decodeJump(done.read(back, 4)!, back)).toBe(at + 4n);
    }
    // The probe lands there as everybody does.
    const [clock, day] = vdso.functions.map(({ entry }) => entry);
    const head = encodeProbeHead([clock!, day!, 0n, 0n, 0n], 0n);
    const asked = plan.steps.find(({ what }) => what === "which clocks to read");
    expect((asked as { bytes: Uint8Array }).bytes.slice(0, 16)).toEqual(head.slice(0, 16));
  });

  it("is found again, and at other addresses", () => {
    const there = movedTo(address(START + GIB), vdso);
    expect(there.functions.map(({ entry }) => entry)).toEqual(vdso.functions.map(({ entry }) => entry + GIB));
    expect(there.functions.map((fn) => fn.address)).toEqual(vdso.functions.map((fn) => fn.address + GIB));
  });

  it("is refused where the first instruction does more, or where a jump back would have to land", () => {
    const signing = guarded(imageOf({ ...both, gettimeofday: code(PACIASP) }));
    expect(() => planRewrites(readVdso(address(START), signing), payload, pages)).toThrow(
      "the vDSO's gettimeofday cannot be patched safely: its first instruction has to stay what it is (BTI)",
    );
    expect(placePages(crowded(target, vdso), vdso, payload)).toBeUndefined();
  });

  it("without that note is like any other", () => {
    const plain = readVdso(address(START), imageOf({ clock_gettime: code(BTI_C), gettimeofday: PLAIN }));
    expect(plain.functions.map((fn) => fn.address - fn.entry)).toEqual([0n, 0n]);
    expect(planRewrites(plain, payload, pages)).toHaveLength(2);
  });
});
