/**
 * Settings that come into force in several processes at one moment, on a machine that lets the tool run when it sees fit.
 */
import { afterEach, expect, it, vi } from "vitest";
import { bringTogether, type Free, type Party } from "../../../src/engine/together.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { type Address, address } from "../../../src/machine/address.ts";
import { decodeSlot, PARAMS, slotOffset } from "../../../src/patch/params.ts";
import type { Start } from "../../../src/skew/profile.ts";
import type { Process } from "../../../src/target/process.ts";
import { moment, profile, settings, slope } from "./forms.ts";

const PARAMETERS = address(0x7000_0000n);
const MILLISECOND = 1_000_000n;

/** The parameter pages of each process, the time, and what each write does besides: it takes so long, or fails. */
const machine = {
  memories: new Map<number, Uint8Array>(),
  clock: 0n,
  onWrite: (_pid: number, _what: "fill" | "flip"): bigint => 0n,
};

vi.mock("../../../src/tracer/execute.ts", () => ({
  writeLive: ({ pid }: Process, writes: readonly { address: Address; bytes: Uint8Array }[]) => {
    const isFlip = writes.at(-1)!.address - PARAMETERS === BigInt(PARAMS.index);
    machine.clock += machine.onWrite(pid, isFlip ? "flip" : "fill");
    for (const write of writes) {
      machine.memories.get(pid)!.set(write.bytes, Number(write.address - PARAMETERS));
    }
  },
}));

afterEach(() => {
  machine.memories.clear();
  machine.clock = 0n;
  machine.onWrite = () => 0n;
});

const wanted = settings(1n, 0n, profile({ tracks: [slope({ num: 1n, den: 2n })] }));

function party(pid: number, ahead = 0n): Party {
  machine.memories.set(pid, new Uint8Array(PARAMS.size));
  const place: Free = {
    process: { pid } as Process,
    params: PARAMETERS,
    index: 0,
    now: () => moment(machine.clock + ahead),
    last: 5n,
  };
  return {
    place,
    settingsAt: (due) => ({ ...wanted, profile: { ...wanted.profile!, start: shifted(due, ahead) } }),
  };
}

function shifted(due: Start, by: bigint): Start {
  const each = Object.entries(due).map(([family, time]) => [family, time + by]);
  return Object.fromEntries(each) as Start;
}

const now = () => moment(machine.clock);
/** As soon as all is written. */
const soon = (margin: bigint) => moment(machine.clock + margin);

function inForce(pid: number) {
  const memory = machine.memories.get(pid)!;
  const index = memory[PARAMS.index]!;
  const slot = slotOffset(index);
  return { index, ...decodeSlot(memory.subarray(slot, slot + PARAMS.slotSize)) };
}

it("begins in all at the same moment, by each one's clocks, when all are written", () => {
  const order: string[] = [];
  machine.onWrite = (pid, what) => {
    order.push(`${what} ${pid}`);
    return 100_000n;
  };
  const parties = [party(5), party(6, 7n), party(7)];
  const { due, outcomes } = bringTogether(parties, soon, now);
  expect(order).toEqual(["fill 5", "fill 6", "fill 7", "flip 5", "flip 6", "flip 7"]);
  for (const [i, ahead] of [0n, 7n, 0n].entries()) {
    expect(inForce(5 + i)).toMatchObject({ index: 1, profile: { start: shifted(due, ahead) } });
    expect(outcomes.get(parties[i]!)).toMatchObject({ late: undefined, place: { index: 1 } });
  }
  expect(due.monotonic).toBeGreaterThan(now().monotonic);
});

it("gives all of them more time if writing took too much, and none is in force before", () => {
  let fills = 0;
  const begun: number[] = [];
  machine.onWrite = (pid, what) => {
    if (what === "flip") begun.push(pid);
    return what === "fill" && fills++ < 2 ? 30n * MILLISECOND : 0n;
  };
  const parties = [party(5), party(6)];
  const { due, outcomes } = bringTogether(parties, soon, now);
  expect([fills, begun]).toEqual([4, [5, 6]]);
  expect(due).toEqual(moment(60n * MILLISECOND + 2n * (25n + 2n) * MILLISECOND));
  expect([...outcomes.values()]).toMatchObject([{ late: undefined }, { late: undefined }]);
});

it("never uses a generation twice, however often it is tried", () => {
  const seen = new Set<bigint>();
  let tries = 0;
  const one = party(5);
  machine.onWrite = (_, what) => {
    if (what === "fill" && tries++ > 0)
      seen.add(decodeSlot(machine.memories.get(5)!.subarray(slotOffset(1))).generation);
    return what === "fill" && tries < 4 ? 1000n * MILLISECOND : 0n;
  };
  bringTogether([one], soon, now);
  expect(seen.size).toBe(tries - 1);
  expect(inForce(5).generation).toBeGreaterThan([...seen].at(-1)!);
});

it("says of each how late it came, where the tool lost the processor in between", () => {
  machine.onWrite = (pid, what) => (what === "flip" && pid === 6 ? 100n * MILLISECOND : 0n);
  const [one, two, three] = [party(5), party(6), party(7)];
  const { outcomes } = bringTogether([one, two, three], soon, now);
  const late = 100n * MILLISECOND - (25n + 3n) * MILLISECOND;
  expect(outcomes.get(one)).toMatchObject({ late: undefined });
  expect(outcomes.get(two)).toMatchObject({ late });
  expect(outcomes.get(three)).toMatchObject({ late });
});

it("comes late for a moment that is fixed, and does not try in vain to be early", () => {
  let fills = 0;
  machine.onWrite = (_, what) => {
    if (what === "fill") fills++;
    return 0n;
  };
  machine.clock = 9n * MILLISECOND;
  const fixed = moment(2n * MILLISECOND);
  const one = party(5);
  expect(bringTogether([one], () => fixed, now).outcomes.get(one)).toMatchObject({ late: 7n * MILLISECOND });
  expect(fills).toBe(1);
});

it.each(["fill", "flip"] as const)("goes on with the others if one is gone at its %s", (when) => {
  const gone = new TimeskewError("E_GONE", "pid 6 ended", { pid: 6 });
  machine.onWrite = (pid, what) => {
    if (pid === 6 && what === when) throw gone;
    return 0n;
  };
  const [one, two, three] = [party(5), party(6), party(7)];
  const { outcomes } = bringTogether([one, two, three], soon, now);
  expect(outcomes.get(two)).toBe(gone);
  expect(inForce(6).index).toBe(0);
  for (const each of [one, three]) expect(outcomes.get(each)).toMatchObject({ late: undefined });
});

it("does not hide a defect", () => {
  machine.onWrite = () => {
    throw new TypeError("x is not a function");
  };
  expect(() => bringTogether([party(5)], soon, now)).toThrow(TypeError);
});
