/**
 * Plans in words and as JSON.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { describePlan, planAsJson } from "../../../src/patch/describe.ts";
import type { PatchPlan } from "../../../src/patch/plan.ts";
import { assembled } from "../machine/x86_64/prologues.ts";
import { IMAGES, letThreadsLeave, recoveryOf, sceneOf } from "./scenes.ts";

const VDSO = 0x7fff_f7fc_1000n;
const PAGES = 0x7fff_f7fb_1000n;

const original = assembled("55 48 89 e5 41 56 41 54");
const patched = assembled("e9 fb 05 ff ff 56 41 54");

/** One step of each kind. */
const PLAN: PatchPlan = {
  pid: 1234,
  machine: "x86_64",
  action: "inject",
  before: "untouched",
  stop: "all",
  sleepers: "left",
  stub: { address: address(VDSO + 0x1e00n), pristine: new Uint8Array(2) },
  sites: [
    {
      function: "clock_gettime",
      address: address(VDSO),
      original,
      patched,
      prologue: { address: address(VDSO), bytes: original.slice(0, 6), jump: 5 },
    },
  ],
  calls: [],
  steps: [
    { op: "check", address: address(VDSO), bytes: original, what: "as it was" },
    { op: "map", address: address(PAGES), length: 4096, protection: "r-x", what: "a page" },
    { op: "write", address: address(PAGES), bytes: Uint8Array.of(1), what: "one byte" },
    {
      op: "write",
      address: address(PAGES),
      bytes: Uint8Array.of(2, 3),
      old: Uint8Array.of(1, 0),
      what: "two",
    },
    { op: "move", moves: [], what: "nobody" },
    {
      op: "move",
      moves: [
        { from: address(VDSO + 1n), to: address(PAGES + 0x81n) },
        { from: address(VDSO + 4n), to: address(PAGES + 0x84n) },
      ],
      what: "threads",
    },
    { op: "patch", address: address(VDSO), old: original, new: patched, what: "a jump" },
    {
      op: "call",
      address: address(PAGES + 0x900n),
      argument: address(PAGES),
      stack: address(PAGES + 0x1000n),
      what: "a call",
    },
    { op: "read", address: address(PAGES), length: 824, what: "a result" },
    {
      op: "drain",
      code: [{ address: address(PAGES), length: 4096 }],
      timeoutNs: 2_000_000_000n,
      calls: address(VDSO),
      what: "nobody inside",
    },
    {
      op: "drain",
      code: [
        { address: address(PAGES), length: 8192 },
        { address: address(0x7ffff7000000n), length: 4096 },
      ],
      waits: { address: address(PAGES + 0x3000n), length: 512 },
      timeoutNs: 1n,
      calls: address(VDSO),
      what: "nobody in islands",
    },
    { op: "unmap", address: address(PAGES), length: 16384, what: "our pages" },
  ],
};

describe("describePlan", () => {
  it("shows each site before and after, and each step", () => {
    expect(describePlan(PLAN)).toEqual([
      "sites",
      "  clock_gettime at 0x7ffff7fc1000",
      "    before  0x7ffff7fc1000  55                              push rbp",
      "    before  0x7ffff7fc1001  48 89 e5                        mov rbp, rsp",
      "    before  0x7ffff7fc1004  41 56                           push r14",
      "    after   0x7ffff7fc1000  e9 fb 05 ff ff                  jmp 0x7ffff7fb1600",
      "    after   0x7ffff7fc1005  56                              (never reached)",
      "steps (every thread that runs is stopped; who sleeps in a system call is not woken)",
      "   1. check  as it was  [8 bytes at 0x7ffff7fc1000]",
      "   2. map    a page  [4096 bytes at 0x7ffff7fb1000, r-x]",
      "   3. write  one byte  [1 byte at 0x7ffff7fb1000]",
      "   4. write  two  [2 bytes at 0x7ffff7fb1000]",
      "   5. move   nobody  [no prologue has an instruction that the jump cuts]",
      "   6. move   threads  [0x7ffff7fc1001 → 0x7ffff7fb1081, 0x7ffff7fc1004 → 0x7ffff7fb1084]",
      "   7. patch  a jump  [0x7ffff7fc1000: 55 48 89 e5 41 56 41 54 → e9 fb 05 ff ff 56 41 54]",
      "   8. call   a call  [0x7ffff7fb1900]",
      "   9. read   a result  [824 bytes at 0x7ffff7fb1000]",
      "  10. drain  nobody inside  [4096 bytes at 0x7ffff7fb1000]",
      "  11. drain  nobody in islands  [8192 bytes at 0x7ffff7fb1000, 4096 bytes at 0x7ffff7000000, waits in 512 bytes at 0x7ffff7fb4000]",
      "  12. unmap  our pages  [16384 bytes at 0x7ffff7fb1000]",
      "if a step fails, the steps before it are undone in reverse order",
    ]);
  });

  it("shows a prologue that begins within its word, or ends behind it, as whole instructions", () => {
    const prologue = assembled("90 81 3d 3a 95 ff ff ff ff ff 7f");
    const lines = describePlan({
      ...PLAN,
      stop: "one",
      steps: [],
      sites: [
        {
          function: "time",
          address: address(VDSO),
          original: assembled("cc cc 90 81 3d 3a 95 ff"),
          patched: assembled("cc cc e9 fb 05 ff ff ff"),
          prologue: { address: address(VDSO + 2n), bytes: prologue, jump: 5 },
        },
      ],
    });
    expect(lines.slice(1, 7)).toEqual([
      "  time at 0x7ffff7fc1002",
      "    before  0x7ffff7fc1002  90                              nop",
      "    before  0x7ffff7fc1003  81 3d 3a 95 ff ff ff ff ff 7f   cmp dword ptr [0x7ffff7fba547], 0x7fffffff",
      "    after   0x7ffff7fc1002  e9 fb 05 ff ff                  jmp 0x7ffff7fb1602",
      "    after   0x7ffff7fc1007  ff ff ff ff ff 7f               (never reached)",
      "steps (one thread stopped)",
    ]);
  });

  it("shows bytes that it does not know as bytes", () => {
    const site = {
      function: "time",
      address: address(VDSO),
      original: assembled("90 06 07 0e 16 17 1e 1f"),
    } as const;
    const lines = describePlan({ ...PLAN, steps: [], sites: [{ ...site, patched }] });
    expect(lines.slice(2, 4)).toEqual([
      "    before  0x7ffff7fc1000  90                              nop",
      "    before  0x7ffff7fc1001  06 07 0e 16 17 1e 1f            db 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f",
    ]);
  });

  it.each(IMAGES)("shows every byte of real prologues once before and once after, $name", ({ bytes }) => {
    const { plan } = sceneOf(bytes);
    const text = describePlan(plan);
    for (const label of ["before", "after "]) {
      const shown = text
        .filter((line) => line.startsWith(`    ${label}  `))
        .flatMap((line) => /0x[0-9a-f]+ {2}((?:[0-9a-f]{2} )+)/.exec(line)![1]!.trim().split(" "));
      expect(shown).toHaveLength(plan.sites.reduce((sum, site) => sum + site.prologue!.bytes.length, 0));
    }
  });
});

describe("planAsJson", () => {
  it("is plain data: addresses as 0x…, code as hexadecimal, nanoseconds as decimal", () => {
    expect(planAsJson(PLAN)).toMatchObject({
      pid: 1234,
      action: "inject",
      stop: "all",
      sleepers: "left",
      stub: { address: "0x7ffff7fc2e00", pristine: "0000" },
      sites: [
        {
          function: "clock_gettime",
          address: "0x7ffff7fc1000",
          original: "554889e541564154",
          patched: "e9fb05ffff564154",
        },
      ],
      steps: [
        { op: "check", address: "0x7ffff7fc1000", bytes: "554889e541564154", what: "as it was" },
        { op: "map", address: "0x7ffff7fb1000", length: 4096, protection: "r-x" },
        { op: "write", bytes: "01" },
        { op: "write", bytes: "0203", old: "0100" },
        { op: "move", moves: [] },
        { op: "move", moves: [{ from: "0x7ffff7fc1001", to: "0x7ffff7fb1081" }, {}] },
        { op: "patch", old: "554889e541564154", new: "e9fb05ffff564154" },
        { op: "call", argument: "0x7ffff7fb1000", stack: "0x7ffff7fb2000" },
        { op: "read", length: 824 },
        {
          op: "drain",
          code: [{ address: "0x7ffff7fb1000", length: 4096 }],
          timeoutNs: "2000000000",
          calls: "0x7ffff7fc1000",
        },
        { op: "drain", waits: { address: "0x7ffff7fb4000", length: 512 }, timeoutNs: "1" },
        { op: "unmap", length: 16384 },
      ],
    });
  });

  it.each(IMAGES)("has no bigint or bytes left, $name", ({ bytes }) => {
    const scene = sceneOf(bytes);
    scene.target.run(scene.plan);
    letThreadsLeave(scene.target, scene);
    for (const plan of [scene.plan, recoveryOf(scene.target, scene)!]) {
      const json = planAsJson(plan);
      expect(JSON.parse(JSON.stringify(json))).toEqual(json);
      expect(json).toMatchObject({ steps: { length: plan.steps.length } });
      expect(JSON.stringify(json)).not.toMatch(/"0":|"type":"Buffer"/);
    }
  });

  // JSON.stringify calls a Buffer's toJSON before the replacer sees it.
  it("is given no Buffer: no plan has one", () => {
    const { plan, payload } = sceneOf(IMAGES.at(-1)!.bytes);
    const bytes = plan.steps.flatMap((step) => ("bytes" in step ? [step.bytes] : []));
    for (const each of [payload.bytes, ...bytes]) expect(Buffer.isBuffer(each)).toBe(false);
  });
});
