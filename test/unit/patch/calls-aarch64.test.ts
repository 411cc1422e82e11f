/** Islands and call sites on aarch64, where a jump reaches 128 MiB and takes the place of any instruction. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Address, address } from "../../../src/machine/address.ts";
import { machineOf } from "../../../src/machine/machine.ts";
import { jumpOf, planIslands, rewriteSites, windowOf } from "../../../src/patch/calls.ts";
import {
  type CallRecord,
  type CallSiteInTarget,
  decodeIsland,
  encodeIsland,
  isInOnePage,
  type MachineWithCalls,
} from "../../../src/patch/island.ts";
import type { Mapping } from "../../../src/target/proc.ts";
import { words } from "../machine/aarch64/prologues.ts";

const AARCH64 = machineOf("aarch64") as MachineWithCalls;
const MIB = 1n << 20n;
const REACH = 128n * MIB;
/** mov x8, #98; svc #0 */
const FUTEX = words("d2800c48 d4000001");
const PAGES = { start: address(0xffff_a000_0000n), end: address(0xffff_a000_9000n) };
const PARAMS = address(PAGES.start + 0x4000n);

const site = (at: bigint): CallSiteInTarget => ({
  address: address(at),
  moved: FUTEX.slice(0, 4),
  call: address(at + 4n),
  free: 9,
  what: "",
});

const mapping = (start: bigint, end: bigint): Mapping => ({
  start: address(start),
  end: address(end),
  perms: "r-xp",
  offset: 0n,
  device: "fe:00",
  inode: 7n,
  path: "/code",
  deleted: false,
});

const plan = (maps: readonly Mapping[], ...sites: CallSiteInTarget[]) =>
  planIslands({ machine: AARCH64, maps, sites, pages: PAGES, params: PARAMS, enter: PAGES.start });

describe("islands", () => {
  const LIBC = 0xffff_9fe0_0000n;
  const libc = mapping(LIBC, LIBC + 0x18_0000n);
  const program = mapping(0xaaaa_c000_0000n, 0xaaaa_c010_0000n);

  it("are above libraries, at addresses that x86-64 does not have, and below a program", () => {
    const islands = plan([libc, program], site(LIBC + 0x1000n), site(program.start + 0x1000n));
    expect(islands.map(({ address: at }) => at)).toEqual([program.start - 0x2000n, libc.end + 0x1000n]);
  });

  it("are within 128 MiB of all their sites; a large program has several", () => {
    const large = mapping(0xaaaa_0000_0000n, 0xaaaa_0000_0000n + 250n * MIB);
    const offsets = [1n, 60n, 70n, 120n, 249n].map((each) => each * MIB);
    const islands = plan([large], ...offsets.map((offset) => site(large.start + offset)));
    expect(islands.flatMap(({ records }) => records)).toHaveLength(offsets.length);
    for (const { address: at, size, records } of islands) {
      expect(at + BigInt(size) <= large.start || at >= large.end).toBe(true);
      for (const record of records) {
        expect(at - record.address < REACH && record.address - at < REACH).toBe(true);
        expect(AARCH64.decodeJump(jumpOf(AARCH64, record), record.address)).toBe(record.thunk);
      }
    }
  });

  it("are not for what is in the middle of more than twice that", () => {
    const huge = mapping(0xaaaa_0000_0000n, 0xaaaa_0000_0000n + 300n * MIB);
    expect(plan([huge], site(huge.start + 150n * MIB))).toEqual([]);
  });

  it("are read as they were written", () => {
    const at = address(LIBC + 0x20_0000n);
    const sites = [site(LIBC), site(LIBC + 8n), site(LIBC + 0xffcn)];
    const { bytes, ...written } = encodeIsland(AARCH64, at, sites, PARAMS, PAGES.start);
    expect(written.records.map(({ original }) => original)).toEqual(sites.map(({ moved }) => moved));
    expect(decodeIsland(AARCH64, bytes, at, PARAMS)).toEqual(written);
  });

  it.each([
    ["out of reach", LIBC + 0x20_0000n - REACH - 0x1000n],
    ["where no instruction begins", LIBC + 2n],
  ])("of a site %s are none of ours", (_, odd) => {
    const at = address(LIBC + 0x20_0000n);
    const { bytes } = encodeIsland(AARCH64, at, [site(LIBC)], PARAMS, PAGES.start);
    new DataView(bytes.buffer).setBigUint64(48, odd, true);
    expect(decodeIsland(AARCH64, bytes, at, PARAMS)).toBe("has a site that no jump of ours can stand at");
  });
});

describe("rewriting", () => {
  const BASE = 0x7000n;

  it("changes one word by a write of eight bytes, in one page and cache line, and back", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 511 }), { minLength: 1, maxLength: 40 }),
        (pairs) => {
          const records = pairs.map((pair) => ({
            address: address(BASE + 8n * BigInt(pair)),
            original: FUTEX.slice(0, 4),
            thunk: address(BASE + 0x10_0000n + 64n * BigInt(pair)),
          }));
          const memory = Uint8Array.from({ length: 4096 }, (_, i) => FUTEX[i % 8]!);
          const before = memory.slice();
          const read = (at: Address, length: number) =>
            memory.slice(Number(at - BASE), Number(at - BASE) + length);
          const carryOut = (bytes: (record: CallRecord) => Uint8Array) => {
            for (const step of rewriteSites({ records, read, bytes, what: () => "" })) {
              if (step.op !== "patch") throw new Error(step.op);
              expect(read(step.address, 8)).toEqual(step.old);
              expect(step.address / 64n).toBe((step.address + 7n) / 64n);
              memory.set(step.new, Number(step.address - BASE));
            }
          };
          carryOut((record) => jumpOf(AARCH64, record));
          const expected = before.slice();
          for (const each of records) expected.set(jumpOf(AARCH64, each), Number(each.address - BASE));
          expect(memory).toEqual(expected);
          carryOut(({ original }) => original);
          expect(memory).toEqual(before);
        },
      ),
    );
  });

  it("no site crosses a page", () => {
    expect(isInOnePage(AARCH64, address(0x1ffcn))).toBe(true);
    expect(windowOf(address(0x1ffcn), 4)).toBe(0x1ff8n);
    expect(windowOf(address(0x2000n), 4)).toBe(0x2000n);
  });
});
