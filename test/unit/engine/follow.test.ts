/** What becomes of new programs and newcomers, with a follower that only says so. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Following, type FollowNews, followSkew, isRuntimes } from "../../../src/engine/follow.ts";
import type { Heritage } from "../../../src/engine/inherit.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { address } from "../../../src/machine/address.ts";
import type { Follower, Held, Loading } from "../../../src/tracer/follow.ts";
import { settings } from "./forms.ts";

interface Fake {
  parent: number;
  command: string;
  state: string;
  followed: boolean;
  /** What it has. */
  heritage: Heritage | undefined;
}

const GATE = address(0x7000n);

/** The machine: its processes, what was done, and what fails how often. */
const world = {
  processes: new Map<number, Fake>(),
  log: [] as string[],
  failing: [] as TimeskewError[],
  gate: undefined as typeof GATE | undefined,
};

vi.mock("../../../src/target/read.ts", () => ({
  readText: (path: string) => {
    const pid = Number(/^\/proc\/(\d+)\/stat$/.exec(path)?.[1]);
    const found = world.processes.get(pid);
    if (found === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    return `${pid} (${found.command}) ${found.state} ${found.parent} 1 1 0 -1 0 ${"0 ".repeat(30)}`;
  },
}));
vi.mock("../../../src/tracer/follow.ts", () => ({
  isFollowed: (pid: number) => world.processes.get(pid)?.followed ?? false,
}));
vi.mock("../../../src/engine/bequests.ts", () => ({
  Bequests: class {
    of = (pid: number) => world.processes.get(pid)?.heritage;
    forget = () => {};
  },
}));
vi.mock("../../../src/engine/extend.ts", () => ({
  extendWaits: (pid: number) => {
    world.log.push(`extend ${pid}`);
    fail();
    return 3;
  },
}));
vi.mock("../../../src/engine/inherit.ts", () => ({
  inherit: (pid: number, heritage: Heritage, { fresh }: { fresh: boolean }) => {
    world.log.push(`inherit ${pid} ${heritage.settings.offset}${fresh ? " fresh" : ""}`);
    fail();
    const found = world.processes.get(pid)!;
    if (found.heritage !== undefined) return undefined;
    found.heritage = heritage;
    return { pid, command: found.command, gate: fresh ? world.gate : undefined };
  },
}));

function fail(): void {
  const error = world.failing.shift();
  if (error !== undefined) throw error;
}

class FakeFollower implements Follower {
  #held: (held: Held) => void = () => {};
  #empty: () => void = () => {};

  add(pid: number): number {
    world.log.push(`add ${pid}`);
    fail();
    world.processes.get(pid)!.followed = true;
    return 1;
  }
  go(pid: number, loading?: Loading): void {
    world.log.push(`go ${pid}${loading === undefined ? "" : ` until ${loading.gate}`}`);
  }
  exit(pid: number, code: number): void {
    world.log.push(`exit ${pid} ${code}`);
  }
  onHeld(listener: (held: Held) => void): void {
    this.#held = listener;
  }
  onEmpty(listener: () => void): void {
    this.#empty = listener;
  }
  end(): void {
    world.log.push("end");
  }
  /** A followed process becomes another program: what it had is gone. */
  exec(pid: number): void {
    world.processes.get(pid)!.heritage = undefined;
    this.#held({ pid, why: "exec" });
  }
  loaded(pid: number): void {
    this.#held({ pid, why: "loaded" });
  }
  empty(): void {
    this.#empty();
  }
}

function heritage(offset: bigint): Heritage {
  const none = settings(0n, 0n);
  return {
    settings: settings(1n, offset),
    before: none,
    shift: { monotonic: 0n, boottime: 0n },
    waits: true,
  };
}

const SET = heritage(7n);
const INIT = 1;

function born(pid: number, parent: number, more: Partial<Fake> = {}): void {
  const { followed = false } = world.processes.get(parent) ?? {};
  world.processes.set(pid, {
    parent,
    command: `p${pid}`,
    state: "R",
    followed,
    heritage: world.processes.get(parent)?.heritage,
    ...more,
  });
}

let follower: FakeFollower;
let news: FollowNews[];
let following: Following;

function follow(fallback: Heritage | ((pid: number) => Heritage | undefined) = SET): void {
  following = followSkew({ follower, heritage: fallback, tell: (each) => void news.push(each) });
}

function logged(): string[] {
  return world.log.splice(0);
}

afterEach(() => {
  vi.useRealTimers();
});

beforeEach(() => {
  world.processes.clear();
  world.log = [];
  world.failing = [];
  world.gate = undefined;
  follower = new FakeFollower();
  news = [];
  born(INIT, 0);
});

it("a new program is skewed before it goes on, and that is told in between", () => {
  follow();
  born(5, INIT, { followed: true });
  follower.exec(5);
  expect(logged()).toEqual(["inherit 5 7 fresh", "go 5"]);
  expect(news).toEqual([{ kind: "skewed", pid: 5, command: "p5", how: "exec" }]);
});

it("its libraries are seen to when they are there", () => {
  follow();
  world.gate = GATE;
  born(5, INIT, { followed: true });
  follower.exec(5);
  follower.loaded(5);
  expect(logged()).toEqual(["inherit 5 7 fresh", `go 5 until ${GATE}`, "extend 5", "go 5"]);
  expect(news).toHaveLength(1);
});

it("has what its parent has now, not what the set began with", () => {
  follow();
  born(5, INIT, { followed: true, heritage: heritage(8n) });
  born(6, 5);
  follower.exec(6);
  expect(logged()).toContain("inherit 6 8 fresh");
});

it("of a parent that cannot be skewed, what its parent has", () => {
  follow();
  born(5, INIT, { followed: true, heritage: heritage(8n) });
  born(6, 5, { heritage: undefined });
  born(7, 6, { heritage: undefined });
  follower.exec(7);
  expect(logged()).toContain("inherit 7 8 fresh");
});

it("what an ancestor has who is not followed is none of its business", () => {
  follow();
  born(5, INIT, { heritage: heritage(8n) });
  born(6, 5, { followed: true });
  follower.exec(6);
  expect(logged()).toContain("inherit 6 7 fresh");
});

it("once its parent has gone, what it was given before counts", () => {
  follow();
  born(5, INIT, { followed: true, heritage: heritage(8n) });
  born(6, 5);
  follower.exec(6);
  world.processes.get(6)!.parent = INIT;
  follower.exec(6);
  expect(logged()).toEqual(["inherit 6 8 fresh", "go 6", "inherit 6 8 fresh", "go 6"]);
});

it("neither parent nor past: what the eldest has now, and when nobody is left, what the last one had", () => {
  follow(() => undefined);
  born(5, INIT, { heritage: heritage(8n) });
  following.seize(5);
  following.note(5);
  world.processes.get(5)!.heritage = heritage(9n);
  born(6, INIT);
  following.add(6);
  world.processes.delete(5);
  world.processes.delete(6);
  born(7, INIT);
  following.add(7);
  expect(logged().filter((each) => each.startsWith("inherit"))).toEqual(["inherit 6 9", "inherit 7 9"]);
});

it("what was changed since is remembered, too", () => {
  vi.useFakeTimers();
  follow(() => undefined);
  born(5, INIT, { heritage: heritage(8n) });
  following.seize(5);
  following.note(5);
  world.processes.get(5)!.heritage = heritage(9n);
  vi.advanceTimersByTime(1000);
  follower.exec(5);
  expect(logged()).toEqual(["add 5", "inherit 5 9 fresh", "go 5"]);
  following.end();
  expect(vi.getTimerCount()).toBe(0);
});

it("where nothing is to be had, it goes on with the true time", () => {
  follow(() => undefined);
  born(5, INIT, { followed: true });
  follower.exec(5);
  expect(logged()).toEqual(["go 5"]);
  expect(news).toEqual([]);
});

it("one that cannot be skewed goes on, and its end can be decided upon before", () => {
  const error = new TimeskewError("E_NOT_64BIT", "32", { pid: 5 });
  world.failing = [error];
  born(5, INIT, { followed: true });
  followSkew({
    follower,
    heritage: SET,
    tell: (each) => {
      news.push(each);
      follower.exit(each.pid, 5);
    },
  });
  follower.exec(5);
  expect(logged()).toEqual(["inherit 5 7 fresh", "exit 5 5", "go 5"]);
  expect(news).toEqual([{ kind: "failed", pid: 5, command: "p5", how: "exec", error }]);
});

it("what another timeskew is in the way of is tried again, for a while", () => {
  follow();
  const busy = () => new TimeskewError("E_BUSY", "locked", { pid: 5 });
  born(5, INIT, { followed: true });
  world.failing = [busy(), busy()];
  follower.exec(5);
  expect(logged()).toEqual(["inherit 5 7 fresh", "inherit 5 7 fresh", "inherit 5 7 fresh", "go 5"]);
  expect(news).toMatchObject([{ kind: "skewed" }]);
  world.failing = Array.from({ length: 9 }, busy);
  follower.exec(5);
  expect(logged()).toHaveLength(6);
  expect(news).toMatchObject([{ kind: "skewed" }, { kind: "failed", error: { code: "E_BUSY" } }]);
});

it("the end of a process is no failure", () => {
  follow();
  born(5, INIT, { followed: true });
  world.failing = [new TimeskewError("E_GONE", "killed", { pid: 5 })];
  follower.exec(5);
  expect(logged()).toEqual(["inherit 5 7 fresh", "go 5"]);
  expect(news).toEqual([]);
});

it("not even a defect leaves a process held", () => {
  follow();
  born(5, INIT, { followed: true });
  world.failing = [new TypeError("oops") as unknown as TimeskewError];
  follower.exec(5);
  expect(logged()).toEqual(["inherit 5 7 fresh", "go 5"]);
  expect(news).toMatchObject([{ kind: "failed", error: { code: "E_INTERNAL", message: "pid 5: oops" } }]);
});

it("waits that could not be seen to are told, and the program goes on", () => {
  follow();
  born(5, INIT, { followed: true });
  world.failing = [new TimeskewError("E_STEP", "no room", { pid: 5, targetState: "skewed" })];
  follower.loaded(5);
  expect(logged()).toEqual(["extend 5", "go 5"]);
  expect(news).toMatchObject([{ kind: "failed", how: "exec", error: { targetState: "skewed" } }]);
});

it("who enters is followed first, then skewed", () => {
  follow();
  born(5, INIT);
  following.add(5);
  expect(logged()).toEqual(["add 5", "inherit 5 7"]);
  expect(news).toEqual([{ kind: "skewed", pid: 5, command: "p5", how: "entered" }]);
});

it("who enters skewed keeps that", () => {
  follow();
  born(5, INIT, { heritage: heritage(9n) });
  following.add(5);
  expect(news).toEqual([]);
  expect(world.processes.get(5)).toMatchObject({ followed: true, heritage: heritage(9n) });
});

it("the child of somebody who is followed is followed already", () => {
  follow();
  born(5, INIT, { followed: true });
  following.add(5);
  expect(logged()).toEqual([]);
});

it("a container runtime's process is followed only, until it becomes the container's program", () => {
  vi.useFakeTimers();
  follow();
  born(5, INIT, { command: "runc:[2:INIT]" });
  following.add(5);
  expect(logged()).toEqual(["add 5"]);
  world.processes.get(5)!.command = "date";
  follower.exec(5);
  expect(logged()).toEqual(["inherit 5 7 fresh", "go 5"]);
});

it("one that goes on being called like a runtime's is skewed in the end", () => {
  vi.useFakeTimers();
  follow();
  born(5, INIT, { command: "runc" });
  following.add(5);
  expect(logged()).toEqual(["add 5"]);
  vi.advanceTimersByTime(1000);
  expect(logged()).toEqual(["inherit 5 7"]);
});

it("one that has ended by then is left alone, whoever has its pid", () => {
  vi.useFakeTimers();
  follow();
  born(5, INIT, { command: "runc" });
  following.add(5);
  born(5, INIT, { command: "sh", followed: false });
  vi.advanceTimersByTime(1000);
  expect(logged()).toEqual(["add 5"]);
});

it.each(["runc", "runc:[0:PARENT]", "runc:[1:CHILD]", "crun", "youki", "lxc-attach"])("%s is one", (name) => {
  expect(isRuntimes(name)).toBe(true);
});
it.each(["runcible", "crunch", "sh", "lxc-ls", "xrunc"])("%s is none", (name) => {
  expect(isRuntimes(name)).toBe(false);
});

it("who enters and is held as a new program is left to that event", async () => {
  follow();
  born(5, INIT, { state: "t" });
  following.add(5);
  expect(logged()).toEqual(["add 5"]);
  follower.exec(5);
  world.processes.get(5)!.state = "R";
  await vi.waitFor(() => expect(world.log).toEqual(["inherit 5 7 fresh", "go 5", "inherit 5 7"]));
  expect(news).toEqual([{ kind: "skewed", pid: 5, command: "p5", how: "exec" }]);
});

it("who enters and cannot be stopped yet is tried again later", async () => {
  follow();
  born(5, INIT);
  following.seize(5);
  world.processes.get(5)!.followed = false;
  world.failing = [undefined, new TimeskewError("E_STOP_TIMEOUT", "D", { pid: 5 })] as TimeskewError[];
  following.add(5);
  expect(news).toEqual([]);
  await vi.waitFor(() => expect(news).toMatchObject([{ kind: "skewed", how: "entered" }]));
  expect(logged()).toEqual(["add 5", "add 5", "inherit 5 7", "inherit 5 7"]);
});

it("who cannot be followed is told of", () => {
  follow();
  born(5, INIT);
  world.failing = [new TimeskewError("E_TRACED", "gdb", { pid: 5 })];
  following.add(5);
  expect(logged()).toEqual(["add 5"]);
  expect(news).toMatchObject([{ kind: "failed", how: "entered", error: { code: "E_TRACED" } }]);
});

it("nobody inherits any more while everybody is being recovered", () => {
  follow();
  born(5, INIT, { followed: true });
  following.rest();
  follower.exec(5);
  follower.loaded(5);
  born(6, INIT);
  following.add(6);
  following.end();
  expect(logged()).toEqual(["go 5", "go 5", "add 6", "end"]);
});

it("says when nobody is left", async () => {
  follow();
  follower.empty();
  await following.empty;
});
