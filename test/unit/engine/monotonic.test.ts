/**
 * Every change from one skew to another: refused exactly if it takes a clock back that no kernel takes back.
 */
import { describe, expect, it } from "vitest";
import { type Applied, refuseBackward } from "../../../src/engine/monotonic.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { CLOCKS, type ClockName, clockOf, expandClocks } from "../../../src/skew/clock.ts";

const NONE: Applied = { mask: 0n, offset: 0n };
const MONOTONIC: readonly ClockName[] = [
  "CLOCK_MONOTONIC",
  "CLOCK_MONOTONIC_RAW",
  "CLOCK_MONOTONIC_COARSE",
  "CLOCK_BOOTTIME",
  "CLOCK_BOOTTIME_ALARM",
];
const OFFSETS = [-5n, -1n, 0n, 1n, 5n];

function on(name: ClockName, offset: bigint): Applied {
  return { mask: 1n << BigInt(clockOf(name).id), offset };
}

function refusal(from: Applied, to: Applied): TimeskewError | undefined {
  try {
    refuseBackward(7, from, to);
  } catch (error) {
    if (error instanceof TimeskewError) return error;
    throw error;
  }
  return undefined;
}

describe.each(CLOCKS.map(({ name }) => name))("%s", (name) => {
  const guarded = MONOTONIC.includes(name);

  it.each(OFFSETS)("from no skew to %i ns, and back", (offset) => {
    expect(refusal(NONE, on(name, offset)) !== undefined).toBe(guarded && offset < 0n);
    expect(refusal(on(name, offset), NONE) !== undefined).toBe(guarded && offset > 0n);
  });

  it.each(OFFSETS.flatMap((from) => OFFSETS.map((to) => [from, to] as const)))(
    "from %i to %i ns",
    (from, to) => {
      expect(refusal(on(name, from), on(name, to)) !== undefined).toBe(guarded && to < from);
    },
  );
});

it("counts an offset on the selected clocks only", () => {
  expect(refusal(on("CLOCK_REALTIME", 5n), on("CLOCK_MONOTONIC", 0n))).toBeUndefined();
  expect(refusal(on("CLOCK_MONOTONIC", 5n), on("CLOCK_REALTIME", 100n))?.message).toContain(
    "CLOCK_MONOTONIC",
  );
  expect(refusal(on("CLOCK_MONOTONIC", 5n), on("CLOCK_BOOTTIME", 100n))?.message).toContain(
    "CLOCK_MONOTONIC",
  );
  expect(refusal(on("CLOCK_MONOTONIC", -5n), on("CLOCK_REALTIME", -100n))).toBeUndefined();
});

it("looks at every clock: one that goes on does not excuse one that goes back", () => {
  const both = (offset: bigint) => ({ mask: 0b10000010n, offset });
  expect(refusal(on("CLOCK_BOOTTIME", 9n), both(10n))).toBeUndefined();
  expect(refusal({ mask: 0b10000000n, offset: 9n }, both(8n))?.message).toContain("CLOCK_BOOTTIME");
});

it("guards what follows CLOCK_MONOTONIC, but not the wall clocks", () => {
  const { mask } = expandClocks(["CLOCK_REALTIME"], { exact: false });
  expect(refusal(NONE, { mask, offset: -600n })).toBeUndefined();
  const { mask: boot } = expandClocks(["CLOCK_MONOTONIC"], { exact: false });
  expect(refusal(NONE, { mask: boot, offset: -600n })?.message).toContain("CLOCK_MONOTONIC");
});

it("says by how much, what that does to programs, and how to do it all the same", () => {
  expect(refusal(NONE, on("CLOCK_MONOTONIC", -90_000_000_001n))).toMatchObject({
    code: "E_BACKWARD_MONOTONIC",
    exitCode: 2,
    pid: 7,
    targetState: "untouched",
    message:
      "this would take CLOCK_MONOTONIC of pid 7 back by 1m30.000000001s, which no kernel does; programs abort or hang on it",
    hint: "add --allow-backward-monotonic if that is what you want to test",
  });
  expect(refusal(on("CLOCK_MONOTONIC", 1n), NONE)?.targetState).toBe("skewed");
});
