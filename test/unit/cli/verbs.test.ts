import { describe, expect, it } from "vitest";
import type { World } from "../../../src/cli/world.ts";
import { injected, MONOTONIC_SKEW, profile, REALTIME_SKEW, run } from "./helpers.ts";

/** What the engine was asked for, without the target. */
async function asked(line: string, world: Partial<World> = {}) {
  const { calls, stderr } = await run(`inject --pid 1 ${line}`, {}, world);
  if (calls.length === 0) throw new Error(stderr);
  const { pid: _, ...settings } = calls[0]![1] as { pid: number };
  return settings;
}

/** How it was refused: without the engine. */
async function refused(line: string | string[], world: Partial<World> = {}) {
  const loadEngine = async () => {
    throw new Error("the engine was loaded");
  };
  const words = typeof line === "string" ? line.split(" ") : line;
  const result = await run(["inject", "--pid", "1", ...words], {}, { loadEngine, ...world });
  expect(result).toMatchObject({ code: 2, stdout: "" });
  return result.stderr;
}

const file = (content: string | Uint8Array) => ({
  readFile: () => (typeof content === "string" ? new TextEncoder().encode(content) : content),
});

const unreadable = (code: string) => ({
  readFile: () => {
    throw Object.assign(new Error(`${code}: it went wrong`), { code });
  },
});

describe("verbs: what the engine is asked for", () => {
  it.each([
    ["--at 2038-01-19T03:14:00Z", { at: "2038-01-19T03:14:00Z" }],
    ["--freeze", { freeze: true }],
    ["--offset -10m --drift -50ppm", { offset: "-10m", drift: "-50ppm" }],
    ["--rate 0.5 --drift=200ppm", { rate: "0.5", drift: "200ppm" }],
    ["--slew -5s --over 10m", { slew: "-5s", over: "10m" }],
    [
      "--jitter 20ms --jitter-every 100ms --jitter-glide --seed 7",
      { jitter: "20ms", jitterEvery: "100ms", jitterGlide: true, seed: 7n },
    ],
    ["--strobe -200ms --period 1s", { strobe: "-200ms", period: "1s" }],
    ["--leap insert", { leap: "insert" }],
    [
      "--leap delete --leap-at 2027-01-01T00:00:00Z --smear 24h",
      { leap: "delete", leapAt: "2027-01-01T00:00:00Z", smear: "24h" },
    ],
    [
      "--offset 5m --start-in 30s --duration 10s --every 1m",
      { offset: "5m", startIn: "30s", duration: "10s", every: "1m" },
    ],
  ])("%s", async (line, settings) => {
    expect(await asked(line)).toEqual(settings);
  });

  it("one seed for all targets of a command, a random one too", async () => {
    const seedsOf = async (line: string) => {
      const { calls } = await run(`inject --pid 1,2,3 --jitter 20ms ${line}`);
      return calls.map(([, asked]) => (asked as { seed?: bigint }).seed);
    };
    expect(await seedsOf("--seed 0x10")).toEqual([16n, 16n, 16n]);
    const [first, ...others] = await seedsOf("");
    expect(first).toEqual(expect.any(BigInt));
    expect(others).toEqual([first, first]);
    expect((await seedsOf(""))[0]).not.toBe(first);
  });

  it("together with the flags that are no verbs", async () => {
    expect(await asked("--rate 2 -c realtime --exact --no-waits --allow-backward-monotonic")).toEqual({
      rate: "2",
      clocks: ["CLOCK_REALTIME"],
      exact: true,
      waits: false,
      allowBackwardMonotonic: true,
    });
  });

  it("--dry-run asks for the same", async () => {
    const { calls } = await run("inject --pid 1 --freeze --duration 5s --dry-run");
    expect(calls[0]).toEqual(["planInjection", { pid: 1, freeze: true, duration: "5s" }]);
  });
});

describe("--keyframes", () => {
  it("is read here, and passed on as frames", async () => {
    const paths: [string, number][] = [];
    const readFile = (path: string, atMost: number) => {
      paths.push([path, atMost]);
      return new TextEncoder().encode("\ufeff0s, 0s\n10s, -5m\n");
    };
    expect(await asked("--keyframes course.csv --repeat", { readFile })).toEqual({
      keyframes: [
        { at: 0n, offset: 0n },
        { at: 10_000_000_000n, offset: -300_000_000_000n },
      ],
      repeat: true,
    });
    expect(paths).toEqual([["course.csv", 1_000_001]]);
  });

  it.each([
    ["ENOENT", "there is no such file"],
    ["ENOTDIR", "there is no such file"],
    ["EISDIR", "that is a directory"],
    ["EACCES", "not permitted to read it"],
    ["EIO", "EIO: it went wrong"],
  ])("says that it cannot be read: %s", async (code, reason) => {
    expect(await refused("--keyframes a.csv", unreadable(code))).toBe(
      `timeskew: --keyframes a.csv: ${reason}\n` +
        "  hint: name a CSV file (or a JSON one) with lines such as: 10s, -5m\n",
    );
  });

  it("refuses what is no text, or too much", async () => {
    const binary = file(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe));
    expect(await refused("--keyframes a.out", binary)).toContain(
      "--keyframes a.out: not a text file in UTF-8",
    );
    const huge = file(new Uint8Array(1_000_001));
    expect(await refused("--keyframes huge", huge)).toContain(
      "--keyframes huge: the file has more than 1 MB",
    );
  });

  it("names the line that is wrong, and never sends what is in it to the terminal", async () => {
    const stderr = await refused("--keyframes a.csv", file("0s,0s\n\u001b[2Jten,1s\n"));
    expect(stderr).toMatch(/^timeskew: a\.csv: line 2/);
    expect(stderr).not.toContain("\u001b");
  });
});

describe("verbs: what is refused before any target is looked at", () => {
  it("nothing: names --offset first, and where the others are", async () => {
    const stderr = await refused("-c realtime");
    expect(stderr).toMatch(/^timeskew: --offset is missing: how far is the clock to be moved\?\n/);
    expect(stderr).toContain("`timeskew inject --help` shows what else can be done to it");
  });

  it.each([
    ["--duration 5s", "--duration says when, but not what"],
    ["--over 5m", "--over needs --slew"],
    ["--slew 5s", "--slew needs --over"],
    ["--offset 1s --at @5", "--offset and --at exclude each other"],
    ["--freeze --rate 2", "--freeze and --rate exclude each other"],
    ["--drift 200", "--drift 200 has no unit"],
    ["--leap twice", '--leap "twice": not a kind of leap second'],
    ["--rate --drift 5ppm", "--rate needs a value, but --drift follows"],
    ["--at @5 -c monotonic", "--at needs wall clocks: CLOCK_MONOTONIC"],
    ["--leap insert -c boottime", "--leap needs wall clocks: CLOCK_BOOTTIME"],
    ["--drift 1ppm -c process_cputime_id", "CLOCK_PROCESS_CPUTIME_ID counts time spent computing"],
    ["--offset 1s --wait --dry-run", "--wait and --dry-run exclude each other"],
  ])("%s", async (line, message) => {
    expect(await refused(line)).toContain(`timeskew: ${message}`);
  });

  it.each([
    ["--drfit 5ppm", "unknown option '--drfit'", "did you mean --drift?"],
    ["--offset 1s 200ppm", "unexpected argument '200ppm'", "did you mean --drift 200ppm?"],
    ["--offset 1s 2038-01-19", "unexpected argument '2038-01-19'", "did you mean --at '2038-01-19'?"],
    [
      "--at 2038-01-19 03:14:00",
      "unexpected argument '03:14:00'",
      "a date with a blank in it needs quotes: --at '2038-01-19 03:14:00'",
    ],
  ])("%s: a hint", async (line, message, hint) => {
    expect(await refused(line)).toBe(`timeskew: ${message}\n  hint: ${hint}\n`);
  });
});

describe("undo of a skew that changes by itself", () => {
  const undo = async (line: string, skew: typeof REALTIME_SKEW) => {
    const { stdout } = await run(`inject --pid 1 ${line}`, { inject: async () => injected(1, { skew }) });
    return /undo: (.*)/.exec(stdout)?.[1];
  };
  const moving = { ...MONOTONIC_SKEW, offset: 0n, profile: profile() };
  const BACK = "timeskew recover --pid 1 --allow-backward-monotonic";

  it("permits the step back if a monotonic clock may be ahead by then", async () => {
    expect(await undo("--drift 200ppm -c monotonic", moving)).toBe(BACK);
    expect(await undo("--slew 5s --over 1m -c boottime", moving)).toBe(BACK);
    expect(await undo("--drift -200ppm -c monotonic", moving)).toBe("timeskew recover --pid 1");
    expect(await undo("--drift 200ppm", { ...REALTIME_SKEW, profile: profile() })).toBe(
      "timeskew recover --pid 1",
    );
  });

  it("counts from the skew that was in force", async () => {
    const inject = async () =>
      injected(1, { skew: moving, previous: MONOTONIC_SKEW, action: "updated" as const });
    const { stdout } = await run("inject --pid 1 --drift -1ppm -c monotonic", { inject });
    expect(stdout).toContain(`undo: ${BACK}\n`);
  });
});
