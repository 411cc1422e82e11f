/** However a demonstration ends, nothing of it stays: by examples/support/scene.mjs, with the play of victims/stage.mjs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { source } from "../support/build.ts";
import { playIn } from "../support/examples.ts";
import { temporaryFolder } from "../support/servers/server.ts";
import { waitFor } from "../support/wait.ts";

const STAGE = source("stage.mjs");

/** @param signal sent when the programs run */
async function play(
  how: string,
  { flags = [] as string[], signal = undefined as NodeJS.Signals | undefined } = {},
) {
  await using folder = await temporaryFolder("stage");
  const [json, ready] = [join(folder.path, "play.json"), join(folder.path, "ready")];
  const ended = await playIn(folder.path, [STAGE, "--json", json, ...flags], {
    env: { PLAY: how, READY: ready },
    meanwhile: async (pid) => {
      if (signal === undefined) return;
      await waitFor("the programs", () => existsSync(ready));
      process.kill(pid, signal);
    },
  });
  const played = existsSync(json) ? JSON.parse(readFileSync(json, "utf8")) : undefined;
  return { ...ended, played };
}

describe("a play", () => {
  it("that ends as claimed", async () => {
    const { code, played, stdout } = await play("as claimed");
    expect(code).toBe(0);
    expect(stdout).toContain("✓ The programs run.");
    expect(played).toMatchObject({
      title: "A play & its <end>",
      claims: [{ words: "The programs run.", held: true }],
      timeline: { lanes: [{ name: "parent", events: [{ text: "runs", kind: "info" }] }] },
    });
    expect(played).not.toHaveProperty("failure");
  });

  it.each([
    ["with a failure", "the play has failed"],
    ["with a mistake", "TypeError: "],
    ["with a dead program", "exit code 3) without its word; it said last:\n    last words"],
    ["with a wait in vain", "the impossible: not within 0.1 s"],
    ["with a failing command", "exit code 4\nits words"],
    ["with a refusal", "timeskew inject: "],
  ])("that ends %s", async (how, words) => {
    const { code, played, stderr } = await play(how);
    expect(code).toBe(1);
    expect(stderr).toContain(words);
    expect(played.failure).toContain(words);
  });

  it("that ends with a false claim, or without any", async () => {
    const [wrong, none] = [await play("with a false claim"), await play("without a claim")];
    expect([wrong.code, none.code]).toEqual([1, 1]);
    expect(wrong.stdout).toContain("✗ This is false. (nothing)");
    expect(wrong.played.claims).toHaveLength(2);
  });

  it.each([
    ["SIGINT", 130, "never, and is deaf"],
    ["SIGTERM", 143, "never"],
    ["SIGHUP", 129, "never"],
  ] as const)("that is ended by %s", async (signal, code, how) => {
    const ended = await play(how, { signal });
    expect(ended).toMatchObject({ code, signal: null });
    expect(ended.stderr).toContain(`ended by ${signal}`);
  });

  it("that is killed: the kernel ends its programs, and only its folder is left", async () => {
    await expect(play("never, and is alone", { signal: "SIGKILL" })).rejects.toThrow(
      /left behind: timeskew-example-\w+$/,
    );
  });

  it("that leaves out the skew", async () => {
    const { code, stdout } = await play("with a refusal", { flags: ["--without-skew"] });
    expect(code).toBe(0);
    expect(stdout).toMatch(/\(without skew\) \$ node .*timeskew.js inject --pid \d+ --offset '1 fortnight'/);
  });

  it("whose programs are not installed: which, and in what packages", async () => {
    const { code, stderr, played } = await play("missing");
    expect(code).toBe(77);
    expect(stderr).toBe(
      "not installed: no-such-server, nor-this (Debian: apt-get install a-package another)\n",
    );
    expect(played).toBeUndefined();
  });

  it("with a flag that there is not", async () => {
    const { code, stderr } = await play("as claimed", { flags: ["--wrong"] });
    expect(code).toBe(2);
    expect(stderr).toContain("--without-skew");
  });
});
