/** The exact command that takes a skew back, as the user would have to type it here. */
import { basename, dirname, relative } from "node:path";
import type { InjectResult } from "../../types.ts";
import type { World } from "../world.ts";
import { stepsMonotonicBack } from "./skew.ts";

interface Undo {
  /** Whether a profile may have set a monotonic clock ahead by then. */
  readonly ahead?: boolean;
  /** What names the targets; default: their pids. */
  readonly flags?: readonly string[];
}

export function undoCommand(
  injected: readonly InjectResult[],
  world: World,
  { ahead, flags }: Undo = {},
): string {
  const targets = flags ?? ["--pid", injected.map(({ pid }) => pid).join(",")];
  // Recovering from a forward step is a step back.
  const steps = ahead || injected.some(({ skew }) => stepsMonotonicBack(skew));
  const back = steps ? ["--allow-backward-monotonic"] : [];
  return [`${invocation(world)} recover`, ...[...targets, ...back].map(quote)].join(" ");
}

/** How this program was called, in words that a shell understands. */
export function invocation({ env, cwd, script, isRoot }: World): string {
  // A root shell needs no sudo, and a container has none; who came through sudo needs it again.
  const sudo = isRoot && env.SUDO_UID !== undefined ? "sudo " : "";
  return sudo + programName(env, cwd, script);
}

function programName(env: World["env"], cwd: string, script: string): string {
  if (env.npm_command === "exec") return "npx timeskew";
  const path = shorter(script, relative(cwd, script));
  if (basename(script) !== "timeskew") return `node ${quote(path)}`;
  const onPath = (env.PATH ?? "").split(":").includes(dirname(script));
  // A path without a slash would be looked for on PATH.
  return onPath ? "timeskew" : quote(path.includes("/") ? path : `./${path}`);
}

function shorter(a: string, b: string): string {
  return b !== "" && b.length < a.length ? b : a;
}

/** One word, as a shell takes it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
