/**
 * One skew for a set, over models of processes: memory that holds two slots and an index, clocks that the test sets.
 */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { UNATTENDED } from "../../../src/engine/begin.ts";
import { joint } from "../../../src/engine/joint.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { type Address, address } from "../../../src/machine/address.ts";
import {
  DURATIONS,
  decodeSlot,
  encodeSlot,
  neutral,
  PARAMS,
  type Settings,
  slotOffset,
} from "../../../src/patch/params.ts";
import type { Start } from "../../../src/skew/profile.ts";
import type { InjectResult } from "../../../src/types.ts";
import { moment, SECOND } from "./forms.ts";

const PARAMETERS = address(0x7000_0000n);
const MILLISECOND = 1_000_000n;

interface Model {
  memory: Uint8Array;
  skewed: boolean;
  /** Of its time namespace. */
  shift: { monotonic: bigint; boottime: bigint };
}

const machine = {
  clock: 0n,
  processes: new Map<number, Model>(),
  /** How long it takes to inject one, ns. */
  injection: 5n * MILLISECOND,
  stragglers: 0n,
  /** How long it takes to read a clock, ns. */
  reading: () => 0n,
};

const FAMILY: Readonly<Record<number, keyof Start>> = {
  0: "realtime",
  1: "monotonic",
  4: "raw",
  5: "realtime",
  6: "monotonic",
  7: "boottime",
  8: "realtime",
  9: "boottime",
  11: "tai",
};

vi.mock("../../../src/tracer/native.ts", async (original) => ({
  ...(await original<object>()),
  hostClock: (id: number) => {
    machine.clock += machine.reading();
    const family = FAMILY[id];
    return family && moment(machine.clock)[family];
  },
  readMemory: (proc: number, _pid: number, at: Address, length: number) => {
    const model = machine.processes.get(proc);
    const from = Number(at - PARAMETERS);
    return model?.memory.slice(from, from + length);
  },
}));

vi.mock("../../../src/tracer/execute.ts", () => ({
  writeLive: ({ pid }: { pid: number }, writes: readonly { address: Address; bytes: Uint8Array }[]) => {
    machine.clock += 50_000n;
    for (const { address: at, bytes } of writes) modelOf(pid).memory.set(bytes, Number(at - PARAMETERS));
  },
}));

vi.mock("../../../src/engine/stragglers.ts", () => ({
  allHaveMovedOn: () => {
    machine.clock += machine.stragglers;
    return true;
  },
}));

vi.mock("../../../src/target/timens.ts", async (original) => ({
  ...(await original<object>()),
  clockShift: (pid: number) => modelOf(pid).shift,
}));

vi.mock("../../../src/engine/inspect.ts", () => ({ inspect: (pid: number) => targetOf(pid) }));

/** An injection that finds the process fit for it. */
vi.mock("../../../src/engine/inject.ts", async (original) => {
  const real = await original<typeof import("../../../src/engine/inject.ts")>();
  const injectBy: typeof real.injectBy = ({ pid }, way) => {
    const model = modelOf(pid);
    machine.clock += machine.injection;
    const target = targetOf(pid);
    if (model.skewed) return way.change(target as never);
    const { settings, begins } = way.wanted(model.shift);
    expect(begins).toBe("known");
    model.skewed = true;
    model.memory[PARAMS.index] = 1;
    model.memory.set(encodeSlot(neutral(1n)), slotOffset(0));
    model.memory.set(encodeSlot({ ...settings, generation: 2n }), slotOffset(1));
    return { ...real.unstopped(targetOf(pid) as never, "injected", inForceOf(pid)), pauseNs: 1n };
  };
  return { ...real, injectBy };
});

function modelOf(pid: number): Model {
  const model = machine.processes.get(pid);
  if (model === undefined) throw new TimeskewError("E_GONE", `pid ${pid} ended`, { pid });
  return model;
}

function slots(pid: number) {
  const { memory } = modelOf(pid);
  const index = memory[PARAMS.index]! & 1;
  const slot = (n: number) => decodeSlot(memory.subarray(slotOffset(n), slotOffset(n) + PARAMS.slotSize));
  return { index, settings: slot(index), before: slot(index ^ 1) };
}

function inForceOf(pid: number) {
  const { settings, before } = slots(pid);
  return { inForce: { settings, before }, late: undefined };
}

function targetOf(pid: number) {
  const { skewed } = modelOf(pid);
  const { index, settings, before } = slots(pid);
  return {
    process: { pid, command: "model", proc: pid, memoryPid: pid },
    found: skewed
      ? {
          state: "skewed",
          mark: { params: { address: PARAMETERS } },
          index,
          settings,
          idle: { settings: before },
          flags: DURATIONS,
        }
      : { state: "unskewed" },
    [Symbol.dispose]: () => {},
  };
}

function born(...pids: number[]): void {
  for (const pid of pids) {
    const shift = { monotonic: 0n, boottime: 0n };
    machine.processes.set(pid, { memory: new Uint8Array(PARAMS.size), skewed: false, shift });
  }
}

/** A fork has its parent's memory. */
function forked(parent: number, child: number): void {
  const model = modelOf(parent);
  machine.processes.set(child, { ...model, memory: model.memory.slice() });
}

beforeEach(() => born(5, 6, 7));
afterEach(() => {
  machine.processes.clear();
  Object.assign(machine, { clock: 0n, injection: 5n * MILLISECOND, stragglers: 0n, reading: () => 0n });
});

const startOf = (pid: number) => slots(pid).settings.profile?.start;
const what = ({ generation: _, ...rest }: Settings) => rest;

async function skew(o: Parameters<typeof joint>[0], ...pids: number[]) {
  const set = joint(o);
  const results: InjectResult[] = [];
  for (const pid of pids) results.push(await set.inject(pid));
  return { set, results };
}

it("gives a constant at once, under one id and one date, and has nothing left to begin", async () => {
  const { set, results } = await skew({ offset: "-10m" }, 5, 6, 7);
  expect(results.map(({ action, skew: { id, offset } }) => ({ action, id, offset }))).toEqual(
    Array.from({ length: 3 }, () => ({ action: "injected", id: set.id, offset: -600n * SECOND })),
  );
  expect(what(slots(6).settings)).toEqual(what(slots(5).settings));
  expect(await set.begin()).toEqual([]);
});

it("makes the same offset of a date, though it comes to them one after the other", async () => {
  const { results } = await skew({ at: "2038-01-19T03:14:00Z" }, 5, 6, 7);
  expect(new Set(results.map(({ skew: { offset } }) => offset)).size).toBe(1);
});

it("lets a profile begin in all at one moment, soon after the last was injected", async () => {
  const { set, results } = await skew({ drift: "200ppm" }, 5, 6, 7);
  expect(results.map(({ skew: { profile } }) => profile?.phase)).toEqual(["waiting", "waiting", "waiting"]);
  // As long as nobody sees to it, all begin by themselves, at a moment that was agreed upon.
  expect(startOf(5)!.monotonic - moment(machine.clock).monotonic).toBeGreaterThan(UNATTENDED);
  for (const pid of [6, 7]) expect(startOf(pid)).toEqual(startOf(5));
  machine.stragglers = 40n * MILLISECOND;
  const begun = await set.begin();
  for (const pid of [6, 7]) expect(what(slots(pid).settings)).toEqual(what(slots(5).settings));
  const left = startOf(5)!.monotonic - moment(machine.clock).monotonic;
  expect(left > 0n && left < 60n * MILLISECOND).toBe(true);
  expect(begun).toMatchObject(
    [5, 6, 7].map((pid) => ({ pid, result: { action: "injected", late: undefined } })),
  );
  // Until then they read the true time by our code.
  expect(slots(5).before).toMatchObject({ mask: slots(5).settings.mask, offset: 0n });
  expect(slots(5).before.profile).toBeUndefined();
});

it("puts the moment off as long as others are yet to be injected, and rarely", async () => {
  const pids = Array.from({ length: 300 }, (_, i) => 100 + i);
  born(...pids);
  machine.injection = 100n * MILLISECOND;
  const set = joint({ drift: "200ppm" });
  const starts = new Set<bigint>();
  for (const pid of pids) {
    await set.inject(pid);
    starts.add(startOf(100)!.monotonic);
    expect(startOf(pid)).toEqual(startOf(100));
    expect(startOf(100)!.monotonic).toBeGreaterThan(moment(machine.clock).monotonic);
  }
  // Half a minute, of which the first had two seconds: with every renewal it is more.
  expect(starts.size).toBeLessThan(12);
  await set.begin();
  expect(new Set(pids.map((pid) => startOf(pid)!.monotonic)).size).toBe(1);
});

it("does not begin before it was asked for", async () => {
  const { set } = await skew({ drift: "200ppm", startIn: "30s" }, 5, 6);
  const due = startOf(5);
  expect(due!.monotonic).toBe(moment(30n * SECOND).monotonic);
  await set.begin();
  expect([startOf(5), startOf(6)]).toEqual([due, due]);
  const { set: sooner } = await skew({ drift: "200ppm", startIn: "300ms" }, 7);
  const begin = machine.clock;
  await sooner.begin();
  expect(startOf(7)!.monotonic - moment(begin).monotonic).toBeGreaterThan(250n * MILLISECOND);
  expect(startOf(7)!.monotonic - moment(begin).monotonic).toBeLessThan(300n * MILLISECOND);
});

it("means the same moment by the clocks of each time namespace", async () => {
  modelOf(6).shift = { monotonic: 50n * SECOND, boottime: -3n * SECOND };
  const { set } = await skew({ drift: "200ppm" }, 5, 6);
  await set.begin();
  const { realtime, monotonic, raw, boottime, tai } = startOf(5)!;
  expect(startOf(6)).toEqual({
    realtime,
    tai,
    monotonic: monotonic + 50n * SECOND,
    raw: raw + 50n * SECOND,
    boottime: boottime - 3n * SECOND,
  });
});

it("has a fork begin with the others, whenever it was made", async () => {
  const { set } = await skew({ drift: "200ppm" }, 5);
  forked(5, 20);
  expect(await set.inject(20)).toMatchObject({ action: "inherited", pauseNs: 0n });
  forked(5, 21);
  const begun = await set.begin(async () => {
    forked(5, 22);
    // 21 was forked before its parent was told the moment, and is found only now; 22 has it.
    expect(startOf(21)).not.toEqual(startOf(5));
    expect(await set.inject(21)).toMatchObject({ action: "inherited", late: undefined });
    expect(await set.inject(22)).toMatchObject({ action: "inherited", late: undefined });
  });
  expect(begun.map(({ pid }) => pid)).toEqual([5, 20]);
  for (const pid of [20, 21, 22]) expect(what(slots(pid).settings)).toEqual(what(slots(5).settings));
});

it("lets a latecomer begin as if he had been there", async () => {
  const { set } = await skew({ drift: "200ppm" }, 5);
  await set.begin();
  machine.clock += SECOND;
  await set.inject(6);
  forked(5, 20);
  modelOf(20).memory[PARAMS.index] = 0; // forked in the middle of it
  expect(await set.inject(20)).toMatchObject({ action: "inherited" });
  for (const pid of [6, 20]) expect(what(slots(pid).settings)).toEqual(what(slots(5).settings));
});

it("changes a running profile in all at one moment, and newcomers begin then", async () => {
  // Clocks are read one after the other, and never as quickly as the last time.
  let readings = 0n;
  machine.reading = () => (readings++ * 37n) % 1000n;
  const { set: first } = await skew({ rate: "1.5", clocks: ["CLOCK_MONOTONIC"] }, 5, 6);
  await first.begin();
  machine.clock += SECOND;
  const { set, results } = await skew({ rate: "0.5", clocks: ["CLOCK_MONOTONIC"] }, 5, 6, 7);
  expect(results).toMatchObject([
    { action: "updated", previous: { id: first.id } },
    { action: "updated" },
    { action: "injected" },
  ]);
  // Nothing has changed for those who have a skew.
  expect(slots(5).settings.skewId.toString(16)).toBe(BigInt(`0x${first.id}`).toString(16));
  const begun = await set.begin();
  expect(begun).toMatchObject([
    { result: { action: "updated", skew: { id: set.id }, previous: { id: first.id } } },
    { result: { action: "updated" } },
    { result: { action: "injected" } },
  ]);
  expect(what(slots(6).settings)).toEqual(what(slots(5).settings));
  expect(startOf(7)).toEqual(startOf(5));
  // They go on from where they are; the newcomer begins at the true time.
  expect(slots(5).settings.offset).toBeGreaterThan(SECOND / 2n);
  expect(slots(7).settings.offset).toBe(0n);
});

it("tells of each member that could not begin, and lets the others", async () => {
  const { set } = await skew({ drift: "200ppm" }, 5, 6, 7);
  machine.processes.delete(6);
  modelOf(7).skewed = false; // another program
  expect(await set.begin()).toMatchObject([
    { pid: 5, result: { pid: 5 } },
    { pid: 6, error: { code: "E_GONE" } },
    { pid: 7, error: { code: "E_GONE" } },
  ]);
});

it("leaves a member alone that was given another skew meanwhile", async () => {
  const { set } = await skew({ drift: "200ppm" }, 5, 6);
  const other = joint({ offset: "1h" });
  await other.inject(6);
  await other.begin();
  const begun = await set.begin();
  expect(begun).toMatchObject([
    { pid: 5, result: {} },
    { pid: 6, error: { code: "E_BUSY", targetState: "skewed" } },
  ]);
  expect(slots(6).settings.skewId.toString(16)).toBe(BigInt(`0x${other.id}`).toString(16));
});

it("refuses wrong words before any process is looked at", () => {
  expect(() => joint({ offset: "600" })).toThrow(/no unit/);
  expect(() => joint({ at: "2038-01-19T03:14:00Z", clocks: ["CLOCK_MONOTONIC"] })).toThrow(/knows no dates/);
});
