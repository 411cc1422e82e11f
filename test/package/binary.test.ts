/** The single binary where there is nothing of ours, and little else. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { DAY } from "../support/clock.ts";
import { type Inside, startInside } from "../support/namespaces.ts";
import { ended, notADayLate, temporary } from "../support/programs.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC_STATIC } from "../support/recipes.ts";
import {
  bareDebian,
  glibcOnly,
  needBareDebian,
  needRoots,
  type Root,
  type RootOptions,
} from "../support/roots.ts";
import { Single, single } from "../support/single.ts";

const binary = single();
const BACK = realtimeSkews(-DAY);
const TOOL = "/opt/timeskew";
const VICTIM = "/opt/victim";
const NOBODY = 65_534;

/** What is put into each root. */
async function ours(context: TestContext): Promise<Record<string, string>> {
  return { [TOOL]: await binary(context), [VICTIM]: await build(GLIBC_STATIC) };
}

async function nothingButGlibc(context: TestContext, options: RootOptions = {}): Promise<Root> {
  needRoots(context);
  return await glibcOnly({ ...options, files: await ours(context) });
}

async function debian(context: TestContext, options: RootOptions = {}): Promise<Root> {
  await needBareDebian(context);
  return await bareDebian([], { ...options, files: await ours(context) });
}

function toolIn(root: Root, uid?: number): Single {
  return new Single(TOOL, root.inside(uid === undefined ? {} : { uid }));
}

/** Skews a victim there, looks at it from both sides, and gives it its time back. */
async function skewAndRecover(tool: Single): Promise<void> {
  await using victim = await startInside(tool.by, VICTIM);
  expect(await tool.inject(victim.pid, "--offset", "-1d")).toMatchObject({
    pid: victim.pid,
    state: "skewed",
  });
  expect(await victim.complaints(BACK)).toEqual([]);
  expect(await tool.now(victim.pid)).toMatchObject({ state: "skewed", skew: { offset: `${-DAY}` } });
  expect(await tool.recover(victim.pid)).toMatchObject({ state: "unskewed" });
  expect(await victim.complaints({})).toEqual([]);
}

/** Starts a victim there by `run`: the binary starts itself once more for that. */
async function runLate(tool: Single): Promise<void> {
  await using victim = await startInside(tool.command("run", "--offset", "-1d", "--"), VICTIM);
  expect(await victim.complaints(BACK)).toEqual([]);
}

describe("a root with nothing but glibc", () => {
  test("inject, now, recover", async (context) => {
    await using root = await nothingButGlibc(context);
    await skewAndRecover(toolIn(root));
  });

  test("run", async (context) => {
    await using root = await nothingButGlibc(context);
    await runLate(toolIn(root));
  });

  test("no /dev, no /tmp: only /proc is mounted", async (context) => {
    await using root = await nothingButGlibc(context, { bare: true });
    await skewAndRecover(toolIn(root));
  });

  test("read-only, and noexec where it is not", async (context) => {
    await using root = await nothingButGlibc(context, { readOnly: true });
    const tool = toolIn(root);
    await skewAndRecover(tool);
    await runLate(tool);
  });
});

describe("a bare Debian, without Node and without a compiler", () => {
  test("as root: inject, now, recover, run", async (context) => {
    await using root = await debian(context);
    const tool = toolIn(root);
    await skewAndRecover(tool);
    await runLate(tool);
    const from = Date.now();
    const { stdout } = await tool.run("run", "--offset", "-1d", "--", "sh", "-c", "date +%s; date +%s");
    expect(notADayLate(stdout, from)).toEqual([]);
  });

  test("as an ordinary user, for a program of its own", async (context) => {
    await using root = await debian(context);
    const tool = toolIn(root, NOBODY);
    await skewAndRecover(tool);
    await runLate(tool);
  });

  test("undo is what was typed, and works", async (context) => {
    await using root = await debian(context);
    await using victim = await startInside(root.inside(), VICTIM);
    const inject = `timeskew inject --pid ${victim.pid} --offset -1d --stop-timeout 20s`;
    const called = ["env", "PATH=/usr/bin:/bin:/opt", "sh", "-c", `cd /opt && ./${inject} && ${inject}`];
    const { stdout } = await ended([...root.inside(), ...called]);
    const undone = stdout.match(/(?<=undo: ).*/g);
    expect(undone).toEqual([
      `./timeskew recover --pid ${victim.pid}`,
      `timeskew recover --pid ${victim.pid}`,
    ]);
    const undo = ["sh", "-c", `cd /opt && ${undone![0]} --stop-timeout 20s`];
    expect(await ended([...root.inside(), ...undo])).toMatchObject({ code: 0 });
    expect(await victim.complaints({})).toEqual([]);
  });
});

describe("where it cannot run, it says so", () => {
  test("no /proc", async (context) => {
    await using root = await nothingButGlibc(context);
    // Beside the mounts of the root, which are its own.
    const { code, stderr } = await ended(["chroot", root.path, TOOL, "--version"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^timeskew: cannot open \/proc\/self\/fd\/\d+ \(errno 2\)\n {2}hint: \/proc has/,
      ),
    });
  });

  test("no glibc", async (context) => {
    needRoots(context);
    await using folder = await temporary();
    const path = await binary(context);
    const proc = `mount --bind /proc "$0"; exec chroot "$1" /t --version`;
    await ended(["sh", "-c", 'mkdir "$0/proc"; cp "$1" "$0/t"', folder.path, path]);
    const by = ["unshare", "--mount", "--propagation=private", "sh", "-c", proc];
    const { code, stderr } = await ended([...by, join(folder.path, "proc"), folder.path]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^timeskew: this machine's glibc is missing: .*\n {2}hint: .*npm/),
    });
  });
});

/** Every file there, with what changes when it is written. */
async function filesOf(root: Root): Promise<string[]> {
  const names = (await readdir(root.path, { recursive: true })).sort();
  return await Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs, ctimeMs } = await lstat(join(root.path, name));
      return `${name} ${size} ${mtimeMs} ${ctimeMs}`;
    }),
  );
}

/** Starts an injection, and kills it after so many ms. */
async function killAfter(ms: number, tool: Single, victim: Inside): Promise<void> {
  const [program = "", ...args] = tool.command("inject", "--pid", victim.pid, "--offset", "-1d");
  const child = spawn(program, args, { stdio: "ignore" });
  const end = once(child, "exit");
  await sleep(ms);
  child.kill("SIGKILL");
  await end;
}

test("killed at any moment it leaves no file, and a victim that can be recovered", async (context) => {
  await using root = await nothingButGlibc(context, { bare: true });
  await chmod(root.path, 0o777);
  const tool = toolIn(root);
  await using victim = await startInside(tool.by, VICTIM);
  const before = await filesOf(root);
  for (let ms = 0; ms < 120; ms += 8) await killAfter(ms, tool, victim);
  expect(await filesOf(root)).toEqual(before);
  await tool.inject(victim.pid, "--offset", "-1d");
  expect(await victim.complaints(BACK)).toEqual([]);
  await tool.recover(victim.pid);
  expect(await victim.complaints({})).toEqual([]);
  // What would have been seen: the control.
  await ended(["touch", join(root.path, "opt/left")]);
  expect(await filesOf(root)).not.toEqual(before);
});
