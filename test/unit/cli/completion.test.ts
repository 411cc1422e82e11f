import { describe, expect, it } from "vitest";
import { wordsOf } from "../../../src/cli/complete.ts";
import { flagsOf, tree } from "../../../src/cli/manual/tree.ts";
import { formatDuration, parseDuration } from "../../../src/skew/duration.ts";
import { parseInstant } from "../../../src/skew/instant.ts";
import { parseDrift, parseRate } from "../../../src/skew/ratio.ts";
import type { StatusRow } from "../../../src/types.ts";
import { Machine } from "../target/select/machine.ts";
import { profile, REALTIME_SKEW, row, run, runJson } from "./helpers.ts";

describe("timeskew completion", () => {
  it.each([
    ["bash", "complete -F _timeskew timeskew"],
    ["zsh", "#compdef timeskew"],
    ["fish", "complete -c timeskew"],
  ])("%s", async (shell, line) => {
    const { code, stdout, stderr, calls } = await run(`completion ${shell}`);
    expect({ code, stderr, calls }).toEqual({ code: 0, stderr: "", calls: [] });
    expect(stdout.split("\n").some((each) => each.startsWith(line))).toBe(true);
    expect((await run(`completion ${shell} -q`)).stdout).toBe(stdout);
    const { report } = await runJson(`completion ${shell}`);
    expect(report).toEqual({
      ...{ schemaVersion: 1, command: "completion", ok: true, targets: [] },
      ...{ shell, script: stdout },
    });
  });

  it.each([
    ["completion", "a shell is missing: bash, zsh or fish", "for example timeskew completion bash"],
    ["completion bsh", "unknown shell 'bsh'", "did you mean bash?"],
    ["completion tcsh", "unknown shell 'tcsh'", "there are scripts for bash, zsh and fish"],
    ["completion bash zsh", "unexpected argument 'zsh'", "`timeskew completion --help` shows examples"],
  ])("%s", async (line, message, hint) => {
    const { code, stdout, stderr } = await run(line);
    expect({ code, stdout, stderr }).toEqual({
      ...{ code: 2, stdout: "" },
      stderr: `timeskew: ${message}\n  hint: ${hint}\n`,
    });
  });
});

describe("examples of values", () => {
  const examples = (units: number) =>
    tree()
      .commands.flatMap(flagsOf)
      .flatMap(({ takes, placeholder }) =>
        takes?.kind === "text" && takes.units.length === units ? [{ ...takes, placeholder }] : [],
      );

  it("of durations are durations, with every unit", () => {
    const durations = examples(7);
    expect(durations.length).toBeGreaterThan(10);
    for (const { examples, units } of durations) {
      for (const text of examples) expect(() => parseDuration(text)).not.toThrow();
      for (const unit of units) expect(formatDuration(parseDuration(`1${unit}`))).not.toBe("0s");
    }
  });

  it.each([
    ["<TIME>", parseInstant],
    ["<FACTOR>", parseRate],
    ["<RATE>", parseDrift],
    ["<NUMBER>", BigInt],
    ["<COLUMNS>", BigInt],
  ])("of %s can be read", (placeholder, parse) => {
    const found = [...examples(0), ...examples(3)].filter((each) => each.placeholder === placeholder);
    expect(found.length).toBeGreaterThan(0);
    for (const { examples } of found) for (const text of examples) expect(() => parse(text)).not.toThrow();
  });
});

describe("what a machine has", () => {
  const world = (rows: StatusRow[] = []) => ({
    loadEngine: async () => ({ status: async () => ({ rows, unreadable: [], examined: 9 }) }) as never,
  });

  it("processes, by pid and by name: all that have a clock, but us", async () => {
    await using machine = new Machine();
    machine.add({ pid: 40, command: "redis-server" });
    machine.add({ pid: 41, command: "nginx" });
    machine.add({ pid: 42, command: "nginx" });
    machine.add({ pid: 43, command: "kworker/0:1", kernel: true });
    machine.add({ pid: 44, command: "gone", state: "Z" });
    expect(await wordsOf("pid", world(), machine.host)).toEqual([
      ["1", "init"],
      ["40", "redis-server"],
      ["41", "nginx"],
      ["42", "nginx"],
    ]);
    expect(await wordsOf("comm", world(), machine.host)).toEqual([
      ["init", "1 process"],
      ["nginx", "2 processes"],
      ["redis-server", "1 process"],
    ]);
  });

  it("nothing that a shell or a terminal would take for something else", async () => {
    await using machine = new Machine();
    machine.add({ pid: 40, command: "a\tb" });
    machine.add({ pid: 41, command: "\u001b[2J" });
    expect(await wordsOf("comm", world(), machine.host)).toEqual([["init", "1 process"]]);
    expect(await wordsOf("pid", world(), machine.host)).toEqual([
      ["1", "init"],
      ["40", "a\\tb"],
      ["41", "\\x1b[2J"],
    ]);
  });

  it("cgroups, and those above them", async () => {
    await using machine = new Machine();
    machine.add({ pid: 40, cgroup: "/system.slice/redis.service" });
    machine.add({ pid: 41, cgroup: "/system.slice/web.service" });
    machine.add({ pid: 42, cgroup: "/../elsewhere" });
    expect(await wordsOf("cgroup", world(), machine.host)).toEqual([
      ["/init.scope", "1 process"],
      ["/system.slice", "2 processes"],
      ["/system.slice/redis.service", "1 process"],
      ["/system.slice/web.service", "1 process"],
    ]);
  });

  it("skews, each once, and who has them", async () => {
    const rows = [
      row(40),
      row(41, { command: "worker" }),
      row(42, { skew: { ...REALTIME_SKEW, id: "00000000000000ff", profile: profile() } }),
      row(43, { skew: undefined, state: "damaged" as StatusRow["state"] }),
    ];
    await using machine = new Machine();
    expect(await wordsOf("skew", world(rows), machine.host)).toEqual([
      [REALTIME_SKEW.id, "10m behind: redis-server (pid 40) and 1 more"],
      ["00000000000000ff", "--drift 200ppm: redis-server (pid 42)"],
    ]);
    expect(await wordsOf("skewedPid", world(rows), machine.host)).toEqual([
      ["40", "redis-server, 10m behind"],
      ["41", "worker, 10m behind"],
      ["42", "redis-server, --drift 200ppm"],
    ]);
    expect(await wordsOf("skewedPid", world(), machine.host)).toEqual([["1", "init"]]);
  });

  it("no other kind", async () => {
    await expect(wordsOf("constructor", world())).rejects.toMatchObject({ code: "E_USAGE" });
    expect(await run("__complete nothing")).toMatchObject({ code: 2, stdout: "" });
  });
});
