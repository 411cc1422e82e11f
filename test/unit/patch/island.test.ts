/** Islands: what is written is what is read, and nothing is believed that does not fit. */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { machineOf } from "../../../src/machine/machine.ts";
import {
  type CallSiteInTarget,
  decodeIsland,
  encodeIsland,
  ISLAND_MAGIC,
  isInOnePage,
  islandSize,
  MAX_CALLS,
  MAX_ISLAND,
  type MachineWithCalls,
} from "../../../src/patch/island.ts";
import { assembled } from "../machine/x86_64/prologues.ts";

const X86_64 = machineOf("x86_64") as MachineWithCalls;
const AT = address(0x7fff_f000_0000n);
const PARAMS = address(0x7fff_f7f0_2000n);
const ENTER = address(0x7fff_f7f0_0400n);
const FUTEX = assembled("b8 ca 00 00 00");

const site = (offset: number, moved = FUTEX): CallSiteInTarget => ({
  address: address(AT + 0x10_0000n + BigInt(offset)),
  moved,
  call: address(AT + 0x10_0000n + BigInt(offset + moved.length)),
  free: 8,
  what: "",
});

const SITES = [site(0), site(0x1234, assembled("4c 89 5c 24 08")), site(0x4000)];
const island = encodeIsland(X86_64, AT, SITES, PARAMS, ENTER);

describe("an island", () => {
  it("is read as it was written", () => {
    const { bytes, ...written } = island;
    expect(decodeIsland(X86_64, bytes, AT, PARAMS)).toEqual(written);
    expect(written.records.map(({ address: at, original }) => [at, original])).toEqual(
      SITES.map(({ address: at, moved }) => [at, moved.slice(0, 5)]),
    );
  });

  it("holds each site's thunk, which calls where the header says", () => {
    const view = new DataView(island.bytes.buffer);
    expect(view.getBigUint64(40, true)).toBe(ENTER);
    island.records.forEach(({ thunk }, i) => {
      const expected = X86_64.calls.encodeThunk({
        moved: SITES[i]!.moved,
        site: SITES[i]!.address,
        call: SITES[i]!.call,
        free: 8,
        at: thunk,
        enter: address(AT + 40n),
      });
      const offset = Number(thunk - AT);
      expect(island.bytes.subarray(offset, offset + expected.length)).toEqual(expected);
    });
  });

  it("has whole pages, as many as it takes", () => {
    expect(island.size).toBe(4096);
    expect(island.bytes).toHaveLength(island.size);
    const many = Array.from({ length: 200 }, (_, i) => site(16 * i));
    expect(islandSize(X86_64, many)).toBe(encodeIsland(X86_64, AT, many, PARAMS, ENTER).bytes.length);
    expect(islandSize(X86_64, many) % 4096).toBe(0);
    expect(
      islandSize(
        X86_64,
        Array.from({ length: MAX_CALLS }, () => site(0)),
      ),
    ).toBeLessThan(MAX_ISLAND);
  });
});

describe("is none of ours", () => {
  const changed = (change: (view: DataView) => void) => {
    const bytes = island.bytes.slice();
    change(new DataView(bytes.buffer));
    return decodeIsland(X86_64, bytes, AT, PARAMS);
  };

  it.each<[string, (view: DataView) => void, string]>([
    ["without the magic number", (v) => v.setBigUint64(0, ISLAND_MAGIC + 1n, true), "has no magic number"],
    ["of another version", (v) => v.setUint32(8, 2, true), "has version 2"],
    ["of another address", (v) => v.setBigUint64(16, AT + 4096n, true), "is of another place"],
    ["of another size", (v) => v.setBigUint64(24, 8192n, true), "is of another place"],
    ["of other parameters", (v) => v.setBigUint64(32, PARAMS + 4096n, true), "is of another place"],
    ["with more sites than fit", (v) => v.setUint32(12, 200, true), "counts 200 sites"],
    ["with very many sites", (v) => v.setUint32(12, 0xffff_ffff, true), "counts 4294967295 sites"],
    ["with a thunk in its header", (v) => v.setUint32(48 + 16, 8, true), "has a thunk outside"],
    ["with a thunk behind its end", (v) => v.setUint32(48 + 16, 4096, true), "has a thunk outside"],
    [
      "with a site beyond a jump's reach",
      (v) => v.setBigUint64(48, AT + 2n ** 32n, true),
      "has a site that no jump of ours can stand at",
    ],
    [
      "with a site on two pages",
      (v) => v.setBigUint64(48, AT + 0xffcn, true),
      "has a site that no jump of ours can stand at",
    ],
  ])("%s", (_, change, why) => {
    expect(changed(change)).toBe(why);
  });

  it("cut short, or too large", () => {
    expect(decodeIsland(X86_64, island.bytes.subarray(0, 40), AT, PARAMS)).toBe("has an impossible size");
    expect(decodeIsland(X86_64, new Uint8Array(MAX_ISLAND + 1), AT, PARAMS)).toBe("has an impossible size");
  });
});

it("tells sites that lie on two pages", () => {
  expect(isInOnePage(X86_64, address(0x1ffbn))).toBe(true);
  expect(isInOnePage(X86_64, address(0x1ffcn))).toBe(false);
});
