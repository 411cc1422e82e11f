import { describe, expect, it } from "vitest";
import {
  doingWords,
  formatSpan,
  nextWords,
  offsetCell,
  profileLines,
  rateCell,
  roundOffset,
} from "../../../../src/cli/report/profile.ts";
import type { RunningProfile } from "../../../../src/types.ts";
import { profile, REALTIME_SKEW } from "../helpers.ts";

const S = 1_000_000_000n;
const doing = (offset: bigint, more: Partial<RunningProfile>) =>
  doingWords({ ...REALTIME_SKEW, offset, profile: profile(more) });

describe("what a clock does", () => {
  it("is a constant's offset, exactly", () => {
    expect(doingWords({ ...REALTIME_SKEW, offset: -600_000_000_001n })).toBe("10m1ns behind");
  });

  it.each([
    [2n * S, { rate: 1.0002 }, "2s ahead, drifting by +200ppm"],
    [-2n * S, { rate: 0.99995 }, "2s behind, drifting by -50ppm"],
    [0n, { rate: 1 + 2e-8 }, "on the true time, drifting by +0.02ppm"],
    [0n, { rate: 1 + 1e-16 }, "on the true time"],
    [0n, { rate: 0 }, "on the true time, standing still"],
    [-1_234_567_890n, { rate: 0.5 }, "1.235s behind, running at 0.5 times the true rate"],
    [0n, { rate: 1.5 }, "on the true time, running at 1.5 times the true rate"],
    [0n, { rate: 1 / 3 }, "on the true time, running at 0.333333 times the true rate"],
    [0n, { rate: -2 }, "on the true time, running backwards at 2 times the true rate"],
    [
      12_345_678n,
      { rate: 1, text: "--jitter 20ms --jitter-every 1s --seed 7" },
      "12.35ms ahead, with a jitter of 20ms",
    ],
    [
      0n,
      { rate: 1, text: "--strobe 200ms --period 1s" },
      "on the true time, going forth and back by 200ms, 1s each",
    ],
    [0n, { rate: 1, text: "--leap insert" }, "on the true time, with a leap second (insert)"],
    [
      0n,
      { rate: 2, text: "--keyframes (12 frames) --repeat" },
      "on the true time, running at 2 times the true rate, along 12 frames",
    ],
    [5n * S, { rate: 1, phase: "waiting" as const }, "5s ahead"],
    [0n, { rate: 1, phase: "paused" as const }, "on the true time, between two turns"],
    [0n, { rate: 1, phase: "ended" as const }, "on the true time, its duration being over"],
  ])("at %s ns, %o: %s", (offset, more, words) => {
    expect(doing(offset, more)).toBe(words);
  });

  it("shows what a target has written into its own profile, and never sends it", () => {
    const evil = "--jitter \u001b[2J --strobe \u202e --period \u0007";
    const skew = { ...REALTIME_SKEW, profile: profile({ text: evil, rate: 1 }) };
    expect(doingWords(skew)).toBe(
      "10m behind, with a jitter of \\x1b[2J, going forth and back by \\u202e, \\x07 each",
    );
    expect(profileLines(skew)).toEqual(["--jitter \\x1b[2J --strobe \\u202e --period \\x07"]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e300])("does not break on a rate of %s", (rate) => {
    expect(doing(0n, { rate })).toMatch(/^on the true time/);
    expect(rateCell(rate)).toMatch(/^×/);
  });
});

describe("what comes next", () => {
  it.each([
    [{ next: undefined }, undefined],
    [{ next: { in: 8n * S, what: "ends" as const } }, "ends in 8s"],
    [{ next: { in: 8n * S, what: "stops" as const } }, "stops in 8s"],
    [{ phase: "waiting" as const, next: { in: 8n * S, what: "starts" as const } }, "starts in 8s"],
    [{ phase: "paused" as const, next: { in: 8n * S, what: "starts" as const } }, "paused, starts in 8s"],
  ])("%o: %s", (more, words) => {
    expect(nextWords(profile(more))).toBe(words);
  });

  it.each([
    [-5n, "0s"],
    [0n, "0s"],
    [400n, "<1ms"],
    [999_999n, "<1ms"],
    [1_499_999n, "1ms"],
    [999_999_999n, "1s"],
    [1_000_000_000n, "1s"],
    [9_949_999_999n, "9.9s"],
    [9_999_999_999n, "10s"],
    [29_990_000_000n, "30s"],
    [90_061n * S, "25h1m1s"],
  ])("%s ns is %s", (ns, text) => {
    expect(formatSpan(ns)).toBe(text);
  });
});

describe("cells", () => {
  it.each([
    [1, "×1"],
    [0, "×0"],
    [2, "×2"],
    [-1, "×-1"],
    [1.005, "+5000ppm"],
    [1.05, "×1.05"],
    [0.995, "-5000ppm"],
    [1.0000000001, "+0.0001ppm"],
    [0.001, "×0.001"],
    [1000, "×1000"],
  ])("a rate of %d is %s", (rate, text) => {
    expect(rateCell(rate)).toBe(text);
  });

  it.each([
    [0n, 0n],
    [7n, 7n],
    [9_999n, 9_999n],
    [12_345n, 12_350n],
    [-12_345n, -12_350n],
    [999_999_999n, 1_000_000_000n],
    [-599_998_812_345n, -599_999_000_000n],
  ])("an offset of %s ns that changes is %s", (ns, rounded) => {
    expect(roundOffset(ns)).toBe(rounded);
  });

  it("rounds no offset that stays as it is", () => {
    expect(offsetCell({ ...REALTIME_SKEW, offset: -599_998_812_345n })).toBe("-9m59.998812345s");
    expect(offsetCell({ ...REALTIME_SKEW, offset: -599_998_812_345n, profile: profile() })).toBe(
      "-9m59.999s",
    );
  });
});
