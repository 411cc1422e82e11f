/**
 * The payload's translation of system calls, by a program that loads the payload into itself and compares each call with
 * what must come of it (victims/calls.c): every call of the table, by every clock, in worlds of many settings; with all
 * registers and the stack watched.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { loadPayload } from "../../src/tracer/native.ts";
import { build } from "../support/build.ts";
import { needPrograms } from "../support/needs.ts";
import { CALLS } from "../support/recipes.ts";

interface Verdict {
  checks: number;
  /** Bytes of stack used below the caller's, red zone included; 0 where nobody looked. */
  deepest: number;
  found: Record<string, number>;
  failed: number;
  /** The first of them. */
  failures: string[];
}

async function judge(part: string, payload = loadPayload().bytes, ...step: string[]): Promise<Verdict> {
  const program = await build(CALLS);
  const folder = await mkdtemp(join(tmpdir(), "timeskew-calls-"));
  try {
    const file = join(folder, "payload");
    await writeFile(file, payload);
    const { stdout } = await promisify(execFile)(program, [file, part, ...step]);
    return JSON.parse(stdout) as Verdict;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const PARTS = ["deadlines", "durations", "rests", "timers", "intervals", "clocks"];

// Each is one program that computes.
test.concurrent.for(PARTS)("%s", async (part, context) => {
  needPrograms(context, "gcc");
  const { expect } = context;
  const { checks, deepest, failures, failed } = await judge(part);
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(checks).toBeGreaterThan(10_000);
  expect(deepest).toBeGreaterThan(128);
  expect(deepest).toBeLessThanOrEqual(576);
});

test("a storm of signals, and of new settings, over many threads", async (context) => {
  needPrograms(context, "gcc");
  const { found, failed, failures } = await judge("storm");
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  for (const count of ["calls", "handled", "inPlace", "others", "changes"])
    expect(found[count], count).toBeGreaterThan(1000);
});

test.for(["durations", "clocks"])(
  "a payload that translates nothing is found out by %s",
  async (part, context) => {
    needPrograms(context, "gcc");
    const payload = Buffer.from(loadPayload().bytes);
    const untouched = payload.indexOf("f8c3", "hex"); // clc; ret: make the call in place
    expect(untouched).toBeGreaterThan(0);
    payload.writeUInt32LE(untouched, 88);
    const { failed } = await judge(part, payload, "7"); // a few worlds will do
    expect(failed).toBeGreaterThan(100);
  },
);
