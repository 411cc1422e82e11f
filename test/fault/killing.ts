/**
 * The tool is killed at random microseconds in the middle of its work, again and again. Whatever the moment, the target
 * runs on and reads right, `status` says what is there, and the next run of the tool takes it back.
 */
import { fileURLToPath } from "node:url";
import { Dialog } from "../support/dialog.ts";
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
import type { Target, TargetKind } from "./targets.ts";
import { type Action, calm, isChange, prepare, requestOf } from "./trial.ts";

/** From next to this file, wherever what it was bundled into lies. */
const KILLEE = fileURLToPath(new URL("../fault/killee.mjs", import.meta.url));

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

export interface Tally {
  kills: number;
  /** What `status` said after a kill. */
  left: Record<string, number>;
  findings: Finding[];
}

export function emptyTally(): Tally {
  return { kills: 0, left: {}, findings: [] };
}

export function note(tally: Tally, said: string, findings: readonly Finding[]): void {
  tally.kills++;
  tally.left[said] = (tally.left[said] ?? 0) + 1;
  tally.findings.push(...findings);
}

export function summary({ kills, left, findings }: Tally): string {
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

/**
 * Kills the tool so many times in one action on one target, or until there is something to look into.
 *
 * @param onKill gets what was found after each kill: what `status` said, and what is wrong
 */
export async function killMany(
  kind: TargetKind,
  action: Action,
  count: number,
  onKill: (said: string, findings: readonly Finding[]) => void = () => {},
): Promise<Tally> {
  const tally = emptyTally();
  const add = (said: string, findings: readonly Finding[]) => {
    note(tally, said, findings);
    onKill(said, findings);
  };
  await using target = await kind.start();
  const { pid } = target;
  const pristine = picture(pid);
  const whole = await undisturbed(pid, action);
  await recoverFully(target, { pristine, action: pristine, killed: false });
  // The next one starts while the last one's remains are looked at.
  let next = startKillee(pid, action);
  try {
    for (let i = 0; i < count && tally.findings.length === 0; i++) {
      await using killee = await next;
      next = startKillee(pid, action);
      const aimed = i % 2 === 0 && !isChange(action);
      try {
        const { said, findings } = await kill(target, pristine, action, killee, () =>
          waitForTheMoment(pid, aimed, whole),
        );
        add(said, findings);
      } catch (error) {
        const finding: Finding = { kind: isAlive(pid) ? "stopped" : "crashed", what: `${error}` };
        add("no answer", [finding]);
      }
    }
  } finally {
    await (await next)[Symbol.asyncDispose]();
  }
  return tally;
}
