/** The page of limits, examples/limits: each is as described there, and none is without a skew. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { LIMITS } from "../../examples/limits/limits.mjs";
import { EXAMPLES, playIn, whoIsIn } from "../support/examples.ts";
import { temporaryFolder } from "../support/servers/server.ts";
import { waitFor } from "../support/wait.ts";

const RUN = join(EXAMPLES, "limits/run.mjs");
/** What it ends with if nothing could be tried. */
const NOT_TRIED = 77;

interface Outcome {
  readonly name: string;
  readonly seen: string;
  readonly verdict: string;
  readonly transcript: readonly string[];
}

/** Skipped, with its reason, where it cannot be tried. */
async function look(context: TestContext, name: string, ...flags: string[]) {
  await using folder = await temporaryFolder("limits");
  const { code, stdout, stderr } = await playIn(folder.path, [RUN, "--json", ...flags, name]);
  expect(stderr).toBe("");
  const { limits } = JSON.parse(stdout) as { limits: Outcome[] };
  expect(limits).toHaveLength(1);
  const outcome = limits[0]!;
  if (code === NOT_TRIED) context.skip(outcome.seen);
  return { code, ...outcome };
}

const NAMES = LIMITS.map(({ name }) => name);

describe.each(NAMES)("%s", (name) => {
  it("is as described", async (context) => {
    const { code, seen, verdict, transcript } = await look(context, name);
    expect({ verdict, seen }).toEqual({ verdict: "as described", seen });
    expect(transcript.join("\n")).toMatch(/^\$ timeskew /m);
    expect(code).toBe(0);
  });

  it("is not to be seen without a skew", async (context) => {
    const { code, verdict, transcript } = await look(context, name, "--without-skew");
    expect(verdict).toBe("NOT as described");
    expect(transcript.join("\n")).not.toMatch(/^timeskew: /m);
    expect(code).toBe(1);
  });
});

describe("the programs", () => {
  const only32 = process.arch === "x64" ? [] : ["int80.c"];
  const sources = readdirSync(join(EXAMPLES, "limits")).filter(
    (name) => name.endsWith(".c") && !only32.includes(name),
  );

  it.each(sources)("%s compiles without a warning", async (source) => {
    const machine = source === "int80.c" ? ["-m32", "-ffreestanding"] : [];
    const args = ["-O2", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", ...machine, source];
    const { status, stderr } = spawnSync("cc", args, { cwd: join(EXAMPLES, "limits"), encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});

describe("the run", () => {
  it.each([
    ["a limit that there is not", "gravity", "no such limit: gravity"],
    ["a flag that there is not", "--lift", "Unknown option '--lift'"],
  ])("is refused for %s", async (_, word, message) => {
    await using folder = await temporaryFolder("limits");
    const { code, stdout, stderr } = await playIn(folder.path, [RUN, word]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`limits: ${message}`);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("that is ended by %s leaves nothing behind", async (signal, expected) => {
    await using folder = await temporaryFolder("limits");
    const { code, signal: killed } = await playIn(folder.path, [RUN, "started-later", "wait-under-way"], {
      meanwhile: async (pid) => {
        await waitFor("a program", () => whoIsIn(join(folder.path, "tmp")).length > 1);
        process.kill(pid, signal);
      },
    });
    expect({ code, killed }).toEqual({ code: expected, killed: null });
  });

  it("says which package is missing", async () => {
    await using folder = await temporaryFolder("limits");
    const { code, stdout } = await playIn(folder.path, [RUN, "--json", "rdtsc"], { env: { PATH: "/none" } });
    expect(code).toBe(NOT_TRIED);
    expect(JSON.parse(stdout)).toMatchObject({
      limits: [{ verdict: "skipped", seen: "cc not installed: apt-get install gcc libc6-dev" }],
    });
  });
});
