/** Containers that are skewed, and all that must not be: the neighbours, the host, what belongs to the runtime. */
import { existsSync } from "node:fs";
import { expect } from "vitest";
import { EXIT_CODES } from "../../../src/errors.ts";
import { type JsonError, report, timeskew } from "../cli.ts";
import { bracket, difference, distance, MILLISECOND, MINUTE } from "../clock.ts";
import { vdso } from "../proc.ts";
import { realtimeSkews } from "../readings.ts";
import type { Residents } from "./residents.ts";

/** A container's name that nobody else on this machine has. */
export function unique(name: string): string {
  return `timeskew-${name}-${process.pid}`;
}

export const SKEW = ["--offset", "-600s"];
const SKEW_NS = -10n * MINUTE;
export const BACK = realtimeSkews(SKEW_NS);

/** What a runtime's own processes are asked for. */
export interface Runtime {
  /** Its daemon's wall clock, as the daemon tells it, cut to the millisecond. */
  wallClock?(): Promise<bigint>;
  /** Its daemons, and the processes that it keeps for its containers. */
  pids(): number[];
}

/** Residents, and victims outside. */
type Asked = Pick<Residents, "complaints">;

export interface Scene {
  readonly skewed: readonly Asked[];
  readonly true: readonly Asked[];
  readonly runtime: Runtime;
}

/** Everybody is asked; what is wrong, if the ones are to be skewed and the others are not. */
export async function wrongIn(scene: Scene, skewed: boolean): Promise<string[]> {
  const found: string[] = [];
  for (const each of scene.skewed) found.push(...(await each.complaints(skewed ? BACK : {})));
  for (const each of scene.true) {
    found.push(...(await each.complaints({})).map((complaint) => `neighbour ${complaint}`));
  }
  return [...found, ...(await wrongWith(scene.runtime))];
}

async function wrongWith({ pids, wallClock }: Runtime): Promise<string[]> {
  const found = pids()
    .filter(isPatched)
    .map((pid) => `runtime ${pid} is patched`);
  if (!wallClock) return found;
  const { value, wall } = await bracket(wallClock);
  const off = distance(difference(value, MILLISECOND, wall), 0n);
  return off === 0n ? found : [...found, `the daemon is ${off} ns off`];
}

/** All vDSOs of a machine are the same: what the tests' own process has is what the kernel made. */
function isPatched(pid: number): boolean {
  try {
    return !vdso(pid).equals(vdso(process.pid));
  } catch (error) {
    // Runtimes start programs that end at once.
    if (existsSync(`/proc/${pid}`)) throw error;
    return false;
  }
}

/** Skews what the flags mean, asks everybody, takes it back, and asks again. */
export async function showSkew(flags: readonly string[], scene: Scene): Promise<void> {
  const injected = await timeskew("inject", "--json", ...SKEW, ...flags);
  expect(injected, words(flags, injected)).toMatchObject({ code: 0 });
  expect(await wrongIn(scene, true)).toEqual([]);
  const recovered = await timeskew("recover", "--json", ...flags);
  expect(recovered, words(flags, recovered)).toMatchObject({ code: 0 });
  expect(await wrongIn(scene, false)).toEqual([]);
}

/** Every process of a paused container is refused, and the reason is told: nothing is the matter with the process. */
export async function showPaused(flags: readonly string[], name: RegExp): Promise<void> {
  const run = await timeskew("inject", "--json", ...SKEW, ...flags);
  expect(run, words(flags, run)).toMatchObject({ code: EXIT_CODES.E_FROZEN });
  const { targets } = report(run);
  expect(targets!.length).toBeGreaterThan(0);
  for (const target of targets as { error: JsonError }[]) {
    expect(target.error).toMatchObject({ code: "E_FROZEN", targetState: "untouched" });
    expect(target.error.message).toMatch(name);
  }
}

function words(flags: readonly string[], { stdout, stderr }: { stdout: string; stderr: string }): string {
  return [flags.join(" "), stdout, stderr].join("\n");
}

/** What `status` says about the processes that the flags mean. */
export async function states(...flags: string[]): Promise<string[]> {
  const run = await timeskew("status", "--json", ...flags);
  expect(run, words(flags, run)).toMatchObject({ code: 0 });
  return (report(run).targets as { state: string }[]).map(({ state }) => state);
}
