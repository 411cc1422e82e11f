/**
 * `timeskew exec`: programs in the namespaces of a process, with its files, ids, rights and environment, and with the skew that
 * it has. The containers here are made by unshare(1) and chroot(1); those of real runtimes are in containers-exec.test.ts.
 */
import { copyFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { needCgroup } from "../support/cgroups.ts";
import { inject, recover } from "../support/cli.ts";
import { complete, distroless, needBusybox } from "../support/containers/rootfs.ts";
import { Dialog } from "../support/dialog.ts";
import {
  asUser,
  type Inside,
  NOBODY,
  needCommand,
  needNamespaces,
  startInside,
} from "../support/namespaces.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { children, field, namespaces, state } from "../support/proc.ts";
import { ended, notADayLate, supervisorOf, tool } from "../support/programs.ts";
import { GLIBC, MUSL_STATIC } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const TYPING = fileURLToPath(new URL("../support/typing.py", import.meta.url));
const CHROOT = "/usr/sbin/chroot";
const NAMESPACES = ["--pid", "--mount", "--net", "--uts", "--ipc", "--cgroup"];

interface Container extends Inside {
  /** Its root, as we see it. */
  readonly root: string;
}

/** A process in namespaces and with a root file system of its own; `as` starts chroot, whose options are `its`. */
function container(
  context: TestContext,
  kind: "full" | "distroless",
  { flags = [] as string[], as = "", its = "" } = {},
): Promise<Container> {
  const by = needNamespaces(context, "--fork", "--kill-child", ...NAMESPACES, ...flags);
  const busybox = needBusybox(context);
  return assemble(async (own) => {
    const root = await mkdtemp(join(tmpdir(), "timeskew-exec-"));
    own({ [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) });
    await chmod(root, 0o755);
    await (kind === "full" ? complete(root, busybox) : distroless(root));
    copyFileSync(await build(MUSL_STATIC), join(root, "victim"));
    const chroot = `env -i PATH=/bin:/sbin "MARK=its own" TERM=dumb ${as} ${CHROOT} ${its} ${root} "$@"`;
    const enter = `hostname box; mount -t proc proc ${root}/proc && cd / && exec ${chroot}`;
    const inside = own(await startInside([...by, "sh", "-c", enter, "sh"], "/victim"));
    return { ...inside, root };
  });
}

function execIn({ pid }: { pid: number }, ...command: string[]): string[] {
  return [...tool("exec", "--pid", pid, "--"), ...command];
}

async function late(context: TestContext, kind: "full" | "distroless", o = {}): Promise<Container> {
  const victim = await container(context, kind, o);
  await inject(victim.pid, "--offset", "-1d");
  return victim;
}

describe("with the files of the target", () => {
  test("date, and what a shell starts", async (context) => {
    await using victim = await late(context, "full");
    const from = Date.now();
    const { code, stdout, stderr } = await ended(
      execIn(
        victim,
        "sh",
        "-c",
        "date +%s; date +%s | cat; readlink /proc/$$/exe; (date +%s); exec date +%s",
      ),
    );
    const lines = stdout.trim().split("\n");
    expect({ code, stderr, its: lines[2] }).toEqual({ code: 0, stderr: "", its: "/bin/busybox" });
    expect(notADayLate(lines.toSpliced(2, 1).join("\n"), from)).toEqual([]);
  });

  test("its namespaces, root, directory, environment and cgroups", async (context) => {
    await using cgroup = needCgroup(context, "v1", "pids");
    await using victim = await late(context, "full");
    cgroup.add(victim.pid);
    const facts =
      "for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done; pwd; hostname; env; id; cat /proc/self/cgroup";
    const { code, stdout, stderr } = await ended(execIn(victim, "sh", "-c", facts));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const line of namespaces(victim.pid))
      if (!line.startsWith("time")) expect(stdout).toContain(`${line}\n`);
    expect(stdout).toContain("\n/\nbox\n");
    expect(stdout).toContain("MARK=its own\n");
    expect(stdout).toMatch(/^PATH=\/bin:\/sbin$/m);
    expect(stdout).not.toMatch(/^HOME=/m);
    expect(stdout).toContain("uid=0(root) gid=0(root)");
    // Relative to the root of its cgroup namespace, which is where this test was when it made that.
    expect(stdout).toMatch(new RegExp(`:pids:/(?:\\.\\./)*${cgroup.path.split("/").at(-1)}\n`));
  });

  test("nothing of ours is open but stdin, stdout and stderr", async (context) => {
    await using victim = await late(context, "full");
    const line = [...execIn(victim, "ls", "/proc/self/fd")].map(quoted).join(" ");
    const { stdout } = await ended(["bash", "-c", `exec 7</ 8</dev/null; ${line}`]);
    expect(stdout.trim().split("\n")).toEqual(["0", "1", "2", "3"]);
  });

  test("its user, groups and capabilities", async (context) => {
    const as = "/usr/bin/setpriv --bounding-set=-sys_admin,-net_raw --no-new-privs";
    const its = "--userspec=1234:77 --groups=5,6";
    await using victim = await late(context, "full", { as, its });
    const grep = "grep -E '^(Uid|Gid|Groups|Cap(Prm|Eff|Bnd)|NoNewPrivs)' /proc/self/status; date +%s";
    const from = Date.now();
    const { code, stdout } = await ended(execIn(victim, "sh", "-c", grep));
    expect(code).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(notADayLate(lines.pop()!, from)).toEqual([]);
    expect(lines).toEqual(
      ["Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs"].map(
        (name) => `${name}:\t${field(victim.pid, name)}`,
      ),
    );
  });

  test("a user namespace", async (context) => {
    await using victim = await late(context, "full", { flags: ["--user", "--map-root-user"] });
    const from = Date.now();
    const { stdout, stderr } = await ended(
      execIn(victim, "sh", "-c", "date +%s; readlink /proc/self/ns/user; id -u"),
    );
    const [date, namespace, uid] = stdout.split("\n");
    expect({ stderr, wrong: notADayLate(date!, from), uid }).toEqual({ stderr: "", wrong: [], uid: "0" });
    expect(namespaces(victim.pid)).toContain(namespace);
  });

  test("an ordinary user's own namespaces, for this user", async (context) => {
    const by = [
      ...asUser(),
      ...needNamespaces(context, "--user", "--map-root-user", "--net", "--uts", "--ipc"),
    ];
    needCommand(context, by);
    await using victim = await startInside(by);
    expect((await ended([...asUser(), ...tool("inject", "--pid", victim.pid, "--offset", "-1d")])).code).toBe(
      0,
    );
    const from = Date.now();
    const script = "date +%s; readlink /proc/self/ns/net; id -u";
    const { code, stdout, stderr } = await ended([...asUser(), ...execIn(victim, "sh", "-c", script)]);
    const [date, namespace, uid] = stdout.split("\n");
    expect({ code, stderr, uid }).toEqual({ code: 0, stderr: "", uid: "0" });
    expect(notADayLate(date!, from)).toEqual([]);
    expect(namespaces(victim.pid)).toContain(namespace);
  });

  test("a cgroup that may not be joined is told", async (context) => {
    needCommand(context, asUser());
    await using cgroup = needCgroup(context, "v1", "pids");
    await using victim = await startInside(asUser());
    cgroup.add(victim.pid);
    const { code, stdout, stderr } = await ended([...asUser(), ...execIn(victim, "echo", "here")]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "here\n" });
    expect(stderr).toMatch(/^timeskew: pid \d+ has cgroups that could not be joined/);
  });

  test("a time namespace, and a skew on top of it", async (context) => {
    const by = needNamespaces(context, "--time", "--monotonic=1000000");
    await using victim = await startInside(by);
    await inject(victim.pid, "--offset", "1h", "--clock", "monotonic");
    const [python = ""] = needPrograms(context, "python3");
    const { stdout } = await ended(execIn(victim, python, "-c", "import time; print(time.monotonic_ns())"));
    const truth = await victim.truth("CLOCK_MONOTONIC");
    const ahead = 3_600_000_000_000n;
    expect(BigInt(stdout)).toBeLessThan(truth + ahead);
    expect(BigInt(stdout)).toBeGreaterThan(truth + ahead - 60_000_000_000n);
  });

  test("a process without namespaces of its own, for any user", async (context) => {
    needTracing(context, { permitted: true });
    await using victim = await startInside([]);
    await inject(victim.pid, "--offset", "-1d");
    const from = Date.now();
    const { code, stdout } = await ended(execIn(victim, "date", "+%s"));
    expect({ code, wrong: notADayLate(stdout, from) }).toEqual({ code: 0, wrong: [] });
  });
});

describe("without", () => {
  test("a distroless target: our own program, out of its reach", async (context) => {
    await using victim = await late(context, "distroless");
    const from = Date.now();
    const { code, stdout, stderr } = await ended(execIn(victim, "date", "+%s"));
    expect({ code, wrong: notADayLate(stdout, from) }).toEqual({ code: 0, wrong: [] });
    expect(stderr).toBe(
      `timeskew: pid ${victim.pid} has no date: this is our own, outside of its mount and pid namespaces\n`,
    );
    const script =
      "for n in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$n; done; echo $MARK; echo $PATH";
    const run = await ended(execIn(victim, "sh", "-c", script));
    const its = namespaces(victim.pid);
    const ours = namespaces(process.pid);
    const of = (list: string[], name: string) => list.find((line) => line.startsWith(`${name}:`));
    expect(run.stdout.trim().split("\n")).toEqual([
      ...["cgroup", "ipc"].map((name) => of(its, name)),
      of(ours, "mnt"),
      of(its, "net"),
      of(ours, "pid"),
      of(its, "uts"),
      "its own",
      process.env.PATH,
    ]);
  });

  test("its own program is executed all the same", async (context) => {
    await using victim = await late(context, "distroless");
    await using dialog = await Dialog.start(execIn(victim, "/victim"));
    await dialog.line();
    const program = await waitFor("the program", () => children(dialog.pid)[0]);
    expect(field(program, "Name")).toBe("victim");
    await dialog.askJson("read");
  });

  test("a program that is nowhere", async (context) => {
    await using victim = await late(context, "distroless");
    expect(await ended(execIn(victim, "no-such-program"))).toMatchObject({
      code: 127,
      stdout: "",
      stderr: "timeskew: no-such-program: no such program in PATH\n",
    });
  });

  test("a target that is not skewed: the true time, and that is said", async (context) => {
    await using victim = await container(context, "full");
    const before = Date.now() - 1000;
    const { code, stdout, stderr } = await ended(execIn(victim, "date", "+%s"));
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `timeskew: pid ${victim.pid} is not skewed: date runs with the true time\n`,
    });
    expect(Number(stdout) * 1000).toBeGreaterThan(before);
    expect((await ended([...tool("exec", "-q", "--pid", victim.pid, "--"), "date"])).stderr).toBe("");
  });

  test("a skew that was taken back meanwhile", async (context) => {
    await using victim = await late(context, "full");
    await recover(victim.pid);
    expect((await ended(execIn(victim, "date"))).stderr).toContain("is not skewed");
  });

  test("a frozen target", async (context) => {
    await using cgroup = needCgroup(context, "v1", "freezer");
    await using victim = await late(context, "full");
    cgroup.add(victim.pid);
    cgroup.set("freezer.state", "FROZEN");
    expect(await ended(execIn(victim, "date"))).toMatchObject({ code: 6, stdout: "" });
  });

  test("the right to", async (context) => {
    await using victim = await late(context, "full");
    expect(await ended([...asUser(NOBODY), ...execIn(victim, "date")])).toMatchObject({
      code: 4,
      stdout: "",
    });
  });
});

describe("as if it were the program", () => {
  test("exit codes, and deaths by signals", async (context) => {
    await using victim = await late(context, "full");
    for (const code of [0, 1, 77, 127, 255]) {
      expect(await ended(execIn(victim, "sh", "-c", `exit ${code}`))).toMatchObject({ code, signal: null });
    }
    for (const name of ["TERM", "KILL", "SEGV"]) {
      const { code, signal } = await ended(execIn(victim, "sh", "-c", `kill -${name} $$`));
      expect({ code, signal }).toEqual({ code: null, signal: `SIG${name}` });
    }
  });

  test("signals that are sent to it are the program's, once each", async (context) => {
    await using victim = await late(context, "full");
    const loop =
      'trap "echo usr1" USR1; trap "echo term; exit 9" TERM; echo ready; while :; do sleep 0.02; done';
    await using dialog = await Dialog.start(execIn(victim, "sh", "-c", loop));
    expect(await dialog.line()).toBe("ready");
    for (let i = 0; i < 3; i++) {
      process.kill(dialog.pid, "SIGUSR1");
      expect(await dialog.line()).toBe("usr1");
    }
    process.kill(dialog.pid, "SIGTERM");
    expect(await dialog.line()).toBe("term");
    expect(await dialog.ending()).toEqual({ code: 9, signal: null });
  });

  test("signals that come while the program is being made are not lost", async (context) => {
    await using victim = await late(context, "full");
    const script = 'trap "exit 9" TERM; while :; do sleep 0.02; done';
    const codes = new Set<unknown>();
    for (let delay = 0; delay < 400; delay += 50) {
      await using dialog = await Dialog.start(execIn(victim, "sh", "-c", script));
      await waitFor("the entrant", () => children(dialog.pid).length > 0);
      await sleep(delay);
      process.kill(dialog.pid, "SIGTERM");
      const { code, signal } = await dialog.ending();
      codes.add(signal ?? code);
    }
    // By the signal itself, if the program was not there yet, or had no handler yet.
    expect([...codes].filter((code) => code !== 9 && code !== "SIGTERM")).toEqual([]);
  });

  test("it stops when the program does, and both go on", async (context) => {
    await using victim = await late(context, "full");
    await using dialog = await Dialog.start(execIn(victim, "sh", "-c", "echo ready; read line; echo $line"));
    expect(await dialog.line()).toBe("ready");
    const [program] = children(dialog.pid);
    // Not SIGTSTP, which stops nobody whose session has no shell that could let it go on.
    process.kill(program!, "SIGSTOP");
    await waitFor("both to stop", () => state(dialog.pid) === "T" && /[tT]/.test(state(program!)));
    process.kill(dialog.pid, "SIGCONT");
    expect(await dialog.ask("on")).toBe("on");
  });

  test("the end of the supervisor is nothing to it", async (context) => {
    await using victim = await late(context, "full");
    await using dialog = await Dialog.start(
      execIn(victim, "sh", "-c", "echo ready; read line; echo $line; exit 3"),
    );
    expect(await dialog.line()).toBe("ready");
    const [program] = children(dialog.pid);
    process.kill(supervisorOf(program!)!, "SIGKILL");
    await waitFor("it to be let go", () => supervisorOf(program!) === undefined);
    expect(await dialog.ask("on")).toBe("on");
    expect(await dialog.ending()).toEqual({ code: 3, signal: null });
  });

  test("a terminal: Ctrl-C, Ctrl-Z and fg", async (context) => {
    const [python = ""] = needPrograms(context, "python3", "bash");
    await using victim = await late(context, "full");
    const script =
      'trap "echo caught" INT; echo "re"ady; until read line; do :; done; echo "<$line>"; read line; echo "<$line>"; exit 7';
    const line = execIn(victim, "sh", "-c", script).map(quoted).join(" ");
    const steps = [
      ["$ ", `${line}\n`],
      ["ready", "\u0003"],
      ["caught", "first\n"],
      ["<first>", "\u001a"],
      ["Stopped", "fg\n"],
      ["fg\r\n", "second\n"],
      ["<second>", 'echo "code" $?\n'],
      ["code 7", "exit\n"],
    ];
    const shell = ["env", "PS1=$ ", "bash", "--norc", "--noprofile", "--noediting", "-i"];
    const { code, stdout, stderr } = await ended([python, TYPING, JSON.stringify(steps), ...shell]);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
  });

  test("stdout and stderr stay blocking", async (context) => {
    needTracing(context);
    await using victim = await startInside([], await build(GLIBC));
    await inject(victim.pid, "--offset", "-1d");
    const files = [0, 1, 2].map((fd) => `/proc/self/fdinfo/${fd}`);
    const ours = await ended(execIn(victim, "grep", "flags", ...files));
    expect(ours).toEqual(await ended(["grep", "flags", ...files]));
  });
});

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
