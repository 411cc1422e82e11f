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
export function invocation(world: World): string {
  const name = world.isProgram ? ownName(world) : scriptName(world);
  return asCaller(world) ? name : `sudo ${hasCallersPath(world) ? CARRYING_PATH : ""}${name}`;
}

const CARRYING_PATH = 'env "PATH=$PATH" ';
/** Where sudo looks, whatever its caller's PATH is: Debian's secure_path, and what Ubuntu adds. */
const SECURE_PATH = new Set([
  ...["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"],
  "/snap/bin",
]);

/** A root shell needs no sudo, and a container has none; who came through sudo needs it again. */
function asCaller({ isRoot, env }: World): boolean {
  return !isRoot || env.SUDO_UID === undefined;
}

/** Whether sudo was told to use its caller's PATH: that leads to this program, or to Node, where sudo would not look. */
function hasCallersPath({ env, script, node, isProgram }: World): boolean {
  const own = pathOf(env).filter(
    (folder) => !SECURE_PATH.has(folder) && !folder.endsWith("/node_modules/.bin"),
  );
  if (isProgram) return !script.includes("/") && own.length > 0;
  return [script, node].some((file) => own.includes(dirname(file)));
}

function pathOf(env: World["env"]): string[] {
  return (env.PATH ?? "").split(":");
}

/** As it was typed: a name that PATH leads to, or a path. */
function ownName({ cwd, script }: World): string {
  if (!script.includes("/")) return quote(script);
  return quote(asPath(shorter(script, relative(cwd, script))));
}

function scriptName(world: World): string {
  const { env, cwd, script, node } = world;
  if (env.npm_command === "exec") return "npx timeskew";
  const path = shorter(script, relative(cwd, script));
  if (basename(script) !== "timeskew") return `node ${quote(path)}`;
  if (pathOf(env).includes(dirname(script))) return "timeskew";
  // Its first line has PATH searched for Node, in vain where sudo was given the path of one.
  const byNode = !asCaller(world) && !pathOf(env).includes(dirname(node));
  return byNode ? `${quote(node)} ${quote(path)}` : quote(asPath(path));
}

/** What has no slash would be looked for on PATH. */
function asPath(path: string): string {
  return path.includes("/") ? path : `./${path}`;
}

function shorter(a: string, b: string): string {
  return b !== "" && b.length < a.length ? b : a;
}

/** One word, as a shell takes it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
