/** Plays the demonstrations in examples/ as a reader does, and looks at what they leave behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it, type TestContext } from "vitest";
import type { Model } from "../../examples/support/timeline.mjs";
import { parseXml } from "../unit/chart/svg-read.ts";
import { isRoot, needTracing } from "./needs.ts";
import type { Ended } from "./programs.ts";
import { temporaryFolder } from "./servers/server.ts";
import { waitFor } from "./wait.ts";

export const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));

/** What a demonstration ends with if a program is not installed. */
const NOT_INSTALLED = 77;
/** Well below a test's own patience, so that a demonstration in its way is still asked to clean up. */
const PATIENCE_MS = 100_000;

export interface Claim {
  readonly words: string;
  readonly held: boolean;
  readonly seen: string;
}

export interface Played {
  readonly code: number | null;
  readonly title: string;
  readonly claims: readonly Claim[];
  /** Why the play was not finished. */
  readonly failure?: string;
  readonly timeline: Model;
  readonly svg: string;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Plays examples/NAME/demo.mjs, or the script that the name is; the test is skipped if a program is not installed.
 *
 * @throws Error if it does not end, or leaves a process or a file behind
 */
export async function playDemonstration(
  context: TestContext,
  name: string,
  flags: readonly string[] = [],
): Promise<Played> {
  needTracing(context);
  await using folder = await temporaryFolder("play");
  const [json, svg] = [join(folder.path, "play.json"), join(folder.path, "play.svg")];
  const script = name.endsWith(".mjs") ? name : join(name, "demo.mjs");
  const argv = [join(EXAMPLES, script), "--json", json, "--svg", svg, ...flags];
  const { code, stdout, stderr } = await playIn(folder.path, argv);
  if (code === NOT_INSTALLED) context.skip(stderr.trim());
  if (!existsSync(json)) throw new Error(`the demonstration has ended with ${code}:\n${stdout}${stderr}`);
  return { code, stdout, stderr, ...JSON.parse(readFileSync(json, "utf8")), svg: readFileSync(svg, "utf8") };
}

/**
 * The tests that every demonstration has: each claim of it holds; and without any skew, the control, exactly those fail
 * that rest on a wrong clock.
 *
 * @param resting the words of those claims
 * @param further what else is true of a play with skew
 */
export function testDemonstration(
  name: string,
  { resting, further }: { resting: readonly string[]; further?: (played: Played) => void },
): void {
  const failing = ({ claims }: Played) => claims.filter(({ held }) => !held);

  describe(`examples/${name}`, () => {
    it("shows what it claims", async (context) => {
      const played = await playDemonstration(context, name);
      expect(played.failure).toBeUndefined();
      expect(failing(played)).toEqual([]);
      expect(played.claims.map(({ words }) => words)).toEqual(expect.arrayContaining([...resting]));
      expect(played.code).toBe(0);
      const [title] = parseXml(played.svg).children;
      expect(title).toMatchObject({ name: "title", text: played.title });
      further?.(played);
    });

    it("shows nothing of it without a skew", async (context) => {
      const played = await playDemonstration(context, name, ["--without-skew"]);
      expect(played.failure).toBeUndefined();
      expect(failing(played).map(({ words }) => words)).toEqual(resting);
      expect(played.code).toBe(1);
      parseXml(played.svg);
    });
  });
}

/**
 * Runs Node in a folder where all temporary files go.
 *
 * @param how `meanwhile`: what is done with the process while it runs
 * @throws Error if it leaves a process or a file behind; the processes are killed
 */
export async function playIn(
  folder: string,
  argv: readonly string[],
  {
    env = {},
    meanwhile = async () => {},
  }: { env?: Record<string, string>; meanwhile?: (pid: number) => unknown } = {},
): Promise<Ended> {
  const stage = join(folder, "tmp");
  await mkdir(stage);
  if (isRoot) for (const each of [folder, stage]) await chmod(each, 0o711); // for servers with a user of their own
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, ...env, TMPDIR: stage, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const late = setTimeout(() => child.kill("SIGTERM"), PATIENCE_MS);
  try {
    const end = Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
    await meanwhile(child.pid!);
    const [[code, signal], stdout, stderr] = await end;
    await waitFor(`the end of all that was started in ${stage}`, () => whoIsIn(stage).length === 0);
    const left = await readdir(stage);
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
    return { code, signal, stdout, stderr };
  } finally {
    clearTimeout(late);
    for (const pid of whoIsIn(stage)) process.kill(pid, "SIGKILL");
  }
}

/** Processes that were told to write their temporary files there, or work there. */
export function whoIsIn(folder: string): number[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((pid) => {
    try {
      const told = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      return told.includes(`TMPDIR=${folder}`) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
    } catch {
      return false; // it has ended meanwhile, or is not ours to look at
    }
  });
}
