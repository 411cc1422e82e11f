/**
 * The payload may look at a slot while it is being rewritten, and in a target that writes to it by itself: whatever is
 * there, its functions return, under the compiler's checks for undefined behaviour and stray accesses (garbage.c).
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { GARBAGE } from "../support/recipes.ts";
import { commandOf } from "./host.ts";

const ROUNDS = { x86_64: 1500, i386: 400 };

test.for([
  ["x86_64", 1],
  ["x86_64", 2],
  ["i386", 3],
] as const)("slots of random words, on %s, seed %i", async ([machine, seed], context) => {
  const [program, ...args] = await commandOf(context, GARBAGE, machine);
  args.push(String(seed), String(ROUNDS[machine]));
  const { stdout } = await promisify(execFile)(program, args, { timeout: 100_000 });
  expect(JSON.parse(stdout)).toMatchObject({ rounds: ROUNDS[machine] });
});
