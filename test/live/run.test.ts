/**
 * `timeskew run`, seen from outside: apart from its clocks a program is as without us, and so is its end. Each answer is
 * compared with that of a control, which is started in the same way.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { build } from "../support/build.ts";
import { DAY } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { startInside } from "../support/namespaces.ts";
import { needTracing } from "../support/needs.ts";
import { field, state } from "../support/proc.ts";
import {
  A_DAY_LATE,
  compared,
  ended,
  killSupervisor,
  MANY,
  notADayLate,
  quoted,
  script,
  supervisorOf,
  temporary,
} from "../support/programs.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

const BACK = realtimeSkews(-DAY);

describe("what others see of it", () => {
  test("exit codes", async (context) => {
    needTracing(context);
    const codes = [0, 1, 2, 63, 64, 125, 126, 127, 128, 129, 137, 254, 255];
    for (const code of codes)
      expect(await ended(script(`exit ${code}`))).toMatchObject({ code, signal: null });
    // Those of its children, as it is told them.
    const each =
      'n=0; while [ $n -le 255 ]; do sh -c "exit $n"; [ $? -eq $n ] || echo $n; n=$((n + 1)); done';
    expect(await ended(script(each), MANY)).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
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
      'sleep 60 & read line </proc/$$/task/$$/children; [ "$line" = "$!" ] || echo "$! is not $line"; kill $!';
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

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
