/**
 * Where the jumps lead: to places that give the jump's own bytes the values that are wanted, near enough, and free.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { decodeAll } from "../../../src/machine/x86_64/decode.ts";
import { encodeJump } from "../../../src/machine/x86_64/encode.ts";
import { isTrap } from "../../../src/machine/x86_64/traps.ts";
import { planInjection } from "../../../src/patch/inject.ts";
import { findLandings, placePages } from "../../../src/patch/landing.ts";
import { readVdso } from "../../../src/patch/vdso.ts";
import type { Mapping } from "../../../src/target/proc.ts";
import { loadPayload } from "../../../src/tracer/native.ts";
import { IMAGES, SETTINGS, tailOf } from "./scenes.ts";

const START = 0x7fff_f7fc_1000n;
const GIB = 1n << 30n;
const payload = loadPayload();

function mapping(start: bigint, end: bigint, path = ""): Mapping {
  return {
    start: address(start),
    end: address(end),
    perms: "r--p",
    offset: 0n,
    device: "00:00",
    inode: 0n,
    deleted: false,
    path,
  };
}

describe.each(IMAGES)("$name", ({ bytes }) => {
  const vdso = readVdso(address(START), bytes);
  const maps = [mapping(START - 0x4000n, START, "[vvar]"), mapping(START, vdso.end, "[vdso]")];

  function expectTraps(pages: bigint) {
    const landings = findLandings(vdso, payload, address(pages))!;
    const taken: [number, number][] = [];
    for (const fn of vdso.functions) {
      const offset = landings[fn.name]!;
      const jump = encodeJump(fn.address, address(pages + BigInt(offset)));
      const code = bytes.subarray(fn.offset, fn.offset + fn.size);
      for (const { offset: cut } of decodeAll(code))
        if (cut > 0 && cut < 5) expect(isTrap(jump[cut]!)).toBe(true);
      if (offset !== payload.entries[fn.name]) {
        expect(offset).toBeGreaterThanOrEqual(payload.bytes.length);
        expect(offset + 5).toBeLessThanOrEqual(payload.codeSize);
        taken.push([offset, offset + 5]);
      }
    }
    for (const [a, b] of taken.map((each, i) => [each, taken[i + 1]] as const)) {
      if (b !== undefined) expect(b[0]).toBeGreaterThanOrEqual(a[1]);
    }
  }

  it("finds a place where every cut instruction traps", () => {
    expectTraps(placePages(maps, vdso, payload)!);
  });

  it("finds one below as well, when all above is taken", () => {
    const pages = placePages([...maps, mapping(vdso.end, 0x7fff_ffff_f000n)], vdso, payload)!;
    expect(pages).toBeLessThan(START);
    expectTraps(pages);
  });

  it("does without where nothing else is free, and then wakes the sleepers", () => {
    // One gap of the needed size, which is right behind: no displacement of so few bytes traps.
    const room = vdso.end + BigInt(payload.codeSize + payload.paramsSize);
    const full = [...maps, mapping(START - 3n * GIB, START - 0x4000n), mapping(room, START + 3n * GIB)];
    const pages = placePages(full, vdso, payload)!;
    expect(pages).toBe(vdso.end);
    const plan = planInjection({
      pid: 1,
      vdso,
      payload,
      pages,
      settings: SETTINGS,
      pristineTail: tailOf(vdso),
    });
    expect(plan.sleepers).toBe(findLandings(vdso, payload, pages) === undefined ? "woken" : "left");
  });

  it("finds nothing where nothing is free", () => {
    const full = [...maps, mapping(START - 3n * GIB, START - 0x4000n), mapping(vdso.end, START + 3n * GIB)];
    expect(placePages(full, vdso, payload)).toBeUndefined();
  });
});
