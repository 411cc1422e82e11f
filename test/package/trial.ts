/** Tries an installed package out, as its user would. */
import { expect } from "vitest";
import { bracket, difference, distance, MICROSECOND, MINUTE } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import type { NodeRoot } from "../support/installs.ts";
import { notADayLate } from "../support/programs.ts";

/** A program that is there already: Debian's own shell tells the time to the microsecond, once for each line that it reads. */
export const TELLER = ["bash", "-c", "while read -r; do echo $EPOCHREALTIME; done"];

/** How far its wall clock is from being off by `expected`: 0n is right. */
export async function error(teller: Dialog, expected: bigint): Promise<bigint> {
  const { value, wall } = await bracket(() => teller.ask(""));
  return distance(difference(BigInt(value.replace(".", "")) * MICROSECOND, MICROSECOND, wall), expected);
}

export async function succeed({ run }: NodeRoot, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(words);
  expect(code, [words.join(" "), stdout, stderr].join("\n")).toBe(0);
  return stdout;
}

/**
 * A program in the root is skewed, tells it, and is given its time back; and one is started with a wrong clock.
 *
 * @param timeskew how the command is called there
 * @param program tells the time in seconds, with six places, for each line that it reads
 */
export async function tryOut(system: NodeRoot, timeskew: readonly string[], program = TELLER): Promise<void> {
  await using teller = await Dialog.start(system.command(program));
  expect(await error(teller, 0n)).toBe(0n);
  const pid = `${teller.pid}`;
  await succeed(system, ...timeskew, "inject", "--pid", pid, "--offset", "-10m", "--stop-timeout", "20s");
  expect(await error(teller, -10n * MINUTE)).toBe(0n);
  const now = JSON.parse(await succeed(system, ...timeskew, "now", "--pid", pid, "--json"));
  expect(now.targets).toMatchObject([{ pid: teller.pid, state: "skewed" }]);
  await succeed(system, ...timeskew, "recover", "--pid", pid, "--stop-timeout", "20s");
  expect(await error(teller, 0n)).toBe(0n);
  const from = Date.now();
  const seconds = await succeed(system, ...timeskew, "run", "--offset", "-1d", "--", "date", "+%s");
  expect(notADayLate(seconds, from)).toEqual([]);
}
