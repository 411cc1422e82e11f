/**
 * The C libraries and a Go program of this machine, as the finder and as objdump see them.
 */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Calls, findCalls } from "../../../src/calls/find.ts";
import { tableOf } from "../../../src/calls/table.ts";
import { type CodeImage, readCodeImage } from "../../../src/elf/functions.ts";
import { CALLS } from "../../../src/machine/x86_64/calls.ts";
import { type Line, objdump } from "./objdump.ts";

const TABLE = tableOf(CALLS);
const WANTED = new Set([...TABLE.deadlines, ...TABLE.durations]);

const IMAGES = [
  "/usr/lib/x86_64-linux-gnu/libc.so.6",
  "/usr/lib64/ld-linux-x86-64.so.2",
  "/usr/lib/x86_64-linux-musl/libc.so",
  "/usr/lib/go/pkg/tool/linux_amd64/buildid",
].filter((path) => existsSync(path));
const seen = new Map(IMAGES.map((path) => [path, objdump(path)]));
if (IMAGES.length === 0) console.log("skipped: no image at the places where Debian has them");
if ([...seen.values()].includes(undefined)) console.log("skipped: objdump is not installed");

describe.each(IMAGES.filter((path) => seen.get(path) !== undefined))("%s", (path) => {
  const lines = seen.get(path)!;
  const at = new Map(lines.map((line, index) => [line.address, index]));
  const calls = search(path);

  it("every site is a line of whole instructions, the first one of five bytes, up to a system call", () => {
    for (const { patch, moved, number } of calls.sites) {
      const run = runFrom(lines, at.get(patch)!);
      const where = `0x${patch.toString(16)}`;
      expect(run.at(0)!.length, where).toBe(5);
      expect(run.at(-1)!.text, where).toBe("syscall");
      expect(run.at(-1)!.address - patch, where).toBe(moved.length);
      expect(
        run.slice(0, -1).filter(({ text }) => /^(j|call|ret|loop|bnd|notrack|syscall)/.test(text)),
        where,
      ).toEqual([]);
      const set = numberOf(run[0]!);
      if (set !== undefined && run.length === 2) expect(number, where).toBe(set);
    }
  });

  it("no direct branch leads behind a patch, but to the call itself", () => {
    const targets = new Set(lines.map(({ text }) => branchTarget(text)));
    for (const { patch, moved } of calls.sites) {
      for (let address = patch + 1; address < patch + moved.length; address += 1) {
        expect(targets.has(address), `0x${address.toString(16)}`).toBe(false);
      }
    }
  });

  it("every call whose number is set right before it is a site, or named, or made without a time", () => {
    const told = new Set([
      ...calls.sites.map(({ patch, moved }) => patch + moved.length),
      ...calls.unproved.map(({ at }) => at),
    ]);
    const pairs = lines.flatMap((line, index) => {
      const number = index === 0 ? undefined : numberOf(lines[index - 1]!);
      return line.text === "syscall" && number !== undefined && WANTED.has(number) ? [{ index, number }] : [];
    });
    expect(pairs.length).toBeGreaterThan(0);
    const missed = pairs.filter(({ index }) => !told.has(lines[index]!.address));
    for (const { index, number } of missed) {
      const before = lines.slice(Math.max(0, index - 60), index).map(({ text }) => text);
      const what = `${TABLE.nameOf(number)} at 0x${lines[index]!.address.toString(16)}`;
      expect(before.join("\n"), what).toMatch(/^xor (r10d,r10d|edx,edx|r8d,r8d)$|^mov esi,0x/m);
    }
  });

  it("nothing is found that is none", () => {
    for (const { at: address } of calls.unproved) expect(lines[at.get(address)!]?.text).toBe("syscall");
  });
});

describe("the calls of glibc", () => {
  const path = IMAGES.find((name) => name.endsWith("libc.so.6"));

  it.skipIf(path === undefined)(
    "are patched where it waits, with the register free that has to change",
    () => {
      const { sites } = search(path!, TABLE.deadlines);
      const ofCall = (number: number | undefined) => sites.filter((site) => site.number === number);
      const isFree = (number: number, argument: number) =>
        ofCall(number).map(({ free }) => (free >> argument) & 1);
      expect(isFree(202, 3).length).toBeGreaterThan(0);
      expect(isFree(202, 3)).not.toContain(0);
      expect(isFree(230, 2).length).toBeGreaterThan(0);
      expect(isFree(230, 2)).not.toContain(0);
      expect(ofCall(undefined).map((site) => site.function)).toContain("syscall");
    },
  );
});

function search(path: string, wanted: ReadonlySet<number> = WANTED): Calls {
  const file = openSync(path, "r");
  try {
    return findCalls(CALLS, imageIn(file), wanted);
  } finally {
    closeSync(file);
  }
}

function imageIn(file: number): CodeImage {
  return readCodeImage((offset, length) => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
  });
}

/** The instructions from one up to the next system call. */
function runFrom(lines: readonly Line[], index: number): Line[] {
  const end = lines.findIndex(({ text }, each) => each >= index && text === "syscall");
  return lines.slice(index, end + 1);
}

/** N of `mov eax,N`. */
function numberOf({ text, length }: Line): number | undefined {
  const [, number] = /^mov eax,(0x[0-9a-f]+)$/.exec(text) ?? [];
  return number === undefined || length !== 5 ? undefined : Number(number);
}

function branchTarget(text: string): number | undefined {
  const [, target] = /^(?:bnd |notrack )?j\w+ (?:0x)?([0-9a-f]+)(?: |$)/.exec(text) ?? [];
  return target === undefined ? undefined : Number.parseInt(target, 16);
}
