import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import type { Heritage } from "../../../src/engine/inherit.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { fails, run } from "./helpers.ts";
import { ENTRANT, fakeStarter, OWN_PID, SUPERVISOR } from "./starters.ts";

const HERITAGE = { settings: { offset: 1n }, waits: true } as unknown as Heritage;
const OURSELVES = process.pid;

function selected(...pids: number[]): Engine["select"] {
  return async () => ({ selected: [], words: "container web", flags: [], lasts: true, list: () => pids });
}

async function execs(
  words: readonly string[],
  engine: Partial<Engine>,
  o: Parameters<typeof fakeStarter>[1] = {},
) {
  const { starter, told } = fakeStarter(words, o);
  const result = await run(words, engine, { loadStarter: async () => starter });
  return { ...result, told };
}

const LINE = ["exec", "--container", "web", "-q", "--", "date", "-u"];

describe("the command line", () => {
  it.each([
    [["exec", "--", "date"], "--pid is missing"],
    [["exec", "--container", "web"], "a program is missing"],
    [["exec", "--pid", "x", "--", "date"], "not a process id"],
  ])("%j is refused", async (words, message) => {
    const { code, stderr } = await run(words);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  });
});

describe("a target", () => {
  it("that is skewed hands its skew on, by way of the supervisor", async () => {
    const heritageOf = (pid: number) => (pid === OURSELVES ? HERITAGE : undefined);
    const { told } = await execs(LINE, { select: selected(1, OURSELVES), heritageOf });
    expect(told.requests).toEqual([
      { command: "exec", pid: ENTRANT, until: OWN_PID, skew: HERITAGE, quiet: true },
    ]);
    expect(told.entries[0]).toMatchObject({
      entry: { tracer: SUPERVISOR },
      there: { argv: ["date", "-u"] },
      here: { paths: ["/usr/bin/date", "/bin/date"], argv: ["date", "-u"] },
      // Of what we were started with, no more than these goes into a container.
      descriptors: [0, 1, 2],
    });
    expect(told.entries[0]!.there.env).toContain("TERM=xterm");
    expect(told.entries[0]!.here.env).toContain("PATH=/usr/bin:/bin");
    expect(told.stoodFor).toEqual([[80, ENTRANT]]);
  });

  it("that is not skewed needs nobody to follow the program", async () => {
    const { told } = await execs(LINE, { select: selected(OURSELVES), heritageOf: () => undefined });
    expect(told.requests).toEqual([]);
    expect(told.entries[0]?.entry.tracer).toBeUndefined();
    expect(told.stoodFor).toEqual([[80, ENTRANT]]);
  });

  it("without processes, or that cannot be looked at", async () => {
    expect(await execs(LINE, { select: selected() })).toMatchObject({
      code: 3,
      stderr: "timeskew: container web has no processes\n",
    });
    expect(await execs(LINE, { select: fails("E_AMBIGUOUS", "web is many") })).toMatchObject({ code: 2 });
    const heritageOf = () => {
      throw new TimeskewError("E_PERMISSION", "not yours");
    };
    expect(await execs(LINE, { select: selected(5), heritageOf })).toMatchObject({ code: 4 });
  });

  it("that the supervisor cannot follow is not entered", async () => {
    const error = { code: "E_TRACED", message: "traced", hint: undefined, targetState: "untouched" } as const;
    const { code, told } = await execs(
      LINE,
      { select: selected(OURSELVES), heritageOf: () => HERITAGE },
      { answer: { ok: false, error } },
    );
    expect({ code, off: told.calledOff, stood: told.stoodFor }).toEqual({ code: 6, off: 1, stood: [] });
  });

  it.each([
    [{ failure: "entry", errno: 1 } as const, 4, "cannot be entered: EPERM"],
    [{ failure: "entry", errno: 22 } as const, 1, "cannot be entered: EINVAL"],
    [{ failure: "exec", errno: 2 } as const, 127, "date: no such program in PATH"],
    [{ failure: "exec", errno: 13 } as const, 126, "date cannot be executed"],
  ])("%j", async (entered, code, message) => {
    const engine = { select: selected(OURSELVES), heritageOf: () => HERITAGE };
    const result = await execs(LINE, engine, { entered });
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });
});
