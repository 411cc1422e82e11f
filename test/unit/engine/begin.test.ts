/**
 * Bringing a profile into force before it begins, on a machine that lets the tool run when it sees fit.
 */
import { afterEach, expect, it, vi } from "vitest";
import {
  bringIntoForce,
  HANDOVER,
  later,
  type Place,
  readTruly,
  seeToBegin,
  UNATTENDED,
} from "../../../src/engine/begin.ts";
import { type Address, address } from "../../../src/machine/address.ts";
import { decodeSlot, encodeSlot, PARAMS, slotOffset } from "../../../src/patch/params.ts";
import type { Process } from "../../../src/target/process.ts";
import { moment, profile, settings, slope } from "./forms.ts";

const PARAMETERS = address(0x7000_0000n);
const MILLISECOND = 1_000_000n;
const LAST = 5n;

/** The target's parameter pages, and how long each of the tool's writes takes (ns). */
const target = { memory: new Uint8Array(PARAMS.size), clock: 0n, took: [] as bigint[] };

vi.mock("../../../src/tracer/execute.ts", () => ({
  writeLive: (_: Process, writes: readonly { address: Address; bytes: Uint8Array }[]) => {
    for (const write of writes) target.memory.set(write.bytes, Number(write.address - PARAMETERS));
    target.clock += target.took.shift() ?? 0n;
  },
}));

afterEach(() => {
  target.memory.fill(0);
  target.clock = 0n;
  target.took = [];
});

function place(index: number): Place {
  return { process: {} as Process, params: PARAMETERS, index, now: () => moment(target.clock) };
}

const wanted = settings(1n, 0n, profile({ tracks: [slope({ num: 1n, den: 2n })] }));

/** Begins so much later than now. */
function begin(margin: bigint) {
  return { ...wanted, profile: later(wanted.profile!, target.clock + margin) };
}

function inForce() {
  const index = target.memory[PARAMS.index]!;
  const slot = slotOffset(index);
  return { index, ...decodeSlot(target.memory.subarray(slot, slot + PARAMS.slotSize)) };
}

it("begins 25 ms from now, in the slot that was idle", () => {
  const { settings: begun, late } = bringIntoForce(place(0), LAST, begin);
  expect(late).toBeUndefined();
  expect(inForce()).toMatchObject({
    index: 1,
    generation: begun.generation,
    profile: { start: moment(HANDOVER) },
  });
  expect(begun.generation).toBeGreaterThan(LAST + 1n);
});

it("is given more time, before it is in force, where writing took too much", () => {
  target.took = [24n * MILLISECOND, 60n * MILLISECOND];
  const { settings: begun, late } = bringIntoForce(place(0), LAST, begin);
  expect(late).toBeUndefined();
  expect(begun.profile.start).toEqual(moment(84n * MILLISECOND + 4n * HANDOVER));
  expect(inForce()).toMatchObject({ index: 1, profile: { start: begun.profile.start } });
  // Each attempt has a number of its own, and so has the slot while it is filled.
  expect(begun.generation).toBeGreaterThanOrEqual(LAST + 6n);
});

it("says how late it was, where the tool lost the processor in between", () => {
  target.took = [0n, HANDOVER + 7n];
  expect(bringIntoForce(place(1), LAST, begin)).toMatchObject({ late: 7n });
  expect(inForce()).toMatchObject({ index: 0 });
});

it("gives up to be early some time, but never to be true", () => {
  target.took = Array.from({ length: 11 }, () => 100_000n * MILLISECOND);
  const { late } = bringIntoForce(place(0), LAST, begin);
  expect(late).toBe(2n * 100_000n * MILLISECOND - HANDOVER * 2n ** 9n);
});

it("reads the true time by settings of its own before, under the same skew", () => {
  const next = readTruly(place(1), wanted, LAST);
  expect(inForce()).toMatchObject({ index: 0, mask: wanted.mask, skewId: wanted.skewId, offset: 0n });
  expect(inForce().profile).toBeUndefined();
  expect(next).toMatchObject({ index: 0, last: inForce().generation });
  bringIntoForce(next, next.last, begin);
  expect(inForce()).toMatchObject({ index: 1, profile: { start: moment(HANDOVER) } });
});

/** As the injection leaves it: slot 1 is in force, and begins by itself. */
function injected(delay = UNATTENDED) {
  const settings = { ...wanted, profile: later(wanted.profile!, delay) };
  target.memory[PARAMS.index] = 1;
  target.memory.set(encodeSlot(settings), slotOffset(1));
  return settings;
}

it("is brought forward after the injection, or to when it was asked for", () => {
  const { settings: soon, late } = seeToBegin(place(1), injected(), 0n);
  expect(late).toBeUndefined();
  expect(inForce()).toMatchObject({
    index: 1,
    generation: soon.generation,
    profile: { start: moment(HANDOVER) },
  });
  const delay = 700n * MILLISECOND;
  seeToBegin(place(1), injected(), delay);
  expect(inForce()).toMatchObject({ index: 1, profile: { start: moment(delay) } });
});

it("is left to begin by itself, where that was asked for, or the tool comes when it is about to, or has begun", () => {
  const far = injected(2n * UNATTENDED);
  expect(seeToBegin(place(1), far, 2n * UNATTENDED)).toEqual({ settings: far, late: undefined });
  const written = injected();
  for (const left of [10n * MILLISECOND, 0n, -1000n * MILLISECOND]) {
    target.clock = UNATTENDED - left;
    expect(seeToBegin(place(1), written, 0n)).toEqual({ settings: written, late: undefined });
    expect(inForce()).toMatchObject({ index: 1, generation: written.generation });
  }
});
