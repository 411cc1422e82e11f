/**
 * Every change from one skew to another: refused exactly if it takes a clock back that no kernel takes back.
 */
import { describe, expect, it } from "vitest";
import {
  type Applied,
  monotoneIn,
  NONE,
  refuseBackward,
  refuseBackwardShape,
} from "../../../src/engine/monotonic.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { CLOCKS, type ClockName, clockOf, expandClocks } from "../../../src/skew/clock.ts";
import { frames, profile, slope } from "./forms.ts";

const MONOTONIC: readonly ClockName[] = [
  "CLOCK_MONOTONIC",
  "CLOCK_MONOTONIC_RAW",
  "CLOCK_MONOTONIC_COARSE",
  "CLOCK_BOOTTIME",
  "CLOCK_BOOTTIME_ALARM",
];
const OFFSETS = [-5n, -1n, 0n, 1n, 5n];

function by(mask: bigint, offset: bigint): Applied {
  return { isSkewed: true, offsetOf: ({ bit }) => (mask & bit ? offset : 0n) };
}

function on(name: ClockName, offset: bigint): Applied {
  return by(1n << BigInt(clockOf(name).id), offset);
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
  const both = (offset: bigint) => by(0b10000010n, offset);
  expect(refusal(on("CLOCK_BOOTTIME", 9n), both(10n))).toBeUndefined();
  expect(refusal(by(0b10000000n, 9n), both(8n))?.message).toContain("CLOCK_BOOTTIME");
});

it("guards what follows CLOCK_MONOTONIC, but not the wall clocks", () => {
  const { mask } = expandClocks(["CLOCK_REALTIME"], { exact: false });
  expect(refusal(NONE, by(mask, -600n))).toBeUndefined();
  const { mask: boot } = expandClocks(["CLOCK_MONOTONIC"], { exact: false });
  expect(refusal(NONE, by(boot, -600n))?.message).toContain("CLOCK_MONOTONIC");
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

it("names another way, if there is one", () => {
  const refused = () => refuseBackward(7, on("CLOCK_MONOTONIC", 1n), NONE, "use --glide");
  expect(refused).toThrow(
    expect.objectContaining({
      hint: "use --glide, or add --allow-backward-monotonic if that is what you want to test",
    }),
  );
});

describe("a profile", () => {
  const { mask } = expandClocks(["CLOCK_MONOTONIC"], { exact: false });
  const shape = (num: bigint) => ({ base: 0n, profile: profile({ tracks: [slope({ num, den: 1000n })] }) });

  it.each([
    [-1001n, true],
    [-1000n, false],
    [1000n, false],
  ])("whose offset falls by %i thousandths is refused on clocks that never go back: %s", (num, expected) => {
    const refused = (bits: bigint) => () => refuseBackwardShape(7, NONE, bits, shape(num));
    if (expected) expect(refused(mask)).toThrow(TimeskewError);
    else expect(refused(mask)).not.toThrow();
    expect(refused(expandClocks(["CLOCK_REALTIME"], { exact: false }).mask)).not.toThrow();
  });

  it("says why, and what to use instead", () => {
    const refused = (from: Applied) => () => refuseBackwardShape(7, from, mask, shape(-2000n));
    expect(refused(NONE)).toThrow(
      expect.objectContaining({
        code: "E_BACKWARD_MONOTONIC",
        targetState: "untouched",
        message: expect.stringMatching(/^CLOCK_MONOTONIC of pid 7 would go back, .*: it would run backwards/),
        hint: expect.stringMatching(/; or add --allow-backward-monotonic if/),
      }),
    );
    expect(refused(on("CLOCK_MONOTONIC", 1n))).toThrow(expect.objectContaining({ targetState: "skewed" }));
  });

  it("is judged before its beginning: what is to be done about it may change that", () => {
    const noise = { amplitude: 10n ** 9n, every: 10n ** 9n, glides: false };
    const refused = (seed: bigint) => () =>
      refuseBackwardShape(7, NONE, mask, { base: 0n, profile: profile({ noise: { ...noise, seed } }) });
    for (const seed of [1n, 2n, 3n, 4n]) {
      expect(refused(seed)).toThrow(
        expect.objectContaining({ hint: expect.stringMatching(/^add --jitter-glide/) }),
      );
    }
  });

  it("is refused for where it begins", () => {
    expect(() => refuseBackwardShape(7, NONE, mask, { base: -5n, profile: profile() })).toThrow(
      "back by 5ns",
    );
    const back = profile({ tracks: [frames({ 0: -6n })] });
    expect(() => refuseBackwardShape(7, NONE, mask, { base: 0n, profile: back })).toThrow("back by 6ns");
    expect(() => refuseBackwardShape(7, NONE, mask, { base: 6n, profile: back })).not.toThrow();
  });

  it("is looked at on each of them: a track may be for one alone", () => {
    const tracks = [slope({ num: -2n, den: 1n }, 1n << 7n)];
    const refused = (bits: bigint) => () =>
      refuseBackwardShape(7, NONE, bits, { base: 0n, profile: profile({ tracks }) });
    expect(refused(mask)).toThrow("CLOCK_BOOTTIME of pid 7");
    expect(refused(0b10n)).not.toThrow();
  });

  it("is no matter to the clocks of CPU time, and of the wall", () => {
    expect(monotoneIn(2n ** 64n - 1n).map(({ name }) => name)).toEqual(
      MONOTONIC.toSorted((a, b) => clockOf(a).id - clockOf(b).id),
    );
  });
});
