import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { run } from "./helpers.ts";
import { fakeStarter, OWN_PID } from "./starters.ts";

const { EACCES, ENOENT, ENOEXEC } = constants.errno;

async function runs(words: readonly string[], o: Parameters<typeof fakeStarter>[1] = {}) {
  const { starter, told } = fakeStarter(words, o);
  const result = await run(words, {}, { loadStarter: async () => starter });
  return { ...result, told };
}

describe("the command line", () => {
  const refused = async (...words: string[]) => {
    const { code, stdout, stderr } = await run(["run", ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    return stderr;
  };

  it("needs a program, and something to be done to its clock", async () => {
    expect(await refused("--offset", "-1d")).toBe(
      "timeskew: a program is missing: what is to be started?\n  hint: for example timeskew run --offset -1d -- date\n",
    );
    expect(await refused("--", "date")).toContain("--offset is missing");
    expect(await refused("--offset", "1d", "--jitter-every", "1s", "--", "date")).toContain("--jitter");
    expect(await refused("--rate", "2", "-c", "nonsense", "--", "date")).toContain("nonsense");
  });

  it("has no target, and no JSON", async () => {
    expect(await refused("--pid", "5", "--offset", "1d", "--", "date")).toContain("--pid");
    const { code, stderr } = await run(["run", "--offset", "1d", "--no-color", "-q", "--json", "--", "date"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
  });

  it("ends where the program's begins", async () => {
    const words = ["run", "--offset", "-1d", "date", "--json", "--pid", "5", "-u"];
    const { told } = await runs(words);
    expect(told.became[0]?.argv).toEqual(["date", "--json", "--pid", "5", "-u"]);
  });
});

describe("a program", () => {
  it("is what this process becomes, when a supervisor follows it", async () => {
    const words = ["run", "--offset", "-10m", "-c", "tai", "--exact", "--no-waits", "--", "sh", "-c", ""];
    const { told } = await runs(words);
    expect(told.became).toEqual([
      {
        paths: ["/usr/bin/sh", "/bin/sh"],
        argv: ["sh", "-c", ""],
        env: ["PATH=/usr/bin:/bin", "NODE_OPTIONS=--inspect-brk", "TERM=xterm"],
      },
    ]);
    expect(told.requests).toEqual([
      {
        command: "run",
        pid: OWN_PID,
        until: OWN_PID,
        skew: { offset: "-10m", clocks: ["CLOCK_TAI"], exact: true, waits: false },
        quiet: false,
      },
    ]);
    expect(told.launched).toEqual([
      {
        paths: ["/usr/bin/node"],
        argv: ["/usr/bin/node", "/usr/local/bin/timeskew", "supervise"],
        env: ["PATH=/usr/bin:/bin", "TERM=xterm"],
      },
    ]);
  });

  it("that is not there is found out before anything is started", async () => {
    const { code, stderr, told } = await runs(["run", "--offset", "1d", "--", "no-such-program"]);
    expect({ code, stderr }).toEqual({
      code: 127,
      stderr: "timeskew: no-such-program: no such program in PATH\n",
    });
    expect(told.launched).toEqual([]);
  });

  it.each([
    [ENOENT, 127, "sh: no such program in PATH"],
    [EACCES, 126, "sh cannot be executed: not permitted, or not a program"],
    [ENOEXEC, 126, "sh cannot be executed: ENOEXEC"],
  ])("that the kernel does not execute after all (%i)", async (errno, code, message) => {
    const result = await runs(["run", "--offset", "1d", "--", "sh"], { errno });
    expect(result).toMatchObject({ code, stderr: `timeskew: ${message}\n` });
  });

  it("is not started if the supervisor cannot follow it", async () => {
    const error = { code: "E_TRACED", message: "traced", hint: "wait", targetState: "untouched" } as const;
    const { code, stderr, told } = await runs(["run", "--offset", "1d", "--", "sh"], {
      answer: { ok: false, error },
    });
    expect({ code, stderr, became: told.became }).toEqual({
      code: 6,
      stderr: "timeskew: traced\n  hint: wait\n",
      became: [],
    });
  });
});
