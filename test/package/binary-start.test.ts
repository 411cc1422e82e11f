/** How the single binary starts, in ways that are not the usual one: native/single/start.c is the first to meet them. */
import { spawnSync } from "node:child_process";
import { chmod, copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { DAY } from "../support/clock.ts";
import { needDocker, startDocker } from "../support/containers/docker.ts";
import { NAMES } from "../support/containers/residents.ts";
import { NEWCOMER, RESIDENT } from "../support/containers/rootfs.ts";
import { unique } from "../support/containers/scene.ts";
import { asUser, needCommand, startInside } from "../support/namespaces.ts";
import { needPrograms, needRoot, needTracing } from "../support/needs.ts";
import { compared, ended, temporary } from "../support/programs.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC } from "../support/recipes.ts";
import { glibcOnly, needRoots } from "../support/roots.ts";
import { Single, single } from "../support/single.ts";

const binary = single();
const VERSION = { code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/), stderr: "" };
const SKEWED = realtimeSkews(-DAY);

/** A shell, whose $0 is the binary. */
function shell(path: string, script: string): string[] {
  return ["bash", "-c", script, path];
}

describe("what it is called with", () => {
  const WAYS: [string, string][] = [
    ["an empty environment", 'exec env -i "$0" --version'],
    ["an empty name", `exec -a '' "$0" --version`],
    ["another name", 'exec -a "a b" "$0" --version'],
    ["stdin closed", 'exec "$0" --version <&-'],
    ["stdin and stderr closed", 'exec "$0" --version <&- 2>&-'],
    ["addresses that are not random", 'exec setarch -R "$0" --version'],
    ["few descriptors", 'ulimit -n 24 && exec "$0" --version'],
    ["a file that is gone", 'exec 9<"$0" && rm "$0" && exec /proc/self/fd/9 --version'],
    ["a debugger that knows nothing of it", 'exec strace -f -o /dev/null "$0" --version'],
  ];
  test.for(WAYS)("%s", async ([, script], context) => {
    needPrograms(context, "setarch", "strace");
    await using folder = await temporary();
    const copy = join(folder.path, "timeskew");
    await copyFile(await binary(context), copy);
    expect(await ended(shell(copy, script))).toMatchObject(VERSION);
  });

  test("too few descriptors: it says so", async (context) => {
    const path = await binary(context);
    expect(await ended(shell(path, 'ulimit -n 5 && exec "$0" --version'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("hint: more files have to be permitted: ulimit -n"),
    });
  });
});

describe("what the environment says to Node", () => {
  const SAYINGS = ["NODE_OPTIONS=--require=/nowhere", "NODE_V8_COVERAGE=/nowhere", "OPENSSL_CONF=/nowhere"];

  test("is not heard", async (context) => {
    const path = await binary(context);
    const control = await ended(["env", ...SAYINGS, process.execPath, "-e", "0"]);
    expect(control.code).not.toBe(0);
    expect(await ended(["env", ...SAYINGS, path, "--version"])).toMatchObject(VERSION);
  });

  test("is handed on to the program that is run, in its order", async (context) => {
    needTracing(context);
    const tool = new Single(await binary(context));
    const by = tool.command("run", "--offset", "-1d", "--");
    const around = ["env", "-i", "A=1", ...SAYINGS, "UV_THREADPOOL_SIZE=1", "B=2"];
    const { ours, control } = await compared(["/usr/bin/env"], { by, around });
    expect(ours).toEqual(control);
    expect(ours.stdout).toContain("NODE_OPTIONS");
  });
});

describe("what it leaves", () => {
  test("no descriptor in the program that is run", async (context) => {
    needTracing(context);
    const by = new Single(await binary(context)).command("run", "--offset", "-1d", "--");
    const list = ["sh", "-c", "for each in /proc/self/fd/*; do echo $each; done"];
    const { ours, control } = await compared(list, { by });
    expect(ours).toEqual(control);
  });

  test("no file: none is opened to be written but those of /proc and /dev", async (context) => {
    needTracing(context);
    needPrograms(context, "strace");
    await using folder = await temporary();
    const tool = new Single(await binary(context));
    const log = join(folder.path, "calls");
    const traced = ["strace", "-f", "-o", log, "-e", "trace=%file"];
    // Who is traced cannot be followed: so it is the tool that is watched here, and not a program that it runs.
    await using victim = await startInside([], await build(GLIBC));
    const inject = tool.command("inject", "--pid", victim.pid, "--offset", "-1d", "--stop-timeout", "20s");
    expect(await ended([...traced, ...inject])).toMatchObject({ code: 0 });
    expect(await victim.complaints(SKEWED)).toEqual([]);
    const calls = (await readFile(log, "utf8")).split("\n");
    const writing = calls.filter((call) =>
      /O_WRONLY|O_RDWR|O_CREAT|\b(mk|link|rename|unlink|creat)/.test(call),
    );
    expect(writing.filter((call) => !/"(\/(proc|dev)\/|mem")/.test(call))).toEqual([]);
    expect(calls.filter((call) => call.includes("/proc/self/fd/")).length).toBeGreaterThan(0);
    await tool.recover(victim.pid);
  });
});

describe("where memfds are restricted", () => {
  test.for([1, 2])("vm.memfd_noexec=%d", async (level, context) => {
    needRoot(context, "to set vm.memfd_noexec in a pid namespace");
    const by = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    const set = `echo ${level} >/proc/sys/vm/memfd_noexec`;
    needCommand(context, [...by, "sh", "-c", `${set}; exec "$@"`, "-"]);
    const path = await binary(context);
    const { stdout, code } = await ended([...by, ...shell(path, `${set} && exec "$0" doctor`)]);
    expect({ stdout, code }).toMatchObject({ code: 0, stdout: expect.stringMatching(/ok +helper +loaded/) });
  });
});

test("with a file's capability, for somebody who has none", async (context) => {
  needTracing(context);
  needRoot(context, "to give a file a capability");
  needPrograms(context, "setpriv");
  const [setcap = ""] = needPrograms(context, "setcap");
  await using folder = await temporary();
  const path = join(folder.path, "timeskew");
  await copyFile(await binary(context), path);
  for (const each of [folder.path, path]) await chmod(each, 0o755);
  await using victim = await startInside([], await build(GLIBC));
  const able = new Single(path, asUser());
  expect(await able.run("inject", "--pid", victim.pid, "--offset", "-1d")).toMatchObject({ code: 4 });
  const set = spawnSync(setcap, ["cap_sys_ptrace+ep", path], { encoding: "utf8" });
  if (set.status !== 0) context.skip(`setcap: ${set.stderr.trim()}`);
  await able.inject(victim.pid, "--offset", "-1d");
  expect(await victim.complaints(SKEWED)).toEqual([]);
  await able.recover(victim.pid);
});

function needDockerAndRoots(context: TestContext) {
  needRoots(context);
  return needDocker(context);
}

test("in a read-only container of Docker's: it starts under the usual profile, and works without one", async (context) => {
  const programs = needDockerAndRoots(context);
  await using root = await glibcOnly();
  await using docker = await startDocker(programs);
  const path = await binary(context);
  const mounts = [`${root.path}/lib:/lib:ro`, `${root.path}/lib64:/lib64:ro`, `${path}:/timeskew:ro`];
  const flags = ["--read-only", "--cap-add=SYS_PTRACE", ...mounts.map((each) => `--volume=${each}`)];
  const start = async (word: string, ...more: string[]) => {
    const name = unique(word);
    const all = [...flags, "--tmpfs=/tmp:noexec", ...more];
    await docker.start(name, "complete", all, [RESIDENT, "/tmp", ...NAMES]);
    return (...args: string[]) =>
      docker.docker("exec", name, "sh", "-c", '"$@" || :', "sh", "/timeskew", ...args);
  };
  // Nobody under a filter may set one aside: timeskew says so, which takes all of it.
  const confined = await start("confined");
  expect(await confined("doctor")).toMatch(/ok +helper +loaded/);
  const refused = JSON.parse(await confined("inject", "--json", "--pid", "1", "--offset", "-1d"));
  expect(refused).toMatchObject({
    ok: false,
    error: { code: "E_PERMISSION", message: expect.stringContaining("seccomp filter") },
  });
  const free = await start("free", "--security-opt=seccomp=unconfined");
  expect(await free("inject", "--pid", "1", "--offset", "-1d", "--stop-timeout", "20s")).toContain(
    "24h behind",
  );
  expect(await free("now", "--pid", "1")).toContain("-24h");
  expect(await free("recover", "--pid", "1", "--stop-timeout", "20s")).toContain("true time again");
  const late = JSON.parse(await free("run", "--offset", "-1d", "--", NEWCOMER, `${-DAY}`, "1000"));
  expect(late).toMatchObject({ wrong: 0, true: 0 });
});
