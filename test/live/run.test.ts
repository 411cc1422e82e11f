/**
 * `timeskew run`: programs that never read the true time, nor do those that they start; and apart from that they are as
 * without. Each answer is compared with that of a control, which is started in the same way without us.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { DAY } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { lesserTool } from "../support/lesser.ts";
import { startInside } from "../support/namespaces.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { field, state } from "../support/proc.ts";
import {
  A_DAY_LATE,
  compared,
  ended,
  killSupervisor,
  notADayLate,
  supervisorOf,
  tool,
} from "../support/programs.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC, GLIBC_STATIC, I386, MUSL_STATIC } from "../support/recipes.ts";
import { RUNTIMES, readRuntime } from "../support/runtimes.ts";
import { waitFor } from "../support/wait.ts";

const TYPING = fileURLToPath(new URL("../support/typing.py", import.meta.url));
const HANGING_UP = fileURLToPath(new URL("../support/terminal.py", import.meta.url));

const BACK = realtimeSkews(-DAY);

/** A shell script, a day late. */
function script(text: string): string[] {
  return [...A_DAY_LATE, "sh", "-c", text];
}

describe("what a program reads", () => {
  test("date", async (context) => {
    needTracing(context);
    const from = Date.now();
    const { code, stdout, stderr } = await ended([...A_DAY_LATE, "date", "+%s"]);
    expect({ code, stderr, wrong: notADayLate(stdout, from) }).toEqual({ code: 0, stderr: "", wrong: [] });
  });

  test("a shell with pipes, subshells and substitutions", async (context) => {
    needTracing(context);
    const from = Date.now();
    const { code, stdout } = await ended(
      script(
        'date +%s; date +%s | cat; (date +%s); echo "$(date +%s)"; { date +%s & wait; }; env date +%s | sort | uniq',
      ),
    );
    expect({ code, count: stdout.trim().split("\n").length, wrong: notADayLate(stdout, from) }).toEqual({
      code: 0,
      count: 6,
      wrong: [],
    });
  });

  test.for([GLIBC, GLIBC_STATIC, MUSL_STATIC])(
    "$name: every clock, from the first reading on",
    async (recipe, context) => {
      needPrograms(context, recipe.command[0]!);
      needTracing(context);
      await using victim = await startInside(A_DAY_LATE, await build(recipe));
      expect(await victim.complaints(BACK)).toEqual([]);
    },
  );

  test.for(RUNTIMES)("$title", async (runtime, context) => {
    needTracing(context);
    await using dialog = await Dialog.greeted([...A_DAY_LATE, ...(await runtime.command(context))]);
    const { value, wall } = await readRuntime(dialog);
    expect(value.wall).toBeGreaterThan(wall.from - DAY - runtime.unit);
    expect(value.wall).toBeLessThan(wall.to - DAY);
  });

  test("make, and what it makes", async (context) => {
    needPrograms(context, "make");
    needTracing(context);
    await using folder = await temporary();
    const recipe = "\t@date +%s\n";
    const makefile = join(folder.path, "Makefile");
    await writeFile(makefile, `all: a b c\na:\n${recipe}b: a\n${recipe}c:\n${recipe}.PHONY: a b c\n`);
    // A file of today is of tomorrow for make, which would say so.
    await utimes(makefile, 0, 0);
    const from = Date.now();
    const { code, stdout, stderr } = await ended([...A_DAY_LATE, "make", "-s", "-j2", "-C", folder.path]);
    expect({ code, stderr, wrong: notADayLate(stdout, from) }).toEqual({ code: 0, stderr: "", wrong: [] });
  });

  test("make keeps its jobserver through us", async (context) => {
    needPrograms(context, "make");
    needTracing(context);
    await using folder = await temporary();
    const makefile = join(folder.path, "Makefile");
    const inner = `+${A_DAY_LATE.map(quoted).join(" ")} $(MAKE) -s dates`;
    await writeFile(
      makefile,
      `all:\n\t@${inner}\ndates: a b c\na b c:\n\t@date +%s\n.PHONY: all dates a b c\n`,
    );
    await utimes(makefile, 0, 0);
    const from = Date.now();
    // It would warn of a jobserver that is not there.
    const { code, stdout, stderr } = await ended(["make", "-s", "-j3", "-C", folder.path]);
    expect({ code, stderr, wrong: notADayLate(stdout, from) }).toEqual({ code: 0, stderr: "", wrong: [] });
  });

  test("waits are by its own clock", async (context) => {
    needTracing(context);
    const fast = tool("run", "--rate", "1000", "-c", "realtime,monotonic", "--", "sh", "-c");
    // Twenty minutes, which no test would wait for.
    expect(await ended([...fast, "sleep 600; sleep 600"])).toMatchObject({ code: 0, stderr: "" });
  });

  test("a program that executes itself again, and again", async (context) => {
    needTracing(context);
    const from = Date.now();
    const again = 'date +%s; [ "$1" -eq 0 ] || exec sh -c "$0" "$0" $(($1 - 1))';
    const { code, stdout } = await ended([...A_DAY_LATE, "sh", "-c", again, again, "20"]);
    expect({ code, count: stdout.trim().split("\n").length, wrong: notADayLate(stdout, from) }).toEqual({
      code: 0,
      count: 21,
      wrong: [],
    });
  });

  test("a daemon, which starts programs when the program itself has ended", async (context) => {
    needPrograms(context, "setsid");
    needTracing(context);
    await using folder = await temporary();
    const [go, dates] = [join(folder.path, "go"), join(folder.path, "dates")];
    const from = Date.now();
    const daemon = `until [ -e ${go} ]; do sleep 0.02; done; date +%s; sh -c 'date +%s; exec date +%s'; echo end`;
    const { code } = await ended(script(`setsid sh -c "${daemon}" >${dates} 2>&1 </dev/null &`));
    expect(code).toBe(0);
    await writeFile(go, "");
    const text = await waitFor("the daemon's end", () => {
      const lines = readFileSync(dates, "utf8");
      return lines.endsWith("end\n") && lines.replace("end\n", "");
    });
    expect({ count: text.trim().split("\n").length, wrong: notADayLate(text, from) }).toEqual({
      count: 3,
      wrong: [],
    });
  });

  test("1,000 quick programs, in turns and side by side", async (context) => {
    needTracing(context);
    const from = Date.now();
    const loop = "i=0; while [ $i -lt 250 ]; do date +%s; i=$((i + 1)); done";
    const { code, stdout, stderr } = await ended(script(`for each in 1 2 3 4; do { ${loop}; } & done; wait`));
    expect({
      code,
      stderr,
      count: stdout.trim().split("\n").length,
      wrong: notADayLate(stdout, from),
    }).toEqual({
      code: 0,
      stderr: "",
      count: 1000,
      wrong: [],
    });
  });

  test("a profile begins with the program", async (context) => {
    needTracing(context);
    const from = BigInt(Date.now()) * 1_000_000n;
    const frozen = tool("run", "--freeze", "--", "sh", "-c", "date +%s%N; sleep 0.1; date +%s%N");
    const { stdout } = await ended(frozen);
    const to = BigInt(Date.now()) * 1_000_000n;
    const [first = 0n, second] = stdout.trim().split("\n").map(BigInt);
    expect(second).toBe(first);
    expect([from < first, first < to]).toEqual([true, true]);
  });
});

describe("what others see of it", () => {
  test("exit codes", async (context) => {
    needTracing(context);
    const codes = [0, 1, 2, 63, 64, 125, 126, 127, 128, 129, 137, 254, 255];
    for (const code of codes)
      expect(await ended(script(`exit ${code}`))).toMatchObject({ code, signal: null });
    // Those of its children, as it is told them.
    const each =
      'n=0; while [ $n -le 255 ]; do sh -c "exit $n"; [ $? -eq $n ] || echo $n; n=$((n + 1)); done';
    expect(await ended(script(each))).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  });

  test("deaths by signals", async (context) => {
    needTracing(context);
    for (const signal of [
      "HUP",
      "INT",
      "QUIT",
      "ILL",
      "ABRT",
      "FPE",
      "KILL",
      "SEGV",
      "PIPE",
      "ALRM",
      "TERM",
      "USR1",
    ]) {
      const { ours, control } = await compared(["sh", "-c", `ulimit -c 0; kill -${signal} $$`]);
      expect(ours).toEqual(control);
      expect(ours.signal).toBe(`SIG${signal}`);
    }
  });

  test("a program that is not there, or none", async (context) => {
    needTracing(context);
    await using folder = await temporary();
    const plain = join(folder.path, "plain");
    await writeFile(plain, "no program");
    const fails = async (code: number, program: string, message: string) =>
      expect(await ended([...A_DAY_LATE, program])).toMatchObject({
        code,
        stdout: "",
        stderr: `timeskew: ${message}\n`,
      });
    await fails(127, "no-such-program", "no-such-program: no such program in PATH");
    await fails(127, "/no/such/program", "/no/such/program: no such file");
    await fails(127, `${plain}/below`, `${plain}/below: no such file`);
    await fails(126, plain, `${plain} cannot be executed: not permitted, or not a program`);
    await fails(126, folder.path, `${folder.path} cannot be executed: not permitted, or not a program`);
  });

  test("a script without a first line that names its shell is the shell's", async (context) => {
    needTracing(context);
    await using folder = await temporary();
    const file = join(folder.path, "script");
    await writeFile(file, 'echo "$1 and $2"; exit 9', { mode: 0o755 });
    expect(await ended([...A_DAY_LATE, file, "a b", ""])).toMatchObject({ code: 9, stdout: "a b and \n" });
  });

  test("its arguments and its environment, byte by byte", async (context) => {
    needTracing(context);
    const shown = 'printf "%s\\n" "$0" "$@" | od -c; env -0 | tr "\\0" "\\n" | grep -a ODD | od -c';
    const odd = `ODD="$(printf "\\377\\200=x")" ODDER= exec "$@" "$(printf "caf\\351")" "" " " --pid -- "\\$x"`;
    const { ours, control } = await compared(["sh", "-c", shown], { around: ["sh", "-c", odd, "sh"] });
    expect(ours).toEqual(control);
    expect(ours.stdout).toContain("351");
  });

  test("a reader of its output sees the end when everybody has ended who writes", async (context) => {
    needTracing(context);
    const from = Date.now();
    const substitute = [...A_DAY_LATE, "sh", "-c", "{ sleep 0.3; date +%s; } & date +%s"]
      .map(quoted)
      .join(" ");
    const { stdout } = await ended(["sh", "-c", `both="$(${substitute} 2>&1)"; echo "$both"`]);
    expect({ count: stdout.trim().split("\n").length, wrong: notADayLate(stdout, from) }).toEqual({
      count: 2,
      wrong: [],
    });
  });

  test("a reader of its stderr sees the end with the program, whatever is followed on", async (context) => {
    needTracing(context);
    await using folder = await temporary();
    const stop = join(folder.path, "stop");
    // A daemon that holds nothing of ours open keeps the supervisor in being.
    const daemon = `until [ -e ${stop} ]; do sleep 0.02; done`;
    const { code, stderr } = await ended(
      script(`setsid sh -c "${daemon}" >/dev/null 2>&1 </dev/null & echo $! >&2`),
    );
    const pid = Number(stderr);
    expect(code).toBe(0);
    expect(supervisorOf(pid)).toBeDefined();
    await writeFile(stop, "");
    await waitFor("the daemon's end", () => !exists(pid));
  });

  test("its children are those that it has started", async (context) => {
    needTracing(context);
    const list =
      'sleep 1 & read line </proc/$$/task/$$/children; [ "$line" = "$!" ] || echo "$! is not $line"; kill $!';
    expect(await ended(script(list))).toMatchObject({ code: 0, stdout: "" });
  });

  test("the supervisor ends when nobody is left", async (context) => {
    needTracing(context);
    await using victim = await startInside(A_DAY_LATE, await build(GLIBC));
    const supervisor = supervisorOf(victim.pid)!;
    expect(field(supervisor, "PPid")).not.toBe(String(process.pid));
    await victim[Symbol.asyncDispose]();
    await waitFor("the end of the supervisor", () => !exists(supervisor));
  });

  test("SIGKILL of the supervisor leaves all running, and skewed", async (context) => {
    needTracing(context);
    const from = Date.now();
    await using shell = await Dialog.start(
      script("sleep 60 & echo $!; while read line; do date +%s; done; kill $!"),
    );
    const child = Number(await shell.line());
    await killSupervisor(shell.pid);
    for (const pid of [shell.pid, child]) {
      expect(field(pid, "TracerPid")).toBe("0");
      await waitFor("it to sleep again", () => state(pid) === "S");
    }
    // What it starts from now on nobody skews; a reading of its own would still be late.
    expect(notADayLate(await shell.ask("go"), from)).toHaveLength(1);
    await using victim = await startInside(A_DAY_LATE, await build(GLIBC));
    await killSupervisor(victim.pid);
    expect(await victim.complaints(BACK)).toEqual([]);
  });
});

describe("signals to the supervisor", () => {
  test("SIGINT ends it, and leaves all running, and skewed; SIGTERM and SIGHUP do not", async (context) => {
    needTracing(context);
    await using victim = await startInside(A_DAY_LATE, await build(GLIBC));
    const supervisor = supervisorOf(victim.pid)!;
    for (const signal of ["SIGTERM", "SIGHUP"] as const) process.kill(supervisor, signal);
    expect(await victim.complaints(BACK)).toEqual([]);
    expect(supervisorOf(victim.pid)).toBe(supervisor);
    process.kill(supervisor, "SIGINT");
    await waitFor("the end of the supervisor", () => !exists(supervisor));
    expect(field(victim.pid, "TracerPid")).toBe("0");
    expect(await victim.complaints(BACK)).toEqual([]);
  });
});

describe("what it finds", () => {
  const facts = [
    "grep -E '^(Sig(Blk|Ign|Cgt)|Cap|NoNewPrivs|Seccomp|CoreDumping|Umask|Uid|Gid|Groups|Cpus_allowed_list)' /proc/self/status",
    "cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup /proc/self/personality",
    "for fd in 0 1 2; do grep flags /proc/self/fdinfo/$fd; done",
    "ls -l /proc/self/fd | sed 's/.*[0-9] \\([0-9]* -> [^[]*\\).*/\\1/'",
    "ulimit -a; pwd; umask; id; echo $PPID | grep -c .; ps -o tty=,ni=,cls= -p $$; readlink /proc/self/ns/*",
  ].join("; ");

  const AROUND: [string, string][] = [
    ["", 'exec "$@"'],
    ["with other limits", 'ulimit -S -n 321; ulimit -c 0; ulimit -s 4096; sh -c \'"$@"; exit $?\' sh "$@"'],
    ["with more descriptors", 'exec 3</dev/null 4>/dev/null 7</dev/zero 15</ 33</ && "$@"; exit $?'],
    ["with pipes as descriptors", 'true | { exec 9<&0 </dev/null; "$@"; exit $?; }'],
    ["with a reader", 'set -o pipefail; "$@" 2>&1 | cat'],
    ["with a mask, niceness, directory", 'umask 0137; cd /usr; nice -n 3 "$@"; exit $?'],
    ["without stdin", '"$@" </dev/null; exit $?'],
  ];
  test.for(AROUND)("the same as without us %s", async ([, around], context) => {
    needTracing(context);
    const { ours, control } = await compared(["sh", "-c", facts], { around: ["bash", "-c", around, "bash"] });
    const plain = (text: string) => text.replaceAll(/\/proc\/\d+/g, "/proc/N").replaceAll(/ \d{3,}$/gm, " N");
    expect(plain(ours.stdout)).toEqual(plain(control.stdout));
    expect({ ...ours, stdout: "" }).toEqual({ ...control, stdout: "" });
    expect(ours.stdout).toContain("Max open files");
  });

  test("stdout and stderr that were non-blocking, or were not", async (context) => {
    const [python = ""] = needPrograms(context, "python3");
    needTracing(context);
    for (const blocking of ["True", "False"]) {
      const start = `import os, sys\nfor fd in (0, 1, 2): os.set_blocking(fd, ${blocking})\nos.execvp(sys.argv[1], sys.argv[1:])`;
      const { ours, control } = await compared(
        ["grep", "flags", "/proc/self/fdinfo/0", "/proc/self/fdinfo/1", "/proc/self/fdinfo/2"],
        {
          around: [python, "-c", start],
        },
      );
      expect(ours).toEqual(control);
    }
  });

  test("SIGPIPE: what writes to nobody is ended by it", async (context) => {
    needTracing(context);
    const { stdout } = await ended([
      "bash",
      "-c",
      `${A_DAY_LATE.map(quoted).join(" ")} yes | head -1; echo "\${PIPESTATUS[0]}"`,
    ]);
    expect(stdout).toBe(`y\n${128 + 13}\n`);
  });

  test("its stdin, to the end", async (context) => {
    needTracing(context);
    const input = "line\n".repeat(100_000);
    expect(await ended([...A_DAY_LATE, "cat"], { input })).toMatchObject({ code: 0, stdout: input });
  });
});

describe("on a terminal", () => {
  /** What was shown, and the exit code, of a command on a terminal of its own, where this is typed. */
  async function typed(
    context: TestContext,
    steps: [wait: string, keys: string][],
    command: readonly string[],
  ) {
    const [python = ""] = needPrograms(context, "python3", "bash");
    needTracing(context);
    return ended([python, TYPING, JSON.stringify(steps), ...command]);
  }

  test("what is typed, and its end", async (context) => {
    const run = await typed(
      context,
      [
        ["ready", "some words\n"],
        ["<some words>", "\u0004"],
      ],
      script('tty; echo ready; while read line; do echo "<$line>"; done; stty -a | grep -c icanon; exit 6'),
    );
    expect(run).toMatchObject({ code: 6, stderr: "" });
    expect(run.stdout).toMatch(/^\/dev\/pts\/\d+\r\nready/);
  });

  test("Ctrl-C, handled or not", async (context) => {
    const loop = "echo ready; while :; do sleep 0.05; done";
    const handled = await typed(
      context,
      [["ready", "\u0003"]],
      script(`trap 'echo caught; exit 5' INT; ${loop}`),
    );
    expect(handled).toMatchObject({ code: 5, stdout: expect.stringContaining("caught") });
    expect(await typed(context, [["ready", "\u0003"]], script(loop))).toMatchObject({ code: 128 + 2 });
  });

  test("Ctrl-Z, fg, bg and the exit code, in a shell with job control", async (context) => {
    const job = [...A_DAY_LATE, "sh", "-c", 'echo "re"ady; read line; echo "<$line>"; exit 7']
      .map(quoted)
      .join(" ");
    const { stdout } = await typed(
      context,
      [
        ["$ ", `${job}\n`],
        ["ready", "\u001a"],
        ["Stopped", "jobs -l\n"],
        ["Stopped", "fg\n"],
        ["fg\r\n", "word\n"],
        ["<word>", 'echo "code" $?\n'],
        ["code 7", "exit\n"],
      ],
      ["env", "PS1=$ ", "bash", "--norc", "--noprofile", "--noediting", "-i"],
    );
    expect(stdout).toContain("code 7");
  });

  test("a background job that reads is stopped", async (context) => {
    const job = [...A_DAY_LATE, "cat"].map(quoted).join(" ");
    const { stdout } = await typed(
      context,
      [
        ["$ ", `${job} & until jobs | grep Sto[p]ped; do sleep 0.1; done\n`],
        ["Stopped", "kill %1; fg; exit\n"],
      ],
      ["env", "PS1=$ ", "bash", "--norc", "--noprofile", "--noediting", "-i"],
    );
    expect(stdout).toContain("Stopped");
  });

  test("a terminal that goes away ends it by SIGHUP", async (context) => {
    const [python = ""] = needPrograms(context, "python3");
    needTracing(context);
    const run = await ended([python, HANGING_UP, "hang-up", ...script("echo STATE; sleep 60; sleep 60")]);
    expect(run).toMatchObject({ code: 128 + 1 });
  });
});

describe("programs that cannot be skewed", () => {
  async function prepare(context: TestContext) {
    needPrograms(context, "gcc");
    needTracing(context);
    const program = await build(I386);
    const lesser = await lesserTool();
    const run = (...words: string[]) => [process.execPath, lesser.cli, "run", "--offset", "-1d", ...words];
    return { program, run, [Symbol.asyncDispose]: () => lesser[Symbol.asyncDispose]() };
  }

  test("the one that was named is ended before its first instruction", async (context) => {
    await using setting = await prepare(context);
    const { code, stdout, stderr } = await ended(setting.run("--", setting.program));
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toMatch(/^timeskew: .*32-bit programs need a payload/);
  });

  test("one that is started later runs, with the true time, and that is said once", async (context) => {
    await using setting = await prepare(context);
    const { program, run } = setting;
    const several = `for each in 1 2 3; do ${program}; done; exec ${program}`;
    const { code, stdout, stderr } = await ended(run("--", "sh", "-c", several));
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"ready":true}\n'.repeat(4) });
    expect(stderr).toMatch(/^timeskew: i386\S* \(pid \d+\) runs with the true time: .*\n$/);
    const quiet = await ended(run("-q", "--", "sh", "-c", `${program}; exit 4`));
    expect(quiet).toMatchObject({ code: 4, stderr: "" });
  });

  test("what was told about a child of one that cannot be skewed is its skew all the same", async (context) => {
    await using setting = await prepare(context);
    const from = Date.now();
    const { stdout } = await ended(setting.run("--", "sh", "-c", `${setting.program}; date +%s`));
    expect(notADayLate(stdout.replace('{"ready":true}\n', ""), from)).toEqual([]);
  });

  test("a skew that cannot be had is told before the program is started", async (context) => {
    needTracing(context);
    const { code, stdout, stderr } = await ended(tool("run", "--offset", "-200y", "--", "echo", "started"));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^timeskew: /);
  });

  test("a process that is traced already becomes no program", async (context) => {
    needPrograms(context, "strace");
    needTracing(context);
    const { code, stdout, stderr } = await ended([
      "strace",
      "-qq",
      "-e",
      "trace=none",
      ...A_DAY_LATE,
      "echo",
      "started",
    ]);
    expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
    expect(stderr).toMatch(/is traced by strace/);
  });
});

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function temporary(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "timeskew-run-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
