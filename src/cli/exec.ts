/**
 * `timeskew exec`: a child of ours enters the namespaces of the target and becomes the program there; we stand for it until it
 * ends. It is traced by a supervisor, as a program of `run` is, which gives it the skew that the target has.
 */
import { writeSync } from "node:fs";
import { constants } from "node:os";
import type { Heritage } from "../engine/inherit.ts";
import { TimeskewError } from "../errors.ts";
import { type Entrance, openEntrance } from "../target/entrance.ts";
import { isFrozen } from "../target/frozen.ts";
import type { Inherited } from "../target/inherited.ts";
import { joinCgroups } from "../target/join-cgroups.ts";
import { type Program, pathsOf, textOf, variable } from "../target/program.ts";
import type { Selection } from "../target/select.ts";
import type { Entered, Entrant } from "../tracer/start.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import type { Flags } from "./flags.ts";
import { escapeText } from "./report/escape.ts";
import { cannotExecute, refuseJson, refuseNoProgram } from "./run.ts";
import { targetsOf } from "./settings.ts";
import type { Starter } from "./starter.ts";
import { launchSupervisor } from "./supervisor.ts";

/** What Docker gives a container that says nothing else. */
const CONTAINERS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** @throws TimeskewError; there is no other way back */
export async function execProgram(
  { world }: Session,
  flags: Flags,
  operands: readonly string[],
): Promise<Outcome> {
  refuseJson(flags, "exec");
  const selectors = targetsOf(flags);
  refuseNoProgram(operands, "timeskew exec --container web -- date");
  const starter = await world.loadStarter();
  const inherited = onlyStandard(starter.inherited());
  const supervisor = launchSupervisor(starter);
  const engine = await world.loadEngine();
  const selection = await engine.select(selectors);
  const { pid, heritage } = targetIn(selection, engine);
  refuseFrozen(pid, selection);
  using entrance = openEntrance(pid);
  const programs = programsFor(operands.length, starter, entrance);
  const tracer = heritage && supervisor.pid;
  const entrant = starter.prepareEntry({ ...entrance, tracer }, programs, inherited);
  const quiet = flags.quiet ?? false;
  const say = quiet ? () => {} : tell;
  if (!joinCgroups(pid, entrant.pid)) {
    say(
      `${selection.words} has cgroups that could not be joined: what goes by them does not count for this program`,
    );
  }
  if (heritage === undefined) {
    say(`${selection.words} is not skewed: ${textOf(programs.there.argv[0]!)} runs with the true time`);
  } else {
    orCallOff(entrant, () =>
      supervisor.follow({ command: "exec", pid: entrant.pid, until: starter.pid, skew: heritage, quiet }),
    );
  }
  const entered = succeeded(entrant.enter(), programs, pid);
  if (entered.here) {
    const name = textOf(programs.here.argv[0]!);
    say(`${selection.words} has no ${name}: this is our own, outside of its mount and pid namespaces`);
  }
  return starter.standFor(entered.pid, entrant.pid);
}

/** What else is open here is none of a container's business: a folder of ours would be a way out of it. */
function onlyStandard(inherited: Inherited): Inherited {
  return { ...inherited, descriptors: inherited.descriptors.filter((fd) => fd <= 2) };
}

/** The first skewed process, or the first: of a container, that is its init. @throws TimeskewError */
function targetIn(
  { list, words }: Selection,
  engine: Engine,
): { pid: number; heritage: Heritage | undefined } {
  const pids = list();
  const [first] = pids;
  if (first === undefined) throw new TimeskewError("E_NO_TARGET", `${words} has no processes`);
  let refused: unknown;
  for (const pid of pids) {
    try {
      const heritage = engine.heritageOf(pid);
      if (heritage !== undefined) return { pid, heritage };
    } catch (error) {
      if (!(error instanceof TimeskewError)) throw error;
      if (pid === first) refused = error;
    }
  }
  if (refused !== undefined) throw refused;
  return { pid: first, heritage: undefined };
}

/** Whoever joins a frozen cgroup stands still as well. */
function refuseFrozen(pid: number, { words }: Selection): void {
  if (!isFrozen(pid)) return;
  throw new TimeskewError("E_FROZEN", `${words} is paused`, { pid, hint: "resume it, then try again" });
}

/** The program with the target's files, and with ours where it has none. */
function programsFor(
  count: number,
  { argv, env }: Starter,
  target: Entrance,
): { there: Program; here: Program } {
  const words = argv.slice(-count);
  const name = words[0]!;
  const terminal = variable(env, "TERM");
  const its = terminal === undefined ? target.env : withVariable(target.env, "TERM", terminal);
  const path = variable(env, "PATH");
  return {
    there: { paths: pathsOf(name, variable(its, "PATH") ?? CONTAINERS_PATH), argv: words, env: its },
    here: {
      paths: pathsOf(name, path),
      argv: words,
      env: path === undefined ? its : withVariable(its, "PATH", path),
    },
  };
}

function withVariable(env: readonly string[], name: string, value: string): string[] {
  return [...env.filter((each) => !each.startsWith(`${name}=`)), `${name}=${value}`];
}

function orCallOff(entrant: Entrant, act: () => void): void {
  try {
    act();
  } catch (error) {
    entrant.callOff();
    throw error;
  }
}

const { EPERM, EACCES } = constants.errno;

function succeeded(entered: Entered, { there }: { there: Program }, pid: number) {
  if (entered.failure === undefined) return entered;
  if (entered.failure === "exec") throw cannotExecute(there, entered.errno);
  const name = Object.entries(constants.errno).find(([, value]) => value === entered.errno)?.[0];
  const what = `the namespaces of pid ${pid} cannot be entered: ${name ?? `errno ${entered.errno}`}`;
  if (entered.errno === EPERM || entered.errno === EACCES)
    throw new TimeskewError("E_PERMISSION", what, { pid, hint: "run timeskew with sudo" });
  throw new TimeskewError("E_FAILED", what, { pid });
}

/** Not by process.stderr, which would make a pipe non-blocking for the program as well. */
function tell(text: string): void {
  try {
    writeSync(2, `timeskew: ${escapeText(text)}\n`);
  } catch {
    // Nobody reads it.
  }
}
