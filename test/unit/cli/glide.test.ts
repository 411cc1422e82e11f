import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import { TimeskewError } from "../../../src/errors.ts";
import type { Skew } from "../../../src/types.ts";
import { foreground, MONOTONIC_SKEW, profile, recovered, row, run, runJson } from "./helpers.ts";

const S = 1_000_000_000n;
const LINE = "recover --glide --pid";

/** 5 s ahead, and there in 10 s. */
const GLIDING: Skew = {
  ...MONOTONIC_SKEW,
  id: "00000000000000bb",
  offset: 5n * S,
  profile: profile({
    text: "--slew 0s --over 10s",
    rate: 0.5,
    next: { in: 10n * S, what: "changes" },
  }),
};
const ARRIVED: Skew = { ...GLIDING, offset: 0n, profile: profile({ rate: 1, phase: "ended" }) };

/** An engine whose processes glide; `set` says how one is found from then on. */
function gliders(...pids: number[]) {
  const skews = new Map<number, Skew | undefined>(pids.map((pid) => [pid, MONOTONIC_SKEW]));
  const set = (pid: number, skew: Skew | undefined) => () => void skews.set(pid, skew);
  const engine: Partial<Engine> = {
    recover: async ({ pid, glide }) => {
      if (glide === undefined) return recovered(pid, { skew: skews.get(pid) });
      if (!skews.has(pid)) return recovered(pid, { action: "nothing", skew: undefined });
      skews.set(pid, GLIDING);
      return recovered(pid, { action: "gliding", state: "skewed", skew: GLIDING });
    },
    status: async ({ pids = [] } = {}) => {
      const rows = pids.map((pid) => {
        const skew = skews.get(pid);
        return row(pid, skew === undefined ? { state: "unskewed", skew } : { skew });
      });
      return { rows, unreadable: [], examined: rows.length };
    },
  };
  return { engine, set };
}

const recoveries = (calls: [string, unknown][]) =>
  calls.filter(([name]) => name === "recover").map(([, asked]) => asked);

describe("recover --glide", () => {
  it("begins to glide, waits, and recovers when the true time is reached", async () => {
    const { engine, set } = gliders(5);
    const { world, left, listeners } = foreground([() => {}, set(5, ARRIVED)]);
    const { code, stdout, stderr, calls } = await run(`${LINE} 5 --stop-timeout 2s`, engine, world);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect([left, listeners.size]).toEqual([[], 0]);
    expect(recoveries(calls)).toEqual([
      { pid: 5, stopTimeoutMs: 2000, glide: true },
      { pid: 5, stopTimeoutMs: 2000 },
    ]);
    expect(stdout.split("\n")).toEqual([
      "redis-server (pid 5) glides to the true time, and arrives there in 10s (is 5s ahead, running at 0.5 times the true rate)",
      "✔ redis-server (pid 5) reads the true time: its skew is over",
      "  stopped for 98 µs (1 thread)",
      "",
    ]);
  });

  it("passes how long it is to take, exactly", async () => {
    const { calls } = await run(`${LINE} 5 --over 1m1ns`, gliders().engine);
    expect(recoveries(calls)).toEqual([{ pid: 5, glide: 60_000_000_001n }]);
  });

  it("takes a profile that is over for arrived as well", async () => {
    const { engine } = gliders(5);
    const status = async () => ({
      rows: [row(5, { state: "ended", skew: undefined })],
      unreadable: [],
      examined: 1,
    });
    const { code, calls } = await run(`${LINE} 5`, { ...engine, status }, foreground([]).world);
    expect(code).toBe(0);
    expect(recoveries(calls)).toHaveLength(2);
  });

  it("does not take the moment for the end at which a clock just passes the true time", async () => {
    const { engine, set } = gliders(5);
    const passing = { ...GLIDING, offset: 0n };
    const { world, left } = foreground([set(5, passing), set(5, ARRIVED)]);
    expect(await run(`${LINE} 5`, engine, world)).toMatchObject({ code: 0 });
    expect(left).toEqual([]);
  });

  it("recovers each of several as soon as it is there", async () => {
    const { engine, set } = gliders(5, 6);
    const { world } = foreground([set(6, ARRIVED), set(5, ARRIVED)]);
    const { code, calls } = await run(`${LINE} 5,6`, engine, world);
    expect(code).toBe(0);
    expect(recoveries(calls).slice(2)).toEqual([{ pid: 6 }, { pid: 5 }]);
  });

  it("does not wait for what was not skewed", async () => {
    const { code, stdout } = await run(`${LINE} 5`, gliders().engine, foreground([]).world);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "redis-server (pid 5) was not skewed: nothing to do\n",
    });
  });

  it("Ctrl-C leaves it gliding, says so, and is no success", async () => {
    const { engine } = gliders(5);
    const { world } = foreground([({ interrupt }) => interrupt()]);
    const { code, stderr, calls } = await run(`${LINE} 5`, engine, world);
    expect(code).toBe(1);
    expect(recoveries(calls)).toHaveLength(1);
    expect(stderr).toBe(
      "timeskew: pid 5 still glides to the true time\n" +
        "  the target is skewed\n" +
        "  hint: `timeskew recover --pid 5 --glide` goes on with that, and removes what is left\n",
    );
  });

  it("leaves another skew alone that took the glide's place", async () => {
    const { engine, set } = gliders(5);
    const other = { ...GLIDING, id: "00000000000000cc" };
    const { code, stderr, calls } = await run(`${LINE} 5`, engine, foreground([set(5, other)]).world);
    expect(code).toBe(1);
    expect(recoveries(calls)).toHaveLength(1);
    expect(stderr).toContain("timeskew: pid 5 was given another skew meanwhile\n  the target is skewed\n");
  });

  it("is content if somebody else recovered it", async () => {
    const { engine, set } = gliders(5);
    const { code, calls } = await run(`${LINE} 5`, engine, foreground([set(5, undefined)]).world);
    expect(code).toBe(0);
    expect(recoveries(calls)).toHaveLength(1);
  });

  it("keeps the exit code of a target that cannot glide", async () => {
    const recover = async () => {
      throw new TimeskewError("E_UNSUPPORTED", "pid 5 cannot glide", { pid: 5 });
    };
    expect(await run(`${LINE} 5`, { recover }, foreground([]).world)).toMatchObject({ code: 5 });
  });

  it("--json tells of the glide and of the recovery", async () => {
    const { engine, set } = gliders(5, 6);
    const { world } = foreground([set(6, ARRIVED), ({ interrupt }) => interrupt()]);
    const { code, report } = await runJson(`${LINE} 5,6`, engine, world);
    expect(code).toBe(7);
    expect(report.targets).toMatchObject([
      {
        pid: 5,
        ok: false,
        action: "gliding",
        ending: "interrupted",
        error: { code: "E_FAILED", targetState: "skewed" },
      },
      { pid: 6, ok: true, action: "gliding", ending: "over", recovery: { action: "recovered" } },
    ]);
  });

  it("shows on a terminal that Ctrl-C leaves it gliding", async () => {
    const { engine, set } = gliders(5);
    const { world } = foreground([set(5, ARRIVED)]);
    const stderr = { isTTY: true, columns: 100, rows: 9 } as never;
    const result = await run(`${LINE} 5 --no-color`, engine, { ...world, stderr });
    expect(result.stderr).toContain(
      "redis-server (pid 5)  monotonic  5s  ×0.5  changes in 10s\nCtrl-C leaves it gliding",
    );
  });
});

describe("recover: how it may be asked", () => {
  it.each([
    ["recover --pid 5 --over 1m", "--over is for --glide"],
    ["recover --pid 5 --glide --over 0s", "--over 0s: out of range"],
    ["recover --pid 5 --glide --over -5s", "--over -5s: out of range"],
    ["recover --pid 5 --glide --over 5", 'duration "5" has no unit'],
    ["recover --pid 5 --glide --over --quiet", "--over needs a value"],
  ])("%s", async (line, message) => {
    const { code, stderr, calls } = await run(line);
    expect({ code, calls }).toEqual({ code: 2, calls: [] });
    expect(stderr).toContain(`timeskew: ${message}`);
  });

  it("--all takes skews that are over as well", async () => {
    const status = async () => ({ rows: [row(5, { state: "ended" }), row(6)], unreadable: [], examined: 9 });
    const { calls } = await run("recover --all", { status });
    expect(recoveries(calls)).toEqual([{ pid: 5 }, { pid: 6 }]);
  });

  it("says of a skew that was over that it was", async () => {
    const skew = { ...MONOTONIC_SKEW, profile: profile({ phase: "ended", rate: 1 }) };
    const { stdout } = await run("recover --pid 5", { recover: async () => recovered(5, { skew }) });
    expect(stdout).toContain("reads the true time: its skew is over\n");
  });
});
