/** One trial: an action of the tool with one fault, what the tool said about it, and what is true afterwards. */
import { constants } from "node:os";
import { inject } from "../support/patient.ts";
import { begun, settingsOf } from "../support/profiles/slots.ts";
import {
  type Before,
  type Finding,
  isAlive,
  type Look,
  letGo,
  look,
  type Picture,
  picture,
  recoverFully,
  statusOf,
  stillHeld,
  TRUE_TIME,
} from "./aftermath.ts";
import { type Answer, type Driver, type Fault, operation, type ToolAction } from "./driver.ts";
import { OTHER, SKEW, type Target } from "./targets.ts";

/**
 * "update": the live change of a skew. "begin" and "replace" are "inject" and "update" of a profile, which takes over at a
 * moment to come; one that adds the same offset all along, so that its readings are judged like those of a constant.
 */
export type Action = "inject" | "update" | "begin" | "replace" | "recover";
export const ACTIONS: readonly Action[] = ["inject", "update", "begin", "replace", "recover"];

/** What makes a profile of an offset. */
const LASTS = { duration: "1h" };

/** Brings the target to where the action begins. */
export async function prepare(action: Action, pid: number): Promise<void> {
  if (action === "update" || action === "recover") await inject({ pid, offset: SKEW });
  if (action === "replace") await inject({ pid, offset: SKEW, ...LASTS });
}

/** The offset that the action asks for. */
export function offsetOf(action: Action): bigint {
  return isChange(action) ? OTHER : SKEW;
}

/** Nobody is stopped for it. */
export function isChange(action: Action): boolean {
  return action === "update" || action === "replace";
}

/** What the tool is asked to do; the offset is no matter to a recovery. */
export function requestOf(action: Action, pid: number): ToolAction {
  const profile = action === "begin" || action === "replace" ? LASTS : {};
  return { action: action === "recover" ? "recover" : "inject", pid, offset: offsetOf(action), ...profile };
}

/** Until a profile that is pending has begun: from then on, nothing changes by itself. */
export async function calm(pid: number): Promise<void> {
  if (settingsOf(pid)?.inForce.profile !== undefined) await begun(pid);
}

export interface Outcome {
  answer: Answer;
  findings: Finding[];
  /** What the tool said: the code of its error, or the state of its result. */
  said: string;
  /** What `status` said then. */
  status: string;
  /** A thread was let go only at the tool's end. */
  heldOn: boolean;
}

export async function trial(
  target: Target,
  pristine: Picture,
  driver: Driver,
  action: Action,
  fault: Fault,
): Promise<Outcome> {
  const { pid } = target;
  await prepare(action, pid);
  const prior = picture(pid);
  const answer = await driver.run(requestOf(action, pid), fault);
  const killed = fault.how.startsWith("kill") && answer.hit > 0;
  // Once a target has seen a kill, its count of EINTR says nothing of the trials behind.
  const before: Before = { pristine, action: prior, killed: fault.how.startsWith("kill") };
  const circumstances = `${action}, ${describe(answer, fault)}`;
  const outcome: Outcome = {
    answer,
    findings: [],
    said: killed ? "killed" : (answer.error?.code ?? answer.result?.state ?? answer.error!.name),
    status: "not asked",
    heldOn: false,
  };
  const add = (...findings: readonly Finding[]) =>
    outcome.findings.push(...findings.map(({ kind, what }) => ({ kind, what: `${circumstances}: ${what}` })));
  try {
    const held = await stillHeld(pid);
    outcome.heldOn = held.length > 0;
    if (outcome.heldOn) {
      if (!isLie(answer, fault)) add({ kind: "stopped", what: `not let go: ${held.join(", ")}` });
      await driver.end();
      add(...(await letGo(pid)));
    }
    await calm(pid);
    const { seen, findings: harm } = await look(target, before);
    const { said, findings: untrue } = await statusOf(pid, seen);
    outcome.status = said;
    add(...harm, ...(killed ? [] : untruths(action, answer, isLie(answer, fault), seen)), ...untrue);
    add(...(await recoverFully(target, before)));
  } catch (error) {
    // It does not answer, or is not there to be looked at.
    add({ kind: isAlive(pid) ? "stopped" : "crashed", what: `${error}` });
  }
  return outcome;
}

/**
 * The tool was told of a thread that lives what no kernel tells of one: it cannot know better than to leave that thread
 * alone, and it is enough that its end lets the thread go.
 */
function isLie({ errno }: Answer, { how }: Fault): boolean {
  const { ESRCH, ECHILD } = constants.errno;
  return how === "fail kind" || errno === ESRCH || errno === ECHILD;
}

export function describe(answer: Answer, { at, how }: Fault): string {
  const { error, result, errno } = answer;
  const name = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? "";
  const said = error
    ? `${error.code ?? error.name} ${error.targetState}: ${error.message}`
    : `ok: ${result?.state}`;
  return `${how} at operation ${at} of ${answer.operations} (${operation(answer)} ${name}), it said "${said}"`;
}

/** What the tool has said that is not so. */
function untruths(action: Action, { error, result }: Answer, lied: boolean, seen: Look): Finding[] {
  const untrue = (claim: string): Finding => ({ kind: "untrue", what: `${claim}, but ${seen.words}` });
  const reads = (...permitted: (bigint | string)[]) =>
    seen.offsets.every((offset) => permitted.map(String).includes(offset));
  if (error === undefined) {
    if (!reads(action === "recover" ? TRUE_TIME : offsetOf(action))) return [untrue("claims success")];
    return result?.state === "unskewed" && !seen.pristine ? [untrue("claims to have recovered it")] : [];
  }
  if (error.name !== "TimeskewError") return [untrue(`failed with ${error.stack}`)];
  const claims = `claims ${error.targetState}`;
  const findings: Finding[] = [];
  switch (error.targetState) {
    case "untouched": // by this run: a skew of before may be there
      if (!seen.unchanged) findings.push(untrue(claims));
      break;
    case "restored":
      if (!seen.pristine) findings.push(untrue(claims));
      break;
    case "skewed":
      if (!reads(SKEW, offsetOf(action))) findings.push(untrue(claims));
      break;
    default: // "a target may be left changed": it may not, where the tool could not look
      if (seen.pristine && !lied) findings.push(untrue(claims));
  }
  // Exit code 8 is for a target that may be left changed: by all others it is as it was, or as it should be.
  const wasSkewed = action !== "inject" && action !== "begin";
  const asItWas = seen.pristine || (wasSkewed && reads(SKEW, offsetOf(action)));
  if (error.exitCode !== 8 && !asItWas)
    findings.push(untrue(`exit code ${error.exitCode} promises no change`));
  if (error.exitCode === 3) findings.push(untrue("claims that it is gone"));
  if (error.code === "E_INTERNAL") findings.push(untrue("takes it for a defect of its own"));
  return findings;
}
