/**
 * The C library for aarch64, where a cross compiler has brought it, as the finder and as objdump see it.
 */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findCalls } from "../../../src/calls/find.ts";
import { tableOf } from "../../../src/calls/table.ts";
import { readCodeImage } from "../../../src/elf/functions.ts";
import { CALLS } from "../../../src/machine/aarch64/calls.ts";
import { disassembled } from "../machine/aarch64/spelled.ts";

const LIBRARY = "/usr/aarch64-linux-gnu/lib/libc.so.6";
const lines = existsSync(LIBRARY) ? disassembled(LIBRARY) : undefined;
if (lines === undefined) console.log(`skipped: there is no ${LIBRARY}, or no objdump for aarch64`);

const TABLE = tableOf(CALLS);
const WANTED = new Set([...TABLE.deadlines, ...TABLE.durations]);

describe.skipIf(lines === undefined)("the calls of glibc", () => {
  const at = new Map((lines ?? []).map((line, index) => [line.address, index]));
  const { sites, unproved } = lines === undefined ? { sites: [], unproved: [] } : search();
  const textAt = (address: number) => lines![at.get(address)!]!.text;

  it("are sites, all of them", () => {
    expect(unproved).toEqual([]);
    for (const { patch, moved, call } of sites) {
      const where = `0x${patch.toString(16)}`;
      expect(textAt(call), where).toBe("svc #0x0");
      if (patch + moved.length === call)
        expect(textAt(patch), where).not.toMatch(/^(b|c?bn?z|tbn?z|ret|svc)\b/);
      else
        expect(textAt(patch), where).toMatch(
          new RegExp(`^(b|b\\..*|cbn?z .*|tbn?z .*) ${call.toString(16)}$`),
        );
    }
  });

  it("whose number is set right before them are sites, or made without a time", () => {
    const told = new Set(sites.map(({ call }) => call));
    const pairs = lines!.filter(({ address, text }) => {
      const number = /^movz x8, #(0x[0-9a-f]+)$/.exec(lines![at.get(address)! - 1]?.text ?? "")?.[1];
      return text === "svc #0x0" && number !== undefined && WANTED.has(Number(number));
    });
    expect(pairs.length).toBeGreaterThan(20);
    for (const { address } of pairs.filter((pair) => !told.has(pair.address))) {
      const before = lines!.slice(Math.max(0, at.get(address)! - 60), at.get(address));
      const what = `0x${address.toString(16)}`;
      expect(before.map(({ text }) => text).join("\n"), what).toMatch(/^movz x[13], #0x|^orr x[13], xzr/m);
    }
  });

  it("leave the register free that has to change, where they wait", () => {
    const isFree = (name: string, argument: number) =>
      sites
        .filter(({ number }) => number !== undefined && TABLE.nameOf(number) === name)
        .map(({ free }) => (free >> argument) & 1);
    expect(isFree("clock_nanosleep", 2)).toEqual([1, 1]);
    expect(isFree("ppoll", 2)).not.toContain(0);
    expect(isFree("futex", 3).filter((free) => free === 1).length).toBeGreaterThanOrEqual(4);
  });
});

function search() {
  const file = openSync(LIBRARY, "r");
  try {
    const image = readCodeImage((offset, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
    });
    return findCalls(CALLS, image, WANTED);
  } finally {
    closeSync(file);
  }
}
