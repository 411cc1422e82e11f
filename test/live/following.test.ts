/**
 * Processes that are followed, by a process of its own: all that they start is seen before its first instruction, and
 * nothing else about them changes. Killed at any moment, their follower killed at any moment.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { expectFree, type Following, startFollowing, tracers } from "../support/following.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { snapshot, state, statusOf, threads } from "../support/proc.ts";
import { BROOD, GATE, I386, THRONG } from "../support/recipes.ts";
import { startTracer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -600_123_456_789n;
/** Lives of a follower that is killed. */
const KILLS = 8;

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

interface Brood {
  true: number;
  skewed: number;
  wrong: number;
  killed: number;
}

const startBrood = async () => Dialog.greeted([await build(BROOD), String(SKEW)]);
const raise = (brood: Dialog, kind: string, count: number) => brood.askJson<Brood>(`${kind} ${count}`);

describe("what is followed", () => {
  test("is all threads of a process, until the follower lets go", async (context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using throng = await Dialog.greeted([await build(THRONG), "8", "2"]);
    const { pid } = throng;
    const untouched = snapshot(pid);
    expect(await following.followed(pid)).toBe(false);
    expect(await following.add(pid)).toBe(9);
    expect(await following.followed(pid)).toBe(true);
    expect(await following.add(pid)).toBe(0);
    expect(tracers(pid).size).toBe(1);
    expect(tracers(pid)).not.toContain("0");
    await following.end();
    expect(snapshot(pid)).toEqual(untouched);
    await expectFree(pid);
  });
});

/** A thread that calls execve waits for all others of its process to be buried, and holds a lock that a seizure needs. */
test.for(["thread", "fork", "vfork"])(
  "is whatever a process is just about to do: %s",
  async (kind, context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using brood = await startBrood();
    for (let snatched = 0; snatched < 100; ) {
      const raised = raise(brood, kind, 100);
      raised.catch(() => {}); // of a brood that is ended because the line below has failed
      snatched += await following.snatch(brood.pid, 300);
      expect(await raised).toEqual({ true: 100, skewed: 0, wrong: 0, killed: 0 });
    }
  },
);

const KINDS = ["fork", "vfork", "spawn", "thread"] as const;

describe("a new program", () => {
  test.for(KINDS)("is held before its first instruction: %s", async (kind, context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using brood = await startBrood();
    await following.add(brood.pid);
    expect(await raise(brood, kind, 20)).toEqual({ true: 20, skewed: 0, wrong: 0, killed: 0 });
    expect((await following.log()).held.map(([, why]) => why)).toEqual(Array(20).fill("exec"));
    await following.policy("inject");
    expect(await raise(brood, kind, 250)).toEqual({ true: 0, skewed: 250, wrong: 0, killed: 0 });
    expect(await following.log()).toMatchObject({ failures: [], empty: 0 });
  });

  test("and 1,000 of them, one after the other and eight at the same time", async (context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using brood = await startBrood();
    await following.add(brood.pid);
    await following.inject(brood.pid);
    await following.policy("inject");
    for (const [kind, times] of [
      ["fork", 600],
      ["vfork", 400],
      ["forked", 1000],
    ] as const) {
      expect(await raise(brood, kind, times)).toEqual({ true: 0, skewed: times, wrong: 0, killed: 0 });
    }
    expect(await following.log()).toMatchObject({ failures: [], empty: 0 });
  });

  test("is let go, or ended, only when the tool says so", async (context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using shell = await Dialog.start([
      "sh",
      "-c",
      "read line; sh -c 'exit 5'; echo $?; exec sh -c 'exit 6'",
    ]);
    const held = () => waitFor("a new program", async () => (await following.log()).held[0]?.[0]);
    await following.policy("keep");
    await following.add(shell.pid);
    shell.tell("");
    const child = await held();
    expect(child).not.toBe(shell.pid);
    expect(state(child)).toBe("t");
    await following.exit(child, 77);
    expect(await shell.line()).toBe("77");
    expect(await held()).toBe(shell.pid);
    await following.go(shell.pid);
    expect(await shell.ending()).toEqual({ code: 6, signal: null });
    await following.go(shell.pid);
    await following.exit(shell.pid, 1);
    await waitFor("the news that nobody is left", async () => (await following.log()).empty === 1);
  });

  test("is killed while it is held, or starting, and its parent hears of that", async (context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using brood = await startBrood();
    await following.add(brood.pid);
    await following.policy("inject");
    const { true: unskewed, skewed, wrong, killed } = await raise(brood, "shot", 400);
    expect({ unskewed, wrong, all: skewed + killed }).toEqual({ unskewed: 0, wrong: 0, all: 400 });
    expect(killed).toBeGreaterThan(0);
    expect(await raise(brood, "fork", 10)).toMatchObject({ skewed: 10 });
  });

  test("which is a 32-bit one ends with the exit code that it is told", async (context) => {
    need(context);
    const program = await build(I386).catch(() =>
      context.skip("needs a compiler for 32-bit programs: gcc -m32"),
    );
    await using following = await startFollowing(SKEW);
    await using shell = await Dialog.start(["sh", "-c", `read line; ${program}; echo $?`]);
    await following.policy("keep");
    await following.add(shell.pid);
    shell.tell("");
    const child = await waitFor("a new program", async () => (await following.log()).held[0]?.[0]);
    await following.exit(child, 5);
    expect(await shell.line()).toBe("5");
  });
});

describe("the follower is killed at any moment", () => {
  test.for(KINDS)("and what was held runs on: %s", async (kind, context) => {
    need(context);
    await using brood = await startBrood();
    for (let life = 0; life < KILLS; life++) {
      await using following = await startFollowing(SKEW);
      await following.policy("inject");
      await following.add(brood.pid);
      const raised = raise(brood, kind, 100);
      raised.catch(() => {}); // of a brood that is ended because the line below has failed
      await sleep(Math.random() * 200);
      process.kill(following.pid, "SIGKILL");
      await following.dialog.ending();
      const { true: unskewed, skewed, wrong, killed } = await raised;
      expect({ all: unskewed + skewed, wrong, killed }).toEqual({ all: 100, wrong: 0, killed: 0 });
      await expectFree(brood.pid);
    }
  });
});

describe("the gate", () => {
  const start = async (program: string) => {
    const shell = await Dialog.start(["sh", "-c", `read line; exec ${program}`]);
    const { stdout } = await promisify(execFile)("nm", [program.split(" ")[0]!]);
    return { shell, gate: BigInt(`0x${/^([0-9a-f]+) . gate$/m.exec(stdout)![1]}`) };
  };
  const heldAs = (following: Following, why: string) =>
    waitFor(`a process to be held: ${why}`, async () => (await following.log()).held[0]?.[1] === why);

  test("holds a program once more, where its own system call returns to", async (context) => {
    need(context);
    needPrograms(context, "nm");
    await using following = await startFollowing(SKEW);
    const { shell, gate } = await start(`${await build(GATE)} early`);
    await using _ = shell;
    await following.policy("keep");
    await following.add(shell.pid);
    shell.tell("");
    await heldAs(following, "exec");
    await following.go(shell.pid, gate);
    await heldAs(following, "loaded");
    const place = () => readFileSync(`/proc/${shell.pid}/syscall`, "utf8").trim().split(" ").at(-1);
    expect(place()).toBe(`0x${gate.toString(16)}`);
    expect(await following.inject(shell.pid)).toBe("injected");
    expect(place()).toBe(`0x${gate.toString(16)}`);
    expect(state(shell.pid)).toBe("t");
    await following.go(shell.pid);
    expect(await shell.ending()).toEqual({ code: 9, signal: null });
  });

  test("is given up where it is not reached", async (context) => {
    need(context);
    needPrograms(context, "nm");
    await using following = await startFollowing(SKEW);
    const { shell, gate } = await start(await build(GATE));
    await using _ = shell;
    await following.policy("keep");
    await following.add(shell.pid);
    shell.tell("");
    await heldAs(following, "exec");
    await following.go(shell.pid, gate);
    expect(await shell.ending()).toEqual({ code: 9, signal: null });
    expect((await following.log()).held).toEqual([]);
  });

  test("and whoever is on the way there is stopped, continued, killed as ever, and may become another program", async (context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using shell = await Dialog.start([
      "sh",
      "-c",
      "read line; exec sh -c 'read line; kill -STOP $$; exec sh'",
    ]);
    await following.policy("keep");
    await following.add(shell.pid);
    shell.tell("");
    await heldAs(following, "exec");
    await following.go(shell.pid, 0x1000n);
    shell.tell("");
    await waitFor("the stop", () => statusOf(String(shell.pid)).get("State")!.startsWith("t"));
    expect(await following.inject(shell.pid)).toBe("injected");
    expect((await following.log()).held).toEqual([]);
    process.kill(shell.pid, "SIGCONT");
    await heldAs(following, "exec");
    await following.go(shell.pid, 0x1000n);
    process.kill(shell.pid, "SIGTERM");
    expect(await shell.ending()).toEqual({ code: null, signal: "SIGTERM" });
  });
});

describe("refused", () => {
  test("is who is followed or traced by somebody else, or is no process", async (context) => {
    need(context);
    await using following = await startFollowing(SKEW);
    await using other = await startFollowing(SKEW);
    await using throng = await Dialog.greeted([await build(THRONG), "4", "0"]);
    await following.add(throng.pid);
    const followed = {
      code: "E_TRACED",
      message: expect.stringMatching(`is followed by timeskew \\(pid ${following.pid}\\)$`),
      hint: `end that first (Ctrl-C or kill -INT ${following.pid})`,
    };
    for (const what of ["add", "inject"] as const)
      expect(await other.refusal(what, throng.pid)).toMatchObject(followed);
    await following.end();
    {
      await using tracer = await startTracer(throng.pid);
      expect(await other.refusal("add", throng.pid)).toMatchObject({
        code: "E_TRACED",
        message: expect.stringMatching(`is traced by tracer.* \\(pid ${tracer.pid}\\)$`),
      });
    }
    // Whoever was seized before the one thread that is traced is let go.
    const thread = threads(throng.pid).at(-1)!;
    {
      await using _ = await startTracer(thread);
      expect(await other.refusal("add", throng.pid)).toMatchObject({ code: "E_TRACED" });
      await waitFor("the others to be free", () => tracers(throng.pid).size === 2);
      await waitFor(
        "the main thread to be free",
        () => statusOf(String(throng.pid)).get("TracerPid") === "0",
      );
    }
    await expectFree(throng.pid);
    expect(await other.add(throng.pid)).toBe(5);
    expect(await other.refusal("add", 2)).toMatchObject({ code: expect.stringMatching(/^E_/) });
    expect(await other.refusal("add", other.pid)).toMatchObject({ code: "E_UNSUPPORTED" });
    expect(await other.refusal("add", 999_999_999)).toMatchObject({ code: "E_NO_TARGET" });
  });
});
