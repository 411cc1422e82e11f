/**
 * The tool is killed at random microseconds in the middle of its work. Whatever the moment, the target runs on and
 * reads right, `status` says what is there, and the next run of the tool takes it back. `npm run test:kill` does this
 * thousands of times.
 */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { field } from "../support/proc.ts";
import {
  type Before,
  type Finding,
  isAlive,
  letGo,
  look,
  type Picture,
  picture,
  recoverFully,
  statusOf,
} from "./aftermath.ts";
import { TARGETS, type Target, type TargetKind } from "./targets.ts";
import { ACTIONS, type Action, calm, isChange, prepare, requestOf } from "./trial.ts";

const KILLEE = fileURLToPath(new URL("killee.mjs", import.meta.url));
const KILLS = Number(process.env.TIMESKEW_KILLS ?? 75);
const SHARE = Math.ceil(KILLS / (TARGETS.length * ACTIONS.length));
const REPORT_EVERY = 50;

function startKillee(pid: number, action: Action): Promise<Dialog> {
  const { action: verb, offset, duration = [] } = requestOf(action, pid);
  return Dialog.greeted([process.execPath, KILLEE, `${pid}`, verb, `${offset}`].concat(duration));
}

/** How long the action takes when it is left in peace, and how long it holds the target, in ms. */
interface Duration {
  took: number;
  pause: number;
}

async function undisturbed(pid: number, action: Action): Promise<Duration> {
  await prepare(action, pid);
  await using killee = await startKillee(pid, action);
  return await killee.askJson<Duration>("go"); // before it is disposed of
}

function spinUntil(condition: () => boolean, longest: number): void {
  const end = performance.now() + longest;
  while (!condition() && performance.now() < end);
}

/**
 * When to kill: any time, and every other time counted from when the tool has seized the target, so that most kills
 * hit it at work and not at its preparations.
 */
function waitForTheMoment(pid: number, aimed: boolean, { took, pause }: Duration): void {
  if (aimed) spinUntil(() => field(pid, "TracerPid") !== "0", 2 * took);
  spinUntil(() => false, Math.random() * 1.3 * (aimed ? pause : took));
}

interface Tally {
  kills: number;
  /** What `status` said after a kill. */
  left: Record<string, number>;
  findings: Finding[];
}

const total: Tally = { kills: 0, left: {}, findings: [] };

function note(tally: Tally, said: string, findings: readonly Finding[]): void {
  tally.kills++;
  tally.left[said] = (tally.left[said] ?? 0) + 1;
  tally.findings.push(...findings);
}

function summary({ kills, left, findings }: Tally): string {
  const kinds = ["crashed", "stopped", "wrong time", "untrue", "unrecoverable"] as const;
  const harm = kinds.map((kind) => `${findings.filter((each) => each.kind === kind).length} ${kind}`);
  const states = Object.entries(left).map(([state, count]) => `${state} ${count}`);
  return `${kills} kills: ${harm.join(", ")} (found afterwards: ${states.join(", ")})`;
}

async function kill(target: Target, pristine: Picture, action: Action, killee: Dialog, delay: () => void) {
  const { pid } = target;
  await prepare(action, pid);
  const before: Before = { pristine, action: picture(pid), killed: true };
  const answer = killee.ask("go").catch(() => undefined); // killed before it could
  delay();
  process.kill(killee.pid, "SIGKILL");
  await answer;
  const stopped = await letGo(pid);
  await calm(pid);
  const { seen, findings } = await look(target, before);
  const { said, findings: untrue } = await statusOf(pid, seen);
  return { said, findings: [...stopped, ...findings, ...untrue, ...(await recoverFully(target, before))] };
}

/** Until there is something to look into. */
async function killMany(kind: TargetKind, action: Action): Promise<Tally> {
  const tally: Tally = { kills: 0, left: {}, findings: [] };
  await using target = await kind.start();
  const { pid } = target;
  const pristine = picture(pid);
  const whole = await undisturbed(pid, action);
  await recoverFully(target, { pristine, action: pristine, killed: false });
  // The next one starts while the last one's remains are looked at.
  let next = startKillee(pid, action);
  try {
    for (let i = 0; i < SHARE && tally.findings.length === 0; i++) {
      await using killee = await next;
      next = startKillee(pid, action);
      const aimed = i % 2 === 0 && !isChange(action);
      try {
        const { said, findings } = await kill(target, pristine, action, killee, () =>
          waitForTheMoment(pid, aimed, whole),
        );
        for (const each of [tally, total]) note(each, said, findings);
      } catch (error) {
        const finding: Finding = { kind: isAlive(pid) ? "stopped" : "crashed", what: `${error}` };
        for (const each of [tally, total]) note(each, "no answer", [finding]);
      }
      if (total.kills % REPORT_EVERY === 0) console.log(`${summary(total)} of ${KILLS}`);
    }
  } finally {
    await (await next)[Symbol.asyncDispose]();
  }
  return tally;
}

for (const kind of TARGETS) {
  test.for(ACTIONS)(
    `killed at any moment in %s, on ${kind.name}`,
    { timeout: 3_600_000 },
    async (action, context) => {
      needPrograms(context, "gcc");
      needTracing(context, { permitted: true });
      const tally = await killMany(kind, action);
      console.log(`${action} on ${kind.name}: ${summary(tally)}`);
      expect(tally.findings).toEqual([]);
      expect(tally.kills).toBe(SHARE);
    },
  );
}

test("all kills together", () => {
  console.log(`in all ${summary(total)}`);
  expect(total.findings).toEqual([]);
});
