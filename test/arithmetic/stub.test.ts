/**
 * The stub that makes our calls in an arm64 program, run to its end by itself, as it is when the tool was killed: every
 * register, the vectors, the flags and the signal mask are what they were.
 */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { STUB_AARCH64 } from "../support/recipes.ts";
import { commandFor } from "./host.ts";

/** Without SVE: an emulator prefers it to what a handler says of the common registers. */
const EMULATED = ["-cpu", "cortex-a57"];

test("puts everything back, near and far, by a branch and by a frame", async (context) => {
  const [program, ...args] = await commandFor(context, STUB_AARCH64, "aarch64", EMULATED);
  expect(spawnSync(program, args, { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "400\n" });
});

test("a register that differs is found out", async (context) => {
  const [program, ...args] = await commandFor(context, STUB_AARCH64, "aarch64", EMULATED);
  const { status } = spawnSync(program, [...args, "register"], { encoding: "utf8" });
  expect(status).toBeGreaterThan(0);
  expect(status).toBeLessThanOrEqual(8);
});
