/** inject --follow, with an engine whose processes come, start programs, and go. */
import { expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import type { World } from "../../../src/cli/world.ts";
import type { FollowNews } from "../../../src/engine/follow.ts";
import { TimeskewError } from "../../../src/errors.ts";
import type { StatusRow } from "../../../src/types.ts";
import { fakeFollowing, foreground, injected, recovered, row, run, runJson, selection } from "./helpers.ts";

const LINE = "inject --follow --offset -10m --container web";
const TERMINAL = { isTTY: true, columns: 140, rows: 24 };

/** Processes that can be seized, and a log of what is done with them, in order. */
function machine(pids: number[], more: Parameters<typeof selection>[1] = {}) {
  const log: string[] = [];
  const states = new Map<number, StatusRow["state"]>();
  const members = new Set<number>();
  let tell: (news: FollowNews) => void = () => {};
  let leave = () => {};
  const empty = new Promise<void>((done) => {
    leave = done;
  });
  const engine: Partial<Engine> = {
    select: selection(() => [...pids], more),
    follow: (o) => {
      tell = o.tell;
      return fakeFollowing({
        seize: (pid) => {
          log.push(`seize ${pid}`);
          members.add(pid);
        },
        add: (pid) => {
          log.push(`add ${pid}`);
          members.add(pid);
          states.set(pid, "skewed");
        },
        note: (pid) => void log.push(`note ${pid}`),
        members: () => [...members],
        rest: () => void log.push("rest"),
        end: () => void log.push("end"),
        empty,
      });
    },
    inject: async ({ pid }) => {
      log.push(`inject ${pid}`);
      states.set(pid, "skewed");
      return injected(pid);
    },
    status: async ({ pids: asked = [] } = {}) => {
      const rows = asked.map((pid) => {
        const state = states.get(pid) ?? "unskewed";
        return row(pid, state === "unskewed" ? { state, skew: undefined } : { state });
      });
      return { rows, unreadable: [], examined: rows.length };
    },
    recover: async ({ pid }) => {
      log.push(`recover ${pid}`);
      states.set(pid, "unskewed");
      return recovered(pid);
    },
  };
  return {
    engine,
    log,
    pids,
    members,
    states,
    tell: (news: FollowNews) => tell(news),
    leave: () => leave(),
  };
}

function skewed(pid: number, how: FollowNews["how"] = "exec"): FollowNews {
  return { kind: "skewed", pid, command: "date", how };
}

function failed(pid: number, targetState: "untouched" | "skewed" = "untouched"): FollowNews {
  const error = new TimeskewError("E_NOT_64BIT", `pid ${pid} (old) is a 32-bit process`, {
    pid,
    targetState,
  });
  return { kind: "failed", pid, command: "old", how: "exec", error };
}

it("seizes each before it is skewed, and lets go when all are recovered", async () => {
  const { engine, log } = machine([5, 6]);
  const { world, listeners } = foreground([({ interrupt }) => interrupt()]);
  const { code, stderr, stdout } = await run(LINE, engine, world);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: "timeskew: waiting; Ctrl-C gives the true time back, and so do SIGTERM and SIGHUP\n",
  });
  expect(log).toEqual([
    ...["seize 5", "inject 5", "note 5", "seize 6", "inject 6", "note 6", "note 5", "note 6"],
    ...["rest", "recover 5", "recover 6", "end"],
  ]);
  expect(stdout).toContain("2 processes are now 10m behind");
  expect(stdout).toMatch(/2 processes read the true time[\s\S]* {2}0 programs were started\n$/);
  expect(stdout).not.toContain("undo:");
  expect(listeners.size).toBe(0);
});

it("looks every 10 ms who has come, and follows each once", async () => {
  const { engine, log, pids } = machine([5]);
  const { world, slept } = foreground([
    () => void pids.push(7),
    () => {},
    () => void pids.splice(0, 1, 8),
    ({ interrupt }) => interrupt(),
  ]);
  expect(await run(LINE, engine, world)).toMatchObject({ code: 0 });
  expect(log.filter((each) => each.startsWith("add"))).toEqual(["add 7", "add 8"]);
  expect(slept).toEqual([10, 10, 10, 10]);
  // Whoever has left the set meanwhile is recovered, too.
  expect(log.filter((each) => each.startsWith("recover")).sort()).toEqual([
    "recover 5",
    "recover 7",
    "recover 8",
  ]);
  expect(log.indexOf("rest")).toBeLessThan(log.indexOf("recover 7"));
});

it("tells what was started and who came, and in full what could not be skewed", async () => {
  const { engine, tell } = machine([5]);
  const { world } = foreground([
    () => {
      tell(skewed(70));
      tell(skewed(71, "entered"));
      tell(failed(72));
      tell(failed(73, "skewed"));
    },
    ({ interrupt }) => interrupt(),
  ]);
  const { code, stderr, stdout } = await run(LINE, engine, world);
  expect(code).toBe(0);
  expect(stderr).toContain("timeskew: not skewed: pid 72 (old) is a 32-bit process\n");
  expect(stderr).toContain("timeskew: skewed, but for some waits: pid 73 (old) is a 32-bit process\n");
  expect(stdout).toContain("  3 programs were started, 1 process came; 1 has the true time\n");
});

it("does not flood anybody with failures", async () => {
  const { engine, tell } = machine([5]);
  const { world } = foreground([
    () => {
      for (let pid = 100; pid < 150; pid++) tell(failed(pid));
    },
    ({ interrupt }) => interrupt(),
  ]);
  const { stderr, stdout } = await run(LINE, engine, world);
  expect(stderr.match(/not skewed/g)).toHaveLength(10);
  expect(stderr).toContain("further ones are counted only");
  expect(stdout).toContain("50 programs were started; 50 have the true time");
});

it("--json has it all in one object", async () => {
  const { engine, tell } = machine([5]);
  const { world } = foreground([
    () => {
      tell(skewed(70, "entered"));
      tell(failed(72));
    },
    ({ interrupt }) => interrupt(),
  ]);
  const { code, report, stderr } = await runJson(LINE, engine, world);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(report).toMatchObject({
    ok: true,
    targets: [{ pid: 5, ok: true, ending: "interrupted", recovery: { action: "recovered" } }],
    followed: {
      programs: 1,
      newcomers: 1,
      failures: [{ pid: 72, command: "old", how: "exec", error: { code: "E_NOT_64BIT" } }],
    },
  });
});

it("ends with the skew's own end", async () => {
  const { engine, states, log } = machine([5]);
  const { world } = foreground([
    () => void states.set(5, "ended"),
    ...Array.from({ length: 200 }, () => () => {}),
  ]);
  const { code, stdout } = await run(LINE, engine, world);
  expect(code).toBe(0);
  expect(stdout).toContain("reads the true time");
  expect(log.slice(-3)).toEqual(["rest", "recover 5", "end"]);
});

it("ends when nobody is left, if nobody can come", async () => {
  const { engine, leave, pids, members } = machine([5], { lasts: false });
  const { world, left } = foreground([
    () => {
      pids.splice(0);
      members.clear();
      leave();
    },
  ]);
  expect(await run("inject --follow --offset -10m --pid 5 --tree", engine, world)).toMatchObject({ code: 0 });
  expect(left).toEqual([]);
});

it("stays where somebody may come yet", async () => {
  const { engine, leave, pids, members, log } = machine([5]);
  const { world } = foreground([
    () => {
      pids.splice(0);
      members.clear();
      leave();
    },
    () => {},
    () => void pids.push(9),
    ({ interrupt }) => interrupt(),
  ]);
  expect(await run(LINE, engine, world)).toMatchObject({ code: 0 });
  expect(log).toContain("add 9");
});

it("draws one line for each of a few, one for all of many, and the sum beneath", async () => {
  const drawn = async (count: number) => {
    const { engine } = machine(Array.from({ length: count }, (_, i) => i + 5));
    const { world } = foreground([({ interrupt }) => interrupt()]);
    const { stderr } = await run(LINE, engine, { ...world, stderr: TERMINAL as World["stderr"] });
    return stderr.split("\n").filter((line) => line.includes("redis-server (pid"));
  };
  expect(await drawn(8)).toHaveLength(8);
  expect(await drawn(9)).toHaveLength(1);
});

it("a second Ctrl-C leaves who is not recovered by then, and says how to go on", async () => {
  const { engine, log } = machine([5, 6]);
  let now = 0n;
  const { world, listeners } = foreground([({ interrupt }) => interrupt()]);
  const recover: Engine["recover"] = async (o) => {
    now += 10_000_000_000n;
    for (const listener of listeners) listener();
    return engine.recover!(o);
  };
  const { code, stderr } = await run(LINE, { ...engine, recover }, { ...world, now: () => now });
  expect(code).not.toBe(0);
  expect(stderr).toContain("pid 6 was not recovered: interrupted again");
  expect(stderr).toContain("undo: timeskew recover --skew");
  expect(log.at(-1)).toBe("end");
});

it("whatever goes wrong while it stays, everybody is recovered", async () => {
  const { engine, log, pids } = machine([5]);
  let stays = false;
  const list = () => {
    if (!stays) return pids;
    stays = false;
    throw new Error("a defect");
  };
  const { world } = foreground([
    () => {
      stays = true;
    },
  ]);
  const { code, stderr } = await run(LINE, { ...engine, select: selection(list) }, world);
  expect(code).toBe(1);
  expect(stderr).toContain("a defect");
  expect(log.slice(-3)).toEqual(["rest", "recover 5", "end"]);
});

it("where nobody could be skewed, it does not stay, and lets go", async () => {
  const { engine, log } = machine([5]);
  const inject: Engine["inject"] = async ({ pid }) => {
    throw new TimeskewError("E_FOREIGN_PATCH", `pid ${pid}: patched`, { pid });
  };
  expect(await run(LINE, { ...engine, inject })).toMatchObject({ code: 5 });
  expect(log).toEqual(["seize 5", "end"]);
});

it("who cannot be followed is a failure of its own, and the others are skewed", async () => {
  const { engine, log } = machine([5, 6]);
  const follow: Engine["follow"] = (o) => {
    const following = engine.follow!(o);
    return {
      ...following,
      seize: (pid) => {
        if (pid === 5) throw new TimeskewError("E_TRACED", "pid 5 (x) is traced by gdb (pid 4)", { pid });
        following.seize(pid);
      },
    };
  };
  const { world } = foreground([({ interrupt }) => interrupt()]);
  const { code, stderr } = await run(LINE, { ...engine, follow }, world);
  expect(code).toBe(7);
  expect(stderr).toContain("traced by gdb");
  expect(log).toContain("inject 6");
  expect(log).not.toContain("inject 5");
});

it("programs that are started while the set is being skewed begin together with it", async () => {
  const { engine, tell, log } = machine([5, 6]);
  const inject: Engine["inject"] = async (o) => {
    const result = await engine.inject!(o);
    if (o.pid === 6) tell(skewed(60));
    return result;
  };
  const { world } = foreground([() => tell(skewed(61)), ({ interrupt }) => interrupt()]);
  expect(await run(LINE, { ...engine, inject }, world)).toMatchObject({ code: 0 });
  expect(log).toContain("inject 60");
  expect(log).not.toContain("inject 61");
});

it.each([
  [["--dry-run"], "--follow and --dry-run exclude each other"],
  [["-c", "monotonic", "--offset", "5s"], "--follow would have to take CLOCK_MONOTONIC back"],
])("%s is refused: %s", async (flags, message) => {
  const { engine, log } = machine([5]);
  const { code, stderr } = await run(["inject", "--follow", "--pid", "5", ...withOffset(flags)], engine);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(log).toEqual([]);
});

function withOffset(flags: readonly string[]): readonly string[] {
  return flags.includes("--offset") ? flags : [...flags, "--offset", "-10m"];
}
