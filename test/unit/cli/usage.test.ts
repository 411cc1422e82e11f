import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../src/cli/program.ts";
import { foreground, run, runJson } from "./helpers.ts";

/** A wrong command line: exit 2, the engine not even loaded, nothing on stdout. */
async function refused(line: string): Promise<string> {
  const loadEngine = async () => {
    throw new Error("the engine was loaded");
  };
  const { code, stdout, stderr } = await run(line, {}, { loadEngine });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  return stderr;
}

describe("--pid", () => {
  it.each([
    ["abc", "--pid 'abc': not a process id", "`pgrep -x abc` prints the ids of the processes with this name"],
    ["1.5", "--pid '1.5': not a process id", "a process id is a whole number, for example --pid 1234"],
    ["0x10", "--pid '0x10': not a process id", "a process id is a whole number, for example --pid 1234"],
    ["+5", "--pid '+5': not a process id", "a process id is a whole number, for example --pid 1234"],
    ["1e3", "--pid '1e3': not a process id", "a process id is a whole number, for example --pid 1234"],
    ["0", "--pid 0: no process can have this id", "process ids go from 1 to 4194304"],
    ["4194305", "--pid 4194305: no process can have this id", "process ids go from 1 to 4194304"],
    [
      "99999999999999999999",
      "--pid 99999999999999999999: no process can have this id",
      "process ids go from 1 to 4194304",
    ],
    [
      "-1",
      "--pid -1: a process id is never negative",
      "process groups cannot be named; name each process: --pid 1234,1235",
    ],
    ["5,,6", "--pid: a process id is missing", "for example --pid 1234,1235"],
    ["5,x1", "--pid 'x1': not a process id", "`pgrep -x x1` prints the ids of the processes with this name"],
  ])("%s is refused", async (pid, message, hint) => {
    for (const command of ["inject --offset 1s", "recover", "status", "now", "doctor"]) {
      expect(await refused(`${command} --pid ${pid}`)).toBe(`timeskew: ${message}\n  hint: ${hint}\n`);
    }
  });

  it.each(["inject --offset 1s", "now"])("%s needs it", async (line) => {
    expect(await refused(line)).toBe(
      "timeskew: --pid is missing: which process?\n  hint: for example --pid 1234, or --container web\n",
    );
  });

  it("is missing for recover, which takes --all as well", async () => {
    expect(await refused("recover")).toContain("hint: for example --pid 1234, --container web, or --all\n");
    expect(await refused("recover --all --pid 5")).toContain("--all and --pid exclude each other");
    expect(await refused("status --all --pid 5")).toContain("--all and --pid exclude each other");
  });
});

describe("values", () => {
  it.each([
    ["inject --pid 5", "--offset is missing", "--offset -10m moves it ten minutes into the past"],
    ["inject --pid 5 --offset 600", 'duration "600" has no unit', "did you mean 600s?"],
    ["inject --pid 5 --offset abc", 'duration "abc"', "-10m"],
    ["inject --pid 5 --offset", "--offset needs a value", "`timeskew inject --help` shows examples"],
    [
      "inject --pid 5 --offset --json=1",
      "--offset needs a value, but --json=1 follows",
      "right after --offset",
    ],
    ["inject --pid --offset 1s", "--pid needs a value, but --offset follows", "right after --pid"],
    ["inject --pid 5 --offset 1s --clock --exact", "--clock needs a value", "right after --clock"],
    ["inject --pid 5 --offset 1s -c CLOCK_REALTME", "CLOCK_REALTME", "did you mean CLOCK_REALTIME?"],
    ["inject --pid 5 --offset 1s --stop-timeout 0s", "--stop-timeout 0s: out of range", "from 1ms to 10m"],
    ["inject --pid 5 --offset 1s --stop-timeout 11m", "--stop-timeout 11m: out of range", "from 1ms to 10m"],
    ["now --pid 5 --stop-timeout 5", "has no unit", "did you mean 5s?"],
  ])("%s", async (line, message, hint) => {
    const [first, second, ...rest] = (await refused(line)).split("\n");
    expect(first).toContain(message);
    expect(second).toContain(hint);
    expect(rest).toEqual([""]);
  });
});

describe("words that are not known", () => {
  it.each([
    ["inject --pid 5 --ofset 3s", "unknown option '--ofset'", "did you mean --offset?"],
    ["recover --pidd 5", "unknown option '--pidd'", "did you mean --pid?"],
    ["inject --pid 5 -600s", "unknown option '-600s'", "a duration goes after --offset: --offset -600s"],
    ["status --frobnicate", "unknown option '--frobnicate'", "`timeskew status --help` lists the options"],
    ["injct --pid 4", "unknown command 'injct'", "did you mean inject?"],
    ["xyzzy", "unknown command 'xyzzy'", "`timeskew --help` lists the commands"],
    ["inject 1234", "unexpected argument '1234'", "did you mean --pid 1234?"],
    ["inject --pid 5 -- -10m", "unexpected argument '-10m'", "did you mean --offset -10m?"],
    ["inject --pid 5 CLOCK_TAI", "unexpected argument 'CLOCK_TAI'", "did you mean --clock CLOCK_TAI?"],
    ["recover redis", "unexpected argument 'redis'", "did you mean --comm redis, or --container redis?"],
    ["preview redis", "unexpected argument 'redis'", "`timeskew preview --help` shows examples"],
    [
      "inject --pid 5 --offset 10s monotonic",
      "unexpected argument 'monotonic'",
      "did you mean --clock monotonic?",
    ],
    ["inject --pid 5 --offset 10 min", "unexpected argument 'min'", "a duration has no blank in it: 10m"],
    ["inject \u2013pid 5", "unexpected argument '\u2013pid'", "did you mean --pid?"],
    ["inject \u2014offset", "unexpected argument '\u2014offset'", "did you mean --offset?"],
    ["recover --offset 5s", "unknown option '--offset'", "--offset is an option of inject, run and preview"],
    ["recover --follow", "unknown option '--follow'", "--follow is an option of inject"],
    ["inject --ofset=3s", "unknown option '--ofset=3s'", "did you mean --offset?"],
    [
      "--offset -1d",
      "unknown option '--offset'",
      "--offset goes behind its command: timeskew inject --offset …",
    ],
    ["--jsno status", "unknown option '--jsno'", "did you mean --json?"],
    ["--containr web", "unknown option '--containr'", "did you mean --container?"],
    ["undo", "unknown command 'undo'", "did you mean recover?"],
    ["ps", "unknown command 'ps'", "did you mean status?"],
    ["foo", "unknown command 'foo'", "`timeskew --help` lists the commands"],
    ["help injct", "unknown command 'injct'", "did you mean inject?"],
    ["help inject recover", "unexpected argument 'recover'", "`timeskew help --help` shows examples"],
  ])("%s", async (line, message, hint) => {
    expect(await refused(line)).toBe(`timeskew: ${message}\n  hint: ${hint}\n`);
  });

  it("shows control characters in them, and never sends them", async () => {
    expect(await refused("inject \u001b[2J")).toContain("unexpected argument '\\x1b[2J'");
  });
});

describe("options that a program of run or exec would get", () => {
  it.each([
    ["run -- --offset -1d date", "--offset", "timeskew run --offset … -- PROGRAM"],
    ["run date --offset -1d", "--offset", "timeskew run --offset … -- PROGRAM"],
    ["run date --at=2038-01-19", "--at", "timeskew run --at … -- PROGRAM"],
    ["run --offset -1d -- --verbose", "--verbose", "timeskew run … -- PROGRAM"],
    ["exec date --pid 5", "--pid", "timeskew exec --pid … -- PROGRAM"],
  ])("%s", async (line, option, example) => {
    expect(await refused(line)).toBe(
      `timeskew: ${option} stands where the program and its options stand\n  hint: options go first: ${example}\n`,
    );
  });

  it("are its own, if some stand in front", async () => {
    const started = run("run --offset -1d -- grep --json --offset 5");
    await expect(started).resolves.toMatchObject({
      stderr: expect.stringContaining("a program was to be started"),
    });
  });
});

describe("usage errors with --json", () => {
  it.each([
    ["inject --pid abc", "inject"],
    ["inject --ofset 1s", "inject"],
    ["recover", "recover"],
    ["--no-color now", "now"],
    ["xyzzy", null],
    ["", null],
  ])("%s: one object on stdout", async (line, command) => {
    const { code, report } = await runJson(line);
    expect(code).toBe(2);
    expect(report).toEqual({
      schemaVersion: 1,
      command,
      ok: false,
      error: {
        code: "E_USAGE",
        message: expect.any(String),
        hint: expect.any(String),
        targetState: "untouched",
      },
      targets: [],
    });
  });

  it("honours --json before the command, and not the one behind --", async () => {
    expect((await run("--json inject --pid abc")).stdout).toMatch(/^\{.*\}\n$/);
    expect((await run("inject --pid abc -- --json")).stdout).toBe("");
  });
});

describe("help and version", () => {
  it("--version prints the version alone", async () => {
    for (const flag of ["--version", "-V"]) {
      expect(await run(flag)).toMatchObject({ code: 0, stdout: "0.0.0 (unbundled source)\n", stderr: "" });
    }
  });

  it("no command: the help, on stderr, and exit 2", async () => {
    const { code, stdout, stderr } = await run("");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: timeskew <command> [options]");
    expect(stderr).toContain("timeskew: a command is missing");
  });

  it.each(COMMANDS.map(({ name }) => name))("%s --help has its examples first", async (name) => {
    const { code, stdout, stderr } = await run(`${name} --help`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.indexOf("Examples:")).toBeLessThan(stdout.indexOf("General:"));
    expect(stdout).toContain(`timeskew ${name}`);
    expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect((await run(`help ${name}`)).stdout).toBe(stdout);
  });

  it("every example in the help is a command line that parses", async () => {
    for (const name of ["", "inject", "recover", "status", "now", "preview", "doctor"]) {
      const { stdout } = await run(`${name} --help`);
      const examples = stdout.match(/^ {2}(sudo )?timeskew .*$/gm) ?? [];
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) {
        const line = example.trim().replace(/^(sudo )?timeskew /, "");
        const { world } = foreground([({ interrupt }) => interrupt()]);
        const words = `${line.split(/ {2,}/)[0]}${name === "" ? "" : " -q"}`;
        expect(await run(words, {}, { ...world, writeFile: () => {} })).toMatchObject({
          code: 0,
          stderr: "",
        });
      }
    }
  });
});
