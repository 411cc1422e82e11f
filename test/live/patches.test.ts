/**
 * Code is rewritten at any address, 8 bytes at a time, in pages that a file backs: the process has its own copy of them
 * then, and neither the file nor any other process notices.
 */
import { readFileSync } from "node:fs";
import { expect, type TestContext, test } from "vitest";
import { TimeskewError } from "../../src/errors.ts";
import { type Address, address } from "../../src/machine/address.ts";
import type { Step } from "../../src/patch/plan.ts";
import { readMemory } from "../../src/tracer/native.ts";
import { carryOut } from "../support/by-hand.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { maps, snapshot } from "../support/proc.ts";
import { startClocks } from "../support/victims.ts";

const PAGE = 4096n;
const LAST = PAGE - 8n;

/** Where a process has libc's code, behind its first page, and from where in the file it comes. */
function codeOfLibc(pid: number): { start: Address; path: string; offset: bigint } {
  const line = maps(pid).find((each) => / r-xp .*\/libc\.so/.test(each)) ?? "";
  const [, start, offset, path] = /^([0-9a-f]+)-\S+ \S+ ([0-9a-f]+) \S+ \d+ +(\S+)$/.exec(line)!;
  return { start: address(BigInt(`0x${start}`)), offset: BigInt(`0x${offset}`), path: path! };
}

const bytesAt = (pid: number, at: Address) => readMemory(-1, pid, at, 8)!;
const inverted = (bytes: Uint8Array) => bytes.map((byte) => ~byte);

function patchAt(pid: number, at: Address): Extract<Step, { op: "patch" }> {
  const old = bytesAt(pid, at);
  return { op: "patch", address: at, old, new: inverted(old), what: "other bytes" };
}

/** In every second page, at each offset in a word. The program does not run while these hold other bytes. */
function places(start: Address, count: number): Address[] {
  return Array.from({ length: count }, (_, i) =>
    address(start + 2n * PAGE * BigInt(i + 1) + (i % 9 === 8 ? LAST : 1000n * BigInt(i % 4) + BigInt(i % 8))),
  );
}

/** The code of the error that the plan fails with. */
function failure(pid: number, steps: readonly Step[]): string {
  try {
    carryOut(pid, () => steps);
  } catch (error) {
    if (error instanceof TimeskewError) return `${error.code}, ${error.targetState}`;
    throw error;
  }
  return "none";
}

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

test("a hundred places of a file's pages are rewritten, and put back", async (context) => {
  need(context);
  await using victim = await startClocks();
  await using other = await startClocks();
  const { pid } = victim;
  const { start, path, offset } = codeOfLibc(pid);
  const before = snapshot(pid);
  const there = codeOfLibc(other.pid).start;
  const patches = places(start, 100).map((at) => patchAt(pid, at));
  expect(new Set(patches.map((each) => each.address % 8n)).size).toBe(8);
  expect(carryOut(pid, () => patches)).toMatchObject({ error: 0, step: 100 });
  const file = readFileSync(path);
  for (const { address: at, old, new: fresh } of patches) {
    expect(bytesAt(pid, at)).toEqual(fresh);
    expect(bytesAt(other.pid, address(at - start + there))).toEqual(old);
    const inFile = Number(at - start + offset);
    expect(Uint8Array.from(file.subarray(inFile, inFile + 8))).toEqual(old);
  }
  carryOut(pid, () => patches.map((each) => ({ ...each, old: each.new, new: each.old })));
  for (const { address: at, old } of patches) expect(bytesAt(pid, at)).toEqual(old);
  expect(snapshot(pid)).toEqual(before);
  expect(await victim.complaints({})).toEqual([]);
});

test("patches that overlap are made one after the other", async (context) => {
  need(context);
  await using victim = await startClocks();
  const { pid } = victim;
  const at = address(codeOfLibc(pid).start + 2n * PAGE + 3n);
  const first = patchAt(pid, at);
  const next = address(at + 5n);
  const between = Uint8Array.of(...first.new.slice(5), ...bytesAt(pid, next).slice(3));
  const second: Step = { op: "patch", address: next, old: between, new: inverted(between), what: "again" };
  carryOut(pid, () => [first, second]);
  expect(bytesAt(pid, at)).toEqual(Uint8Array.of(...first.new.slice(0, 5), ...inverted(between).slice(0, 3)));
  carryOut(pid, () => [
    { ...second, old: second.new, new: second.old },
    { ...first, old: first.new, new: first.old },
  ]);
  expect(bytesAt(pid, at)).toEqual(first.old);
});

test.for([0, 1, 63, 64, 99])("nothing is left if patch %i finds other bytes", async (index, context) => {
  need(context);
  await using victim = await startClocks();
  const { pid } = victim;
  const patches = places(codeOfLibc(pid).start, 100).map((at) => patchAt(pid, at));
  const wrong = patches.map((each, i) => (i === index ? { ...each, old: each.new, new: each.old } : each));
  expect(failure(pid, wrong)).toBe("E_BUSY, partial");
  for (const { address: at, old } of patches) expect(bytesAt(pid, at)).toEqual(old);
});

test("nothing is left if a later step fails", async (context) => {
  need(context);
  await using victim = await startClocks();
  const { pid } = victim;
  const patches = places(codeOfLibc(pid).start, 100).map((at) => patchAt(pid, at));
  const check: Step = {
    op: "check",
    address: patches[0]!.address,
    bytes: patches[0]!.old,
    what: "not any more",
  };
  expect(failure(pid, [...patches, check])).toBe("E_BUSY, partial");
  for (const { address: at, old } of patches) expect(bytesAt(pid, at)).toEqual(old);
});

test("a patch across two pages is refused before anything is touched", async (context) => {
  need(context);
  await using victim = await startClocks();
  const { pid } = victim;
  const { start } = codeOfLibc(pid);
  const patches = [patchAt(pid, address(start + PAGE)), patchAt(pid, address(start + PAGE + LAST + 1n))];
  expect(failure(pid, patches)).toBe("E_INTERNAL, partial");
  for (const { address: at, old } of patches) expect(bytesAt(pid, at)).toEqual(old);
});
