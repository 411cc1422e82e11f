/**
 * The payload's translation of a 32-bit program's system calls, by a program that loads the payload into itself and makes each
 * call in all its forms (victims/calls32*.c).
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { loadPayload } from "../../src/tracer/native.ts";
import { build } from "../support/build.ts";
import { needCompat } from "../support/needs.ts";
import { CALLS32 } from "../support/recipes.ts";

interface Verdict {
  checks: number;
  failed: number;
  /** The first of them. */
  failures: string[];
}

async function judge(payload: Uint8Array, ...tries: string[]): Promise<Verdict> {
  const program = await build(CALLS32);
  const folder = await mkdtemp(join(tmpdir(), "timeskew-calls32-"));
  try {
    const file = join(folder, "payload");
    await writeFile(file, payload);
    const { stdout } = await promisify(execFile)(program, [file, ...tries]);
    return JSON.parse(stdout) as Verdict;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("every call, in every form", async (context) => {
  needCompat(context);
  const { checks, failed, failures } = await judge(loadPayload("i386").bytes);
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(checks).toBeGreaterThan(5000);
});

test("a payload that translates nothing is found out", async (context) => {
  needCompat(context);
  const { entries, trampolines, bytes } = loadPayload("i386");
  const payload = Buffer.from(bytes);
  const word = payload.indexOf(new Uint8Array(new Uint32Array([entries.vsyscall]).buffer));
  payload.writeUInt32LE(trampolines.vsyscall, word);
  expect((await judge(payload, "1")).failed).toBeGreaterThan(50);
});
