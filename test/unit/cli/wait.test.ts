import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import type { World } from "../../../src/cli/world.ts";
import { TimeskewError } from "../../../src/errors.ts";
import type { SkewState } from "../../../src/types.ts";
import {
  fails,
  foreground,
  injected,
  MINUTE,
  MONOTONIC_SKEW,
  NOON,
  profile,
  REALTIME_SKEW,
  recovered,
  row,
  run,
  runJson,
} from "./helpers.ts";

const S = 1_000_000_000n;
const LINE = "inject --offset -10m --wait --pid";
const TERMINAL = { isTTY: true, columns: 120, rows: 24 };

/** An engine with processes whose state can be changed. */
function processes(...pids: number[]) {
  const states = new Map<number, SkewState | "gone">(pids.map((pid) => [pid, "skewed"]));
  const set = (pid: number, state: SkewState | "gone") => () => void states.set(pid, state);
  const gone = (pid: number) => new TimeskewError("E_NO_TARGET", `there is no process ${pid}`, { pid });
  const engine: Partial<Engine> = {
    inject: async ({ pid }) => injected(pid),
    status: async ({ pids = [] } = {}) => {
      const rows = pids.map((pid) => {
        const state = states.get(pid) ?? "unskewed";
        if (state === "gone") throw gone(pid);
        return row(pid, state === "skewed" ? {} : { state, skew: undefined });
      });
      return { rows, unreadable: [], examined: rows.length };
    },
    recover: async ({ pid }) => {
      if (states.get(pid) === "gone") throw gone(pid);
      states.set(pid, "unskewed");
      return recovered(pid);
    },
  };
  return { engine, set };
}

const interrupted = () => foreground([({ interrupt }) => interrupt()]);
const callsOf = (calls: [string, unknown][], name: string) =>
  calls.filter(([called]) => called === name).map(([, argument]) => argument);

describe("inject --wait", () => {
  it("stays until Ctrl-C, recovers, and is a success", async () => {
    const { world, slept, listeners } = foreground([() => {}, ({ interrupt }) => interrupt()]);
    const { engine } = processes(1234);
    const { code, stdout, stderr, calls } = await run(`${LINE} 1234 --stop-timeout 2s`, engine, world);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "timeskew: waiting; Ctrl-C gives the true time back, and so do SIGTERM and SIGHUP\n",
    });
    expect(calls.map(([name]) => name)).toEqual(["inject", "status", "status", "status", "recover"]);
    expect(callsOf(calls, "recover")).toEqual([{ pid: 1234, stopTimeoutMs: 2000 }]);
    expect(slept).toEqual([1000, 1000]);
    expect(listeners.size).toBe(0);
    expect(stdout).toMatch(/^✔ redis-server \(pid 1234\) is now 10m behind\n/);
    expect(stdout).not.toContain("undo:");
    expect(stdout).toMatch(/✔ redis-server \(pid 1234\) reads the true time again \(was 10m behind\)\n.*\n$/);
  });

  it("listens before the first target is touched: Ctrl-C in between recovers them all", async () => {
    const { world, slept } = foreground([]);
    const { engine } = processes(5, 6);
    let interrupt = () => {};
    const onInterrupt: World["onInterrupt"] = (listener) => {
      interrupt = listener;
      return () => {};
    };
    const inject = async ({ pid }: { pid: number }) => {
      if (pid === 5) interrupt();
      return injected(pid);
    };
    const { code, calls } = await run(`${LINE} 5,6`, { ...engine, inject }, { ...world, onInterrupt });
    expect(code).toBe(0);
    expect(slept).toEqual([]);
    expect(callsOf(calls, "recover")).toEqual([{ pid: 5 }, { pid: 6 }]);
  });

  it("recovers each target as soon as its skew is over, and ends with the last", async () => {
    const { engine, set } = processes(5, 6);
    const { world, left } = foreground([set(6, "ended"), () => {}, set(5, "ended")]);
    const { code, stdout, calls } = await run(`${LINE} 5,6`, engine, world);
    expect(code).toBe(0);
    expect(left).toEqual([]);
    expect(callsOf(calls, "recover")).toEqual([{ pid: 6 }, { pid: 5 }]);
    expect(stdout).toContain("✔ 2 processes read the true time\n");
  });

  it("looks again right behind the moment at which a skew ends", async () => {
    const { engine, set } = processes(5);
    const { world, slept } = foreground([set(5, "ended")]);
    let looks = 0;
    const status: Engine["status"] = async (o) => {
      const next = { in: 123_400_000n, what: "ends" as const };
      const skew = { ...REALTIME_SKEW, profile: profile({ next }) };
      return looks++ > 0 ? engine.status!(o) : { rows: [row(5, { skew })], unreadable: [], examined: 1 };
    };
    expect(await run(`${LINE} 5`, { ...engine, status }, world)).toMatchObject({ code: 0 });
    expect(slept).toEqual([128]);
  });

  it("does not spin for a strobe of a microsecond", async () => {
    const { engine } = processes(5);
    const { world, slept } = interrupted();
    const skew = { ...REALTIME_SKEW, profile: profile({ next: { in: 400n, what: "changes" } }) };
    const status = async () => ({ rows: [row(5, { skew })], unreadable: [], examined: 1 });
    await run(`${LINE} 5`, { ...engine, status }, world);
    expect(slept).toEqual([1000]);
  });

  it("notices that the target ended: nothing is left to recover", async () => {
    const { engine, set } = processes(5);
    const { code, stderr, calls } = await run(`${LINE} 5`, engine, foreground([set(5, "gone")]).world);
    expect(code).toBe(0);
    expect(callsOf(calls, "recover")).toEqual([]);
    expect(stderr).toMatch(/\nredis-server \(pid 5\) ended\n$/);
  });

  it("takes it for the same if the target ends just when it is to be recovered", async () => {
    const { engine } = processes(5);
    const recover = fails("E_GONE", "pid 5 ended meanwhile", { pid: 5 });
    const { code, stderr } = await run(`${LINE} 5`, { ...engine, recover }, interrupted().world);
    expect(code).toBe(0);
    expect(stderr).toMatch(/\nredis-server \(pid 5\) ended\n$/);
  });

  it.each(["unskewed", "lingering", "unused"] as const)(
    "notices that somebody else ended the skew: %s",
    async (state) => {
      const { engine, set } = processes(5);
      const { code, stderr, calls } = await run(`${LINE} 5`, engine, foreground([set(5, state)]).world);
      expect(code).toBe(0);
      expect(callsOf(calls, "recover")).toEqual([]);
      expect(stderr).toContain("redis-server (pid 5) is not skewed any more: another timeskew, or");
    },
  );

  it("goes on if the target cannot be looked at for a while", async () => {
    const { engine } = processes(5);
    let looks = 0;
    const status: Engine["status"] = async (o) => {
      if (looks++ > 0) return engine.status!(o);
      throw new TimeskewError("E_PERMISSION", "not permitted");
    };
    const { world } = foreground([() => {}, ({ interrupt }) => interrupt()]);
    const { code, calls } = await run(`${LINE} 5`, { ...engine, status }, world);
    expect(code).toBe(0);
    expect(callsOf(calls, "recover")).toHaveLength(1);
  });

  it("does not wait if nothing could be skewed", async () => {
    const inject = fails("E_TRACED", "pid 5 is traced", { pid: 5 });
    const { code, stderr } = await run(`${LINE} 5`, { inject }, foreground([]).world);
    expect({ code, stderr }).toEqual({
      code: 6,
      stderr: "timeskew: pid 5 is traced\n  nothing was changed\n",
    });
  });

  it("waits for those that could be skewed, and tells of the others by its exit code", async () => {
    const { engine } = processes(6);
    const inject: Engine["inject"] = async ({ pid }) => {
      if (pid === 5) throw new TimeskewError("E_TRACED", "pid 5 is traced", { pid });
      return injected(pid);
    };
    const { code, calls } = await run(`${LINE} 5,6`, { ...engine, inject }, interrupted().world);
    expect(code).toBe(7);
    expect(callsOf(calls, "recover")).toEqual([{ pid: 6 }]);
  });

  it("recovers even if something breaks while it waits", async () => {
    const { engine } = processes(5, 6);
    const sleep = async (ms: number) => {
      if (ms > 0) throw new TypeError("x is not a function");
    };
    const { code, calls } = await run(`${LINE} 5,6`, engine, { ...foreground([]).world, sleep });
    expect(code).toBe(1);
    expect(callsOf(calls, "recover")).toEqual([{ pid: 5 }, { pid: 6 }]);
  });

  it("-q says nothing", async () => {
    const result = await run(`${LINE} 5 -q`, processes(5).engine, interrupted().world);
    expect(result).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });
});

describe("inject --wait: a recovery that fails", () => {
  const traced = new TimeskewError("E_TRACED", "pid 5 is traced by gdb (pid 812)", {
    pid: 5,
    hint: "detach it",
  });
  const failing = (...pids: number[]) => {
    const { engine } = processes(...pids);
    const recover: Engine["recover"] = async (o) => {
      if (o.pid === 5) throw traced;
      return engine.recover!(o);
    };
    return { ...engine, recover };
  };

  it("ends with its exit code, and says that the target stays skewed and how that is undone", async () => {
    const { code, stderr } = await run(`${LINE} 5`, failing(5), interrupted().world);
    expect(code).toBe(6);
    expect(stderr.split("\n").slice(1)).toEqual([
      "timeskew: pid 5 is traced by gdb (pid 812)",
      "  the target is skewed",
      "  hint: detach it",
      "  undo: timeskew recover --pid 5",
      "",
    ]);
  });

  it("does not keep the others from being recovered", async () => {
    const { code, stderr, calls } = await run(`${LINE} 5,6`, failing(5, 6), interrupted().world);
    expect(code).toBe(7);
    expect(callsOf(calls, "recover")).toEqual([{ pid: 5 }, { pid: 6 }]);
    expect(stderr).toContain("timeskew: 1 of 2 targets failed: pid 5\n  undo: timeskew recover --pid 5\n");
  });

  it("may leave the target changed", async () => {
    const recover = fails("E_CHANGED", "pid 5 could not be put back", { pid: 5, targetState: "partial" });
    const { code, stderr } = await run(`${LINE} 5`, { ...processes(5).engine, recover }, interrupted().world);
    expect(code).toBe(8);
    expect(stderr).toContain("the target may be left changed\n");
  });

  it("may be a defect", async () => {
    const recover = async () => {
      throw new TypeError("x is not a function");
    };
    const { code } = await run(`${LINE} 5`, { ...processes(5).engine, recover }, interrupted().world);
    expect(code).toBe(8);
  });
});

describe("inject --wait: interrupted again", () => {
  /** Interrupts twice, `apart` ns, and once more when the first target has been recovered. */
  function impatient(apart: bigint) {
    let now = NOON;
    const { engine } = processes(5, 6, 7);
    const { world, listeners } = foreground([({ interrupt }) => interrupt()]);
    const recover: Engine["recover"] = async (o) => {
      now += apart;
      if (o.pid === 5) for (const listener of listeners) listener();
      return engine.recover!(o);
    };
    return run(`${LINE} 5,6,7`, { ...engine, recover }, { ...world, now: () => now });
  }

  it("leaves what is not recovered by then, and says so", async () => {
    const { code, stderr, calls } = await impatient(2n * S);
    expect(code).toBe(7);
    expect(callsOf(calls, "recover")).toEqual([{ pid: 5 }]);
    expect(stderr).toContain(
      "timeskew: pid 6 was not recovered: interrupted again\n  the target is skewed\n",
    );
    expect(stderr).toContain("  undo: timeskew recover --pid 6,7\n");
  });

  it("takes signals that come close together for one: npx and a terminal both hand on Ctrl-C", async () => {
    const { code, calls } = await impatient(1_000_000n);
    expect(code).toBe(0);
    expect(callsOf(calls, "recover")).toHaveLength(3);
  });
});

describe("inject --wait --json", () => {
  it("prints one object at the end, with what was injected and recovered", async () => {
    const { engine } = processes(5);
    const { code, report, stderr } = await runJson(`${LINE} 5`, engine, interrupted().world);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(report).toMatchObject({
      command: "inject",
      ok: true,
      targets: [
        {
          ok: true,
          pid: 5,
          action: "injected",
          skew: { offset: "-600000000000" },
          ending: "interrupted",
          recovery: { action: "recovered", state: "unskewed", pauseNs: "98000" },
        },
      ],
    });
    expect(report.undo).toBeUndefined();
  });

  it("tells of targets that ended, and of those that stay skewed", async () => {
    const { engine, set } = processes(5, 6);
    const { world } = foreground([set(6, "gone"), ({ interrupt }) => interrupt()]);
    const recover = fails("E_BUSY", "pid 5 is busy", { pid: 5 });
    const { code, report } = await runJson(`${LINE} 5,6`, { ...engine, recover }, world);
    expect(code).toBe(7);
    expect(report).toMatchObject({
      ok: false,
      error: { code: "E_SOME_FAILED", targetState: "skewed" },
      undo: "timeskew recover --pid 5",
      targets: [
        { pid: 5, ok: false, error: { code: "E_BUSY", targetState: "skewed" }, ending: "interrupted" },
        { pid: 6, ok: true, ending: "gone", recovery: null },
      ],
    });
  });
});

describe("inject --wait: monotonic clocks", () => {
  const refusal = async (line: string) => {
    const { code, stderr, calls } = await run(
      `inject --pid 5 --wait ${line}`,
      processes(5).engine,
      interrupted().world,
    );
    return { code, refused: stderr.includes("--wait would have to take"), calls: calls.length };
  };

  it.each(["--offset 5s -c monotonic", "--drift 1ppm -c boottime", "--slew 1s --over 1m -c monotonic_raw"])(
    "%s: the recovery would be a step back, so it is refused now",
    async (line) => {
      expect(await refusal(line)).toEqual({ code: 2, refused: true, calls: 0 });
      expect(await refusal(`${line} --allow-backward-monotonic`)).toMatchObject({ code: 0, refused: false });
    },
  );

  it.each([
    "--offset -5s -c monotonic",
    "--drift -1ppm -c monotonic",
    "--offset 5s",
    "--freeze -c monotonic",
  ])("%s: never ahead of the true time", async (line) => {
    expect(await refusal(line)).toMatchObject({ code: 0, refused: false });
  });

  it("says what to use instead", async () => {
    const { stderr } = await run("inject --pid 5 --wait --offset 5s -c monotonic");
    expect(stderr).toContain("timeskew: --wait would have to take CLOCK_MONOTONIC back in the end");
    expect(stderr).toMatch(
      /hint: leave --wait out, and let `timeskew recover --glide` .*--allow-backward-monotonic/,
    );
  });
});

describe("inject --wait on a terminal", () => {
  /** Takes two lines back. */
  const CLEAR = "\r\u001b[1A\u001b[J";
  const [NO_WRAP, WRAP] = ["\u001b[?7l", "\u001b[?7h"];

  /** What was drawn, one after the other, in lines. */
  async function drawn(line: string, engine: Partial<Engine>, world: Partial<World>) {
    const { stderr } = await run(line, engine, { stderr: TERMINAL as never, ...world });
    const drawings = stderr.split(NO_WRAP).map((text) => text.split(WRAP)[0]!.split("\n"));
    return { stderr, drawings: drawings.slice(1) };
  }

  it("draws true time, target's time, offset, rate and what comes next anew, four times a second", async () => {
    const { engine } = processes(5);
    const { world, slept } = foreground([() => {}, ({ interrupt }) => interrupt()]);
    const skew = {
      ...REALTIME_SKEW,
      offset: -599_998_765_432n,
      profile: profile({ next: { in: 8_765_432_100n, what: "ends" } }),
    };
    const status = async () => ({ rows: [row(5, { skew })], unreadable: [], examined: 1 });
    const { drawings, stderr } = await drawn(`${LINE} 5 --no-color`, { ...engine, status }, world);
    expect(slept).toEqual([250, 250]);
    expect(drawings).toEqual([
      [
        "true 14:52:02  redis-server (pid 5)  14:42:02  -9m59.999s  +200ppm  ends in 8.8s",
        "Ctrl-C gives the true time back",
      ],
      drawings[0],
    ]);
    // The second drawing takes the place of the first, and is gone in the end.
    expect(stderr.split(CLEAR)).toHaveLength(3);
    expect(stderr.endsWith(CLEAR)).toBe(true);
  });

  it("has a line for each target, and room for what is odd", async () => {
    const { engine } = processes(1234, 7, 8);
    const status: Engine["status"] = async ({ pids: [pid] = [] }: { pids?: readonly number[] } = {}) => {
      if (pid === 8) throw new TimeskewError("E_PERMISSION", "not permitted to look at pid 8");
      const found = pid === 7 ? row(7, { command: "java", skew: MONOTONIC_SKEW }) : row(1234);
      return { rows: [found], unreadable: [], examined: 1 };
    };
    const { drawings } = await drawn(
      `${LINE} 1234,7,8 --no-color`,
      { ...engine, status },
      interrupted().world,
    );
    expect(drawings[0]).toEqual([
      "true 14:52:02  redis-server (pid 1234)  14:42:02   -10m",
      "               java (pid 7)             monotonic    2s",
      "               pid 8                    -             -  -  not permitted to look at pid 8",
      "Ctrl-C gives the true time back",
    ]);
  });

  it("leaves out names, then cuts lines, where the terminal is narrow", async () => {
    const at = (columns: number) =>
      drawn(`${LINE} 5 --no-color`, processes(5).engine, {
        ...interrupted().world,
        stderr: { ...TERMINAL, columns } as never,
      });
    expect((await at(51)).drawings[0]?.[0]).toBe("true 14:52:02  redis-server (pid 5)  14:42:02  -10m");
    expect((await at(50)).drawings[0]?.[0]).toBe("true 14:52:02  pid 5  14:42:02  -10m");
    expect((await at(20)).drawings[0]).toEqual(["true 14:52:02  pid …", "Ctrl-C gives the tr…"]);
  });

  it("shows the day where it is another one", async () => {
    const skew = { ...REALTIME_SKEW, offset: 1440n * MINUTE };
    const status = async () => ({ rows: [row(5, { skew })], unreadable: [], examined: 1 });
    const { drawings } = await drawn(
      `${LINE} 5 --no-color`,
      { ...processes(5).engine, status },
      interrupted().world,
    );
    expect(drawings[0]?.[0]).toContain("true 14:52:02  redis-server (pid 5)  2026-11-21 14:52:02  24h");
  });

  it("clears what is drawn before other text follows", async () => {
    const { engine, set } = processes(5);
    const { stderr } = await drawn(`${LINE} 5`, engine, foreground([set(5, "gone")]).world);
    expect(stderr.split(CLEAR).at(-1)).toBe("redis-server (pid 5) ended\n");
  });

  it.each([
    ["a dumb terminal", { env: { TERM: "dumb" } }],
    ["a terminal without a width", { stderr: { isTTY: true, columns: 0 } as never }],
  ])("draws nothing on %s", async (_what, world) => {
    const { drawings, stderr } = await drawn(`${LINE} 5`, processes(5).engine, {
      ...interrupted().world,
      ...world,
    });
    expect(drawings).toEqual([]);
    expect(stderr).toContain("timeskew: waiting; Ctrl-C");
  });

  it.each(["-q", "--json"])("draws nothing with %s", async (flag) => {
    const { stderr } = await drawn(`${LINE} 5 ${flag}`, processes(5).engine, interrupted().world);
    expect(stderr).toBe("");
  });
});
