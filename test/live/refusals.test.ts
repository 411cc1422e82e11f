/**
 * The kernel's refusals, each told by its cause, with a remedy; by doctor before, and by inject, which changes nothing.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { build } from "../support/build.ts";
import { inject, recover, refusal, start, timeskew } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { asUser, type Inside, NOBODY, needCommand, startInside } from "../support/namespaces.ts";
import { isRoot, needPrograms, needRoot, needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { field, snapshot, state } from "../support/proc.ts";
import { realtimeSkews } from "../support/readings.ts";
import { FILTERED, GLIBC } from "../support/recipes.ts";
import { temporaryFolder } from "../support/servers/server.ts";
import { startClocks, startSandboxed, startTracer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const BACK = realtimeSkews(-10n * MINUTE);
const INJECT = ["inject", "--offset", "-600s", "--pid"];

interface Expected {
  code?: ErrorCode;
  message: RegExp;
  hint: RegExp;
  /** What starts the tool. */
  by?: readonly string[];
}

/** Refused, with this reason, which doctor knows as well; and the target is as it was. */
async function expectRefusal(pid: number, { code = "E_PERMISSION", message, hint, by = [] }: Expected) {
  const untouched = snapshotOf(pid);
  const error = await refusal(code, [...INJECT, pid], { by });
  expect(error).toMatchObject({
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
    targetState: "untouched",
  });
  expect(error.message).toContain(`pid ${pid}`);
  const doctor = await start(["doctor", "--pid", pid], { by }).done;
  expect(doctor).toMatchObject({ code: 1, stdout: expect.stringMatching(/✘ blocked/) });
  expect(doctor.stdout).toMatch(message);
  expect(snapshotOf(pid)).toEqual(untouched);
}

/** A zombie has nothing to compare. */
function snapshotOf(pid: number) {
  return state(pid) === "Z" ? undefined : snapshot(pid);
}

/** setpriv, with what root is to be left without. */
function without(...capabilities: string[]): string[] {
  return ["setpriv", `--bounding-set=${capabilities.map((name) => `-${name}`).join(",")}`, "--"];
}

function needAll(context: TestContext, why: string): void {
  needPrograms(context, "gcc", "setpriv");
  needRoot(context, why);
  needTracing(context);
}

/** clocks.c as another file, which nobody is to run. */
function startCopy(prepare: (file: string) => void): Promise<Inside> {
  return assemble(async (own) => {
    const { path: folder } = own(await temporaryFolder("copy"));
    chmodSync(folder, 0o755);
    const file = join(folder, "clocks");
    copyFileSync(await build(GLIBC), file);
    prepare(file);
    return { ...own(await startInside(asUser(), file)) };
  });
}

describe("whose it is", () => {
  test("root without CAP_SYS_PTRACE, another user's process", async (context) => {
    needAll(context, "to drop a capability");
    await using victim = await startInside(asUser());
    await expectRefusal(victim.pid, {
      by: without("sys_ptrace"),
      message: /it belongs to uid 65534, and we are uid 0/,
      hint: /CAP_SYS_PTRACE.*--cap-add SYS_PTRACE/,
    });
    expect(await victim.complaints({})).toEqual([]);
  });

  test("root with fewer capabilities than the process", async (context) => {
    needAll(context, "to drop capabilities");
    await using victim = await startClocks();
    await expectRefusal(victim.pid, {
      by: without("sys_ptrace", "net_raw"),
      message: /it has capabilities that we lack: CAP_SYS_PTRACE, CAP_NET_RAW|CAP_NET_RAW, CAP_SYS_PTRACE/,
      hint: /CAP_SYS_PTRACE/,
    });
    // As much as it has is enough.
    await using equal = await startInside(without("sys_ptrace", "net_raw"));
    const run = await start([...INJECT, equal.pid], { by: without("sys_ptrace", "net_raw") }).done;
    expect(run, run.stderr).toMatchObject({ code: 0 });
    expect(await equal.complaints(BACK)).toEqual([]);
  });

  test("an ordinary user: root's, another user's, his own", async (context) => {
    needAll(context, "to be other users");
    await using roots = await startClocks();
    const message = /it belongs to uid 0, and we are uid 65534/;
    await expectRefusal(roots.pid, { by: asUser(), message, hint: /run timeskew with sudo/ });
    await using others = await startInside(asUser(65_533));
    await expectRefusal(others.pid, {
      by: asUser(),
      message: /it belongs to uid 65533, and we are uid 65534/,
      hint: /run timeskew with sudo/,
    });
    await using own = await startInside(asUser());
    expect(await start([...INJECT, own.pid], { by: asUser() }).done).toMatchObject({ code: 0 });
    expect(await own.complaints(BACK)).toEqual([]);
  });

  const PRIVILEGED: [string, (file: string) => void, RegExp][] = [
    [
      "a setuid program's",
      (file) => chmodSync(file, 0o4755),
      /its uid is ours, 65534, but it runs, or has run, as 0/,
    ],
    [
      "a setgid program's",
      (file) => {
        chownSync(file, 0, 42);
        chmodSync(file, 0o2755);
      },
      /its gid is ours, 65534, but it runs, or has run, as 42/,
    ],
  ];
  test.for(PRIVILEGED)(
    "an ordinary user's process, but %s; for root no obstacle",
    async ([, prepare, message], context) => {
      needAll(context, "to make such a program");
      await using victim = await startCopy(prepare);
      if (field(victim.pid, "Uid") + field(victim.pid, "Gid") === ids().repeat(2))
        context.skip("needs a temporary folder that is not mounted nosuid");
      await expectRefusal(victim.pid, { by: asUser(), message, hint: /run timeskew with sudo/ });
      await inject(victim.pid, "--offset", "-600s");
      expect(await victim.complaints(BACK)).toEqual([]);
      await recover(victim.pid);
      expect(await victim.complaints({})).toEqual([]);
    },
  );

  test("an ordinary user's process that is not dumpable; for root no obstacle", async (context) => {
    needAll(context, "to be another user");
    await using victim = await startInside(asUser());
    expect(await victim.dialog.askJson("undumpable")).toEqual({ failed: 0 });
    await expectRefusal(victim.pid, {
      by: asUser(),
      message: /it is not dumpable/,
      hint: /run timeskew with sudo/,
    });
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
  });

  test("an ordinary user's process, whose file has a capability", async (context) => {
    needAll(context, "to give a file a capability");
    const [setcap = ""] = needPrograms(context, "setcap");
    let refused = "";
    await using victim = await startCopy((file) => {
      refused = spawnSync(setcap, ["cap_net_raw=ep", file], { encoding: "utf8" }).stderr;
    });
    if (refused) context.skip(`needs files with capabilities: ${refused.trim()}`);
    // The kernel makes such a process undumpable at its start: that is met first.
    await expectRefusal(victim.pid, {
      by: asUser(),
      message: /it is not dumpable|CAP_NET_RAW/,
      hint: /run timeskew with sudo/,
    });
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
  });
});

describe("who has it", () => {
  test("a tracer of one thread only is named", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks();
    const { tid } = await victim.dialog.askJson<{ tid: number }>("thread");
    await using tracer = await startTracer(tid);
    await expectRefusal(victim.pid, {
      code: "E_TRACED",
      message: new RegExp(`traced by tracer-\\w+ \\(pid ${tracer.pid}\\)`),
      hint: /detach it first/,
    });
    expect(await victim.complaints({})).toEqual([]);
  });

  test("a tracer that has died leaves nothing in the way", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks();
    await using tracer = await startTracer(victim.pid);
    process.kill(tracer.pid, "SIGKILL");
    await waitFor("the tracer to be gone", () => field(victim.pid, "TracerPid") === "0");
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
  });

  test.for(["strace", "gdb"])("%s is named", async (name, context) => {
    needPrograms(context, "gcc");
    const [program = ""] = needPrograms(context, name);
    needTracing(context, { permitted: true });
    await using victim = await startClocks();
    const quiet = name === "gdb" ? ["-q", "-nx", "-p"] : ["-o", "/dev/null", "-p"];
    await using debuggers = await startDebugger([program, ...quiet, String(victim.pid)]);
    await waitFor("the debugger", () => field(victim.pid, "TracerPid") === String(debuggers.pid));
    await expectRefusal(victim.pid, {
      code: "E_TRACED",
      message: new RegExp(`traced by ${name} \\(pid ${debuggers.pid}\\)`),
      hint: /detach it first/,
    });
  });
});

describe("a seccomp filter", () => {
  test("needs CAP_SYS_ADMIN, which root may lack", async (context) => {
    needAll(context, "to drop a capability");
    await using victim = await startSandboxed("process");
    await expectRefusal(victim.pid, {
      by: without("sys_admin"),
      message: /has a (seccomp )?filter, which we may not suspend: that takes CAP_SYS_ADMIN/,
      hint: /root of the host/,
    });
    expect(await victim.complaints({})).toEqual([]);
  });

  test("is not suspended by a tool under a filter of its own", async (context) => {
    needAll(context, "only CAP_SYS_ADMIN may suspend a filter at all");
    const by = [await build(FILTERED)];
    needCommand(context, by);
    await using victim = await startSandboxed("process");
    await expectRefusal(victim.pid, {
      by,
      message: /which we may not suspend: a process that runs under a filter itself/,
      hint: /seccomp=unconfined/,
    });
    expect(await victim.complaints({})).toEqual([]);
    // Without one in the target it does not matter.
    await using plain = await startClocks();
    expect(await start([...INJECT, plain.pid], { by }).done).toMatchObject({ code: 0 });
    expect(await plain.complaints(BACK)).toEqual([]);
  });
});

describe("doctor knows of targets that are none", () => {
  test("a zombie", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context);
    await using victim = await startClocks();
    const { pid: zombie } = await victim.dialog.askJson<{ pid: number }>("zombie");
    await waitFor("the zombie", () => state(zombie) === "Z");
    await expectRefusal(zombie, { code: "E_ZOMBIE", message: /has ended/, hint: /its parent is pid/ });
  });

  test("one that sleeps in the kernel is a warning: it may be over in a moment", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startClocks(GLIBC, { release: true });
    const { tid } = await victim.dialog.askJson<{ tid: number }>("hold");
    await waitFor("the thread to be in vfork()", () => state(tid) === "D");
    const run = await timeskew("doctor", "--pid", victim.pid);
    expect(run).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`warning +threads +thread ${tid} sleeps in the kernel`)),
    });
    victim.dialog.release();
  });

  test("one that a security module keeps from root", async (context) => {
    if (!isRoot) context.skip("needs root: another user is refused for a plainer reason");
    // What it is that forbids it here is not ours to arrange: init, where it is kept so.
    const { code, stdout } = await timeskew("doctor", "--pid", 1);
    if (code === 0) context.skip("needs a process that a security module keeps from root: init is none here");
    expect(stdout).toMatch(
      /pid 1\b.*(a security module of the kernel forbids it|user namespace|capabilities)/,
    );
    expect(stdout).toMatch(/→ /);
  });
});

function ids(): string {
  return Array(4).fill(NOBODY).join("\t");
}

/** A debugger that is attached to a process; ends with it, or when it is disposed of. */
async function startDebugger(command: readonly string[]): Promise<{ pid: number } & AsyncDisposable> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["pipe", "ignore", "ignore"] });
  const ended = once(child, "exit");
  await once(child, "spawn");
  return {
    pid: child.pid!,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
