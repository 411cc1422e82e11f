/**
 * The payload may look at a slot while it is being rewritten, and in a target that writes to it by itself: whatever is
 * there, its functions return, under the compiler's checks for undefined behaviour and stray accesses (garbage.c).
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { build } from "../support/build.ts";
import { needPrograms } from "../support/needs.ts";
import { GARBAGE } from "../support/recipes.ts";

const ROUNDS = 1500;

test.for([1, 2, 3])("slots of random words, seed %i", async (seed, context) => {
  needPrograms(context, "gcc");
  const program = await build(GARBAGE);
  const { stdout } = await promisify(execFile)(program, [String(seed), String(ROUNDS)], { timeout: 100_000 });
  expect(JSON.parse(stdout)).toMatchObject({ rounds: ROUNDS });
});
