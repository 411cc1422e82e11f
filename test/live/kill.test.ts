/**
 * The tool is killed at random moments, in the middle of its work on running programs. Whatever the moment, the
 * program runs on and reads right, and the next run of the tool finds what is left and takes it back.
 */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { inject, recover, status } from "../../src/index.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { field, snapshot, state } from "../support/proc.ts";
import { startClocks, startHammer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const KILLEE = fileURLToPath(new URL("../support/killee.mjs", import.meta.url));
const KILLS = 30;
const SKEW = -600_123_456_789n;

type Action = "inject" | "recover";

function startKillee(pid: number, action: Action): Promise<Dialog> {
  return Dialog.greeted([process.execPath, KILLEE, String(pid), action, String(SKEW)]);
}

/** How long the action takes when it is left in peace, from the word to the answer, in ms. */
async function undisturbed(pid: number, action: Action): Promise<number> {
  await using killee = await startKillee(pid, action);
  const start = performance.now();
  await killee.ask("go");
  return performance.now() - start;
}

/** Starts the action and kills it after `delay` ms, more or less. */
async function killed(pid: number, action: Action, delay: number): Promise<void> {
  await using killee = await startKillee(pid, action);
  const answer = killee.ask("go").catch(() => undefined);
  const end = performance.now() + delay;
  while (performance.now() < end);
  process.kill(killee.pid, "SIGKILL");
  await answer;
}

/** Kills spread over the time that the action takes, and some; what each left behind. */
async function killAll(pid: number, action: Action, check: () => Promise<void>): Promise<string[]> {
  const untouched = snapshot(pid);
  const prepare = async () => {
    if (action === "recover") await inject({ pid, offset: SKEW });
  };
  await prepare();
  const whole = await undisturbed(pid, action);
  await recover({ pid });
  const left: string[] = [];
  for (let i = 0; i < KILLS; i++) {
    await prepare();
    await killed(pid, action, (1.3 * whole * (i + Math.random())) / KILLS);
    await waitFor("the kernel to let go of it", () => field(pid, "TracerPid") === "0");
    expect(state(pid)).toMatch(/[RS]/);
    left.push((await status({ pids: [pid] })).rows[0]!.state);
    await waitFor("nothing to be left", async () => (await recover({ pid })).state === "unskewed");
    expect(snapshot(pid)).toEqual(untouched);
    await check();
  }
  return left;
}

const ACTIONS: readonly Action[] = ["inject", "recover"];

test.for(ACTIONS)("killed in %s, on 8 threads that hammer the clock", async (action, context) => {
  needPrograms(context, "gcc");
  needTracing(context);
  await using hammer = await startHammer(8, SKEW);
  const left = await killAll(hammer.pid, action, async () => {
    expect(await hammer.settle()).toMatchObject({ violations: 0, first: [], seen: { [String(SKEW)]: 0 } });
  });
  console.log(`killed in ${action}, hammering: ${summary(left)}`);
});

test.for(ACTIONS)("killed in %s, on a program that waits", async (action, context) => {
  needPrograms(context, "gcc");
  needTracing(context);
  await using victim = await startClocks();
  const left = await killAll(victim.pid, action, async () => {
    expect(await victim.complaints({})).toEqual([]);
  });
  console.log(`killed in ${action}, waiting: ${summary(left)}`);
});

function summary(states: readonly string[]): string {
  return [...new Set(states)]
    .map((each) => `${each} ${states.filter((one) => one === each).length}`)
    .join(", ");
}
