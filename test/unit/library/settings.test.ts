/** What callers may pass, and what a program in JavaScript may get wrong. */
import { describe, expect, test } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { CLOCK_KEYS, readSkew, readStop, VERB_KEYS } from "../../../src/library/settings.ts";
import { readAim, readTargets, SELECTOR_KEYS } from "../../../src/library/targets.ts";
import { startedHere } from "../../../src/library/threads.ts";
import { checkKeys } from "../../../src/library/values.ts";
import { parseVerbs } from "../../../src/skew/verbs.ts";

const SECOND = 1_000_000_000n;

function refusal(act: () => unknown): TimeskewError {
  try {
    act();
  } catch (error) {
    if (error instanceof TimeskewError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("targets", () => {
  test("each selector, single and in lists, each process once", () => {
    const selectors = readTargets({
      pid: [12, { pid: 13 }, 12],
      tree: 14,
      container: ["web", "docker://3f2a91c07d1e"],
      pod: "default/web-0",
      podUid: "1B2C",
      cgroup: "/system.slice/redis.service/",
      user: "www-data",
      comm: "redis-server",
    });
    expect(selectors).toEqual([
      { kind: "pid", pid: 12 },
      { kind: "pid", pid: 13 },
      { kind: "tree", pid: 14 },
      { kind: "container", name: "web" },
      { kind: "container", name: "3f2a91c07d1e" },
      { kind: "pod", namespace: "default", name: "web-0" },
      { kind: "podUid", uid: "1b2c" },
      { kind: "cgroup", path: "/system.slice/redis.service" },
      { kind: "user", user: "www-data" },
      { kind: "comm", comm: "redis-server" },
    ]);
  });

  test.each([
    [{}, "pid is missing"],
    [{ pid: undefined }, "pid is missing"],
    [{ pid: [] }, "pid is missing"],
    [{ pid: "12" }, "12 is not a process"],
    [{ pid: null }, "null is not a process"],
    [{ pid: {} }, "an object is not a process"],
    [{ pid: { pid: undefined } }, "not started"],
    [{ pid: { pid: "12" } }, "12 is not a process"],
    [{ pid: 0 }, "no process can have this id"],
    [{ pid: -1 }, "never negative"],
    [{ pid: 1.5 }, "not a process id"],
    [{ pid: Number.NaN }, "not a process id"],
    [{ pid: 1e21 }, "not a process id"],
    [{ pid: [1, [2]] }, "is not a process"],
    [{ tree: true }, "tree: true is not a process"],
    [{ container: 12 }, "12 is not a text"],
    [{ container: "" }, "a name is missing"],
    [{ pod: "web" }, "not a namespace and a name"],
    [{ comm: "a name with more than 15 bytes" }, "at the most"],
    [{ user: Symbol("ada") }, "is not a text"],
  ])("%o is refused", (o, words) => {
    const error = refusal(() => readTargets(o as never));
    expect(error.code).toBe("E_USAGE");
    expect(error.message).toContain(words);
    expect(error.hint).toBeTruthy();
  });

  test("of those who may be skewed: a skew, everybody, or selectors", () => {
    expect(readAim({ skew: ["3F2A", "00"] })).toEqual({ kind: "skew", ids: ["3f2a", "00"] });
    expect(readAim({ all: true })).toEqual({ kind: "all" });
    expect(readAim({ pid: 1 })).toMatchObject({ kind: "selected" });
    expect(readAim({})).toBeUndefined();
    expect(refusal(() => readAim({ all: true, skew: "3f" })).message).toBe("all and skew exclude each other");
    expect(refusal(() => readAim({ pid: 1, skew: "3f" })).message).toBe("skew and pid exclude each other");
    for (const wrong of [
      { all: false },
      { all: 1 },
      { skew: [] },
      { skew: 3 },
      { skew: "xyz" },
      { pid: [] },
    ]) {
      expect(refusal(() => readAim(wrong)).code).toBe("E_USAGE");
    }
  });

  test("what this thread has started is known by what it has of it", () => {
    expect([...startedHere({ pid: [1, { pid: 2 }, { pid: undefined }, null], tree: { pid: 3 } })]).toEqual([
      2, 3,
    ]);
  });
});

describe("verbs", () => {
  test("numbers, dates, lists and bigints become what the engine reads", () => {
    const settings = readSkew({
      at: new Date("2038-01-19T03:14:07.5Z"),
      rate: 0.5,
      seed: 7,
      jitter: 20_000_000n,
      keyframes: undefined,
      clocks: "monotonic",
      exact: true,
      waits: false,
    });
    expect(settings).toEqual({
      at: "2038-01-19T03:14:07.500Z",
      rate: "0.5",
      seed: "7",
      jitter: 20_000_000n,
      clocks: ["monotonic"],
      exact: true,
      waits: false,
    });
    expect(parseVerbs(settings)).toMatchObject({ at: 2_147_483_647n * SECOND + SECOND / 2n });
  });

  test("key frames: pairs, objects, bigints and the text of a file mean the same", () => {
    const frames = [
      { at: 0n, offset: 0n },
      { at: 60n * SECOND, offset: 250_000_000n },
    ];
    for (const keyframes of [
      [["0s", "0s"], ["1m", "250ms"]], // biome-ignore format: as a caller writes it
      [[0n, 0n], { elapsed: 60n * SECOND, offset: "250ms" }], // biome-ignore format: as above
      "elapsed,offset\n0s,0s\n1m,250ms",
      '[["0s", "0s"], ["1m", "250ms"]]',
    ]) {
      expect(readSkew({ keyframes }).keyframes).toEqual(frames);
    }
  });

  test.each([
    [{}, "offset is missing", "E_USAGE"],
    [{ offset: undefined }, "offset is missing", "E_USAGE"],
    [{ offset: 600 }, "not a duration: 600", "E_USAGE"],
    [{ offset: Number.NaN }, "not a duration: NaN", "E_USAGE"],
    [{ offset: null }, "not a duration: null", "E_USAGE"],
    [{ offset: Symbol("x") }, "not a duration", "E_USAGE"],
    [{ freeze: "yes" }, "freeze is neither true nor false", "E_USAGE"],
    [{ at: new Date(Number.NaN) }, "invalid Date", "E_USAGE"],
    [{ at: 1_795_186_142 }, "is not a text", "E_USAGE"],
    [{ rate: 1e-9 }, "cannot be written out", "E_USAGE"],
    [{ rate: Number.POSITIVE_INFINITY }, "cannot be written out", "E_USAGE"],
    [{ rate: null }, "is not a text", "E_USAGE"],
    [{ drift: 200 }, "drift: 200 is not a text", "E_USAGE"],
    [{ leap: true }, "leap: true is not a text", "E_USAGE"],
    [{ keyframes: 5 }, "neither a list nor a text", "E_USAGE"],
    [{ keyframes: [["0s"]] }, "entry 1", "E_USAGE"],
    [{ keyframes: [] }, "no key frame", "E_USAGE"],
    [{ keyframes: [[0n, 0n], [1n, 5]] }, "entry 2: offset is", "E_USAGE"], // biome-ignore format: one case
    [{ offset: "1s", clocks: 1 }, "clocks: 1 is not a text", "E_USAGE"],
    [{ offset: "1s", exact: 1 }, "exact is neither", "E_USAGE"],
  ])("%o is refused", (o, words, code) => {
    const error = refusal(() => readSkew(o as never));
    expect(error.message).toContain(words);
    expect(error.code).toBe(code);
  });

  test("a number is told its unit", () => {
    expect(refusal(() => readSkew({ offset: -600 })).hint).toContain('did you mean "-600s"?');
  });

  test("the stop timeout has limits", () => {
    expect(readStop({ stopTimeoutMs: 1.5 })).toEqual({ stopTimeoutMs: 1.5 });
    for (const stopTimeoutMs of [0, -1, 600_001, Number.NaN, "1s"]) {
      expect(refusal(() => readStop({ stopTimeoutMs })).code).toBe("E_USAGE");
    }
  });
});

describe("unknown settings", () => {
  const known = [...SELECTOR_KEYS, ...VERB_KEYS, ...CLOCK_KEYS];

  test.each([
    ["ofset", "did you mean offset?"],
    ["pids", "did you mean pid?"],
    ["clock", "did you mean clocks?"],
    ["pod-uid", "did you mean podUid?"],
  ])("%s: %s", (key, hint) => {
    expect(refusal(() => checkKeys({ [key]: 1 }, known, "inject()"))).toMatchObject({
      code: "E_USAGE",
      hint,
    });
  });

  test.each([undefined, null, 1234, "1234"])("%s is no settings", (o) => {
    expect(refusal(() => checkKeys(o, known, "inject()")).code).toBe("E_USAGE");
  });
});
