/** What a test needs of its machine. Where something is missing the test is skipped and says what. */
import { readFileSync } from "node:fs";
import type { TestContext } from "vitest";
import { type NodeArch, type NodeMajor, nodeBuild } from "../setup/node-builds.mjs";
import { findProgram, packageOf } from "../setup/programs.mjs";
import { Unavailable } from "../setup/registry.mjs";

export const isRoot = process.geteuid?.() === 0;

/** The paths of the programs, or the test is skipped. */
export function needPrograms(context: TestContext, ...names: string[]): string[] {
  return names.map((name) => {
    const path = findProgram(name);
    if (path) return path;
    const packageName = packageOf(name);
    return context.skip(`needs ${name}${packageName ? `: apt-get install ${packageName}` : ""}`);
  });
}

/** What comes from the registry, or the test is skipped where there is no way to it. */
export async function needFetched<T>(context: TestContext, fetching: Promise<T>): Promise<T> {
  try {
    return await fetching;
  } catch (error) {
    if (error instanceof Unavailable) return context.skip(error.message);
    throw error;
  }
}

/** An official build of Node: the path of the binary. */
export function needNode(context: TestContext, major: NodeMajor, arch?: NodeArch): Promise<string> {
  return needFetched(context, nodeBuild(major, arch));
}

/** 0 where Yama is not in force; otherwise see ptrace(2), "/proc/sys/kernel/yama/ptrace_scope". */
function yamaScope(): number {
  try {
    return Number(readFileSync("/proc/sys/kernel/yama/ptrace_scope", "utf8"));
  } catch {
    return 0;
  }
}

/**
 * The right to trace a process that this test has started. Our C victims permit any tracer, which satisfies
 * Yama's scope 1; other programs do not.
 */
export function needTracing(context: TestContext, { permitted = false } = {}): void {
  const scope = yamaScope();
  const enough = scope === 0 || (isRoot && scope < 3) || (permitted && scope < 2);
  if (!enough) context.skip(`needs the right to trace: kernel.yama.ptrace_scope is ${scope}, run as root`);
}

/** Makes 32-bit programs with Debian's 32-bit libc, and runs them. */
export function needCompat(context: TestContext): void {
  if (process.arch !== "x64") context.skip("needs x86-64: 32-bit programs run there only");
  needPrograms(context, "gcc", "/usr/lib32/libc.a", "/usr/lib/gcc/x86_64-linux-gnu/12/32/libgcc.a");
}

export function needRoot(context: TestContext, why: string): void {
  if (!isRoot) context.skip(`needs root: ${why}`);
}

/** The id of a user, from /etc/passwd. */
export function userId(name: string): number | undefined {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((row) => row.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(":")[2]);
}
