/**
 * Chromium's whole process tree, in its own sandbox (user, pid and network namespaces, seccomp filters that kill):
 * skewed and recovered, and nothing in it notices.
 */
import { expect, type TestContext, test } from "vitest";
import { type Chromium, isAlive, type Member, type Page, startChromium } from "../support/chromium.ts";
import { type JsonError, report, start as startTool, timeskew } from "../support/cli.ts";
import { asUser } from "../support/namespaces.ts";
import { isRoot, needPrograms, needTracing } from "../support/needs.ts";
import { field, vdso } from "../support/proc.ts";

const SKEW_MS = -600_000;

/** By how much a page's clock can be off the truth, in ms: between the truth before the question and after it. */
async function pageErrors(page: Page, skews: { wall: number; monotonic: number }) {
  const before = Date.now();
  const clock = await page.clock();
  const after = Date.now() + 1;
  const off = (value: number, skew: number) => {
    if (value - skew < before) return value - skew - before;
    return value - skew > after ? value - skew - after : 0;
  };
  return {
    now: off(clock.now, skews.wall),
    iso: off(clock.iso, skews.wall),
    // It counts from the page's begin, which is wrong by what the clocks drift apart: within a second is right.
    performance: Math.trunc(off(clock.performance, skews.monotonic) / 1000),
  };
}

const RIGHT = { now: 0, iso: 0, performance: 0 };

async function start(context: TestContext): Promise<Chromium> {
  const [chromium = ""] = needPrograms(context, "chromium", "setpriv");
  needTracing(context);
  if (!isRoot) context.skip("needs root: only CAP_SYS_ADMIN may suspend the renderers' seccomp filters");
  return startChromium(chromium);
}

/** What a command says of each process. A process that has ended by itself since is no failure. */
async function all(command: string, members: readonly Member[], ...flags: string[]): Promise<Member[]> {
  const run = await timeskew(command, "--json", ...flags, ...members.flatMap(({ pid }) => ["--pid", pid]));
  const targets = report(run).targets as {
    pid: number;
    ok: boolean;
    state?: string;
    error?: { code: string };
  }[];
  // Nobody is left inside our pages.
  expect(
    targets.filter(({ ok, state }) => ok && state !== (command === "inject" ? "skewed" : "unskewed")),
  ).toEqual([]);
  const done = members.filter(({ pid }) => targets.find((target) => target.pid === pid)?.ok);
  for (const { pid, startTime } of members) {
    const target = targets.find((each) => each.pid === pid);
    if (!target?.ok) expect(isAlive(pid, startTime), JSON.stringify(target)).toBe(false);
  }
  return done;
}

test("every process of Chromium, skewed and recovered", async (context) => {
  await using chromium = await start(context);
  const page = await chromium.open();
  expect(await pageErrors(page, { wall: 0, monotonic: 0 })).toEqual(RIGHT);
  const tree = chromium.tree();
  const roles = new Set(tree.map(({ role }) => role));
  expect([...roles]).toEqual(
    expect.arrayContaining(["browser", "zygote", "gpu-process", "utility", "renderer"]),
  );
  expectSandboxed(tree);
  const untouched = new Map(tree.map(({ pid }) => [pid, vdso(pid).toString("hex")]));

  const skewed = await all("inject", tree, "--offset", "-600s");
  expect(skewed.map(({ role }) => role)).toEqual(expect.arrayContaining([...roles]));
  expect(await pageErrors(page, { wall: SKEW_MS, monotonic: 0 })).toEqual(RIGHT);
  // A renderer that is forked now, by a zygote that is skewed, has its time.
  const later = await chromium.open();
  expect(await pageErrors(later, { wall: SKEW_MS, monotonic: SKEW_MS })).toEqual(RIGHT);
  expect([await page.nap(), await later.nap()]).toEqual([42, 42]);

  await all("recover", chromium.tree());
  expect(await pageErrors(page, { wall: 0, monotonic: 0 })).toEqual(RIGHT);
  // A page takes the time of its begin from the wall clock, and counts from there.
  expect(await pageErrors(later, { wall: 0, monotonic: SKEW_MS })).toEqual(RIGHT);
  expect([await page.nap(), await later.nap()]).toEqual([42, 42]);
  expect(chromium.crashes).toEqual([]);
  for (const { pid, startTime, role } of tree) {
    // A spare renderer comes and goes; whoever is the page's, or is needed by all, stays.
    if (!isAlive(pid, startTime)) expect(role).toBe("renderer");
    else expect(vdso(pid).toString("hex")).toBe(untouched.get(pid));
  }
});

test("its monotonic clock as well, and back", async (context) => {
  await using chromium = await start(context);
  const page = await chromium.open();
  await all("inject", chromium.tree(), "--offset", "1h", "--clock", "realtime,monotonic");
  expect(await pageErrors(page, { wall: 3_600_000, monotonic: 3_600_000 })).toEqual(RIGHT);
  // What is forked now keeps a trace of the zygote's calls of the clock on its stack, for as long as it lives.
  await chromium.open();
  await all("recover", chromium.tree(), "--allow-backward-monotonic");
  expect(await pageErrors(page, { wall: 0, monotonic: 0 })).toEqual(RIGHT);
  expect(await page.nap()).toBe(42);
  expect(chromium.crashes).toEqual([]);
});

test("for its own user, who may not suspend its filters: each is skewed, or refused unchanged", async (context) => {
  await using chromium = await start(context);
  const page = await chromium.open();
  const tree = chromium.tree();
  const untouched = new Map(tree.map(({ pid }) => [pid, vdso(pid).toString("hex")]));
  const pids = tree.flatMap(({ pid }) => ["--pid", pid]);
  const run = await startTool(["inject", "--json", "--offset", "-600s", ...pids], { by: asUser() }).done;
  expect(run).toMatchObject({ code: 7 });
  const targets = report(run).targets as { pid: number; ok: boolean; error?: JsonError }[];
  const refused = targets.filter(({ ok, pid }) => !ok && isAlive(pid, startTimeIn(tree, pid)));
  for (const { pid, error } of refused) {
    expect(error).toMatchObject({
      code: "E_PERMISSION",
      message: expect.stringMatching(/seccomp filter.*CAP_SYS_ADMIN|not dumpable|capabilities that we lack/),
      hint: expect.stringMatching(/root|sudo/),
      targetState: "untouched",
    });
    expect(vdso(pid).toString("hex")).toBe(untouched.get(pid));
  }
  const rolesOf = (pid: number) => tree.find((member) => member.pid === pid)?.role;
  expect(refused.map(({ pid }) => rolesOf(pid))).toContain("renderer");
  expect(targets.filter(({ ok }) => ok).map(({ pid }) => rolesOf(pid))).toContain("browser");
  expect(await pageErrors(page, { wall: 0, monotonic: 0 })).toEqual(RIGHT);
  expect(await page.nap()).toBe(42);
  await all("recover", chromium.tree());
  expect(chromium.crashes).toEqual([]);
});

function startTimeIn(tree: readonly Member[], pid: number): string {
  return tree.find((member) => member.pid === pid)!.startTime;
}

/** The test would show little if the sandbox were not in force. */
function expectSandboxed(tree: readonly Member[]): void {
  const renderers = tree.filter(({ role }) => role === "renderer");
  for (const { pid } of renderers) {
    expect(field(pid, "Seccomp")).toBe("2");
    expect(field(pid, "NSpid").split("\t").length).toBeGreaterThan(1);
  }
}
