/** Targets with limits, odd attributes, or no room near their vDSO: they work, or are refused and left as they are. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, type TestContext, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { inject, now, recover, refusal, status } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { standing, startHostile } from "../support/hostile.ts";
import { isRoot, needPrograms, needRoot, needTracing } from "../support/needs.ts";
import { realtimeSkews } from "../support/readings.ts";

const NOBODY = 65_534;
const BACK = realtimeSkews(-10n * MINUTE);

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** Skewed and recovered without a trace. */
async function expectWorks(kind: string): Promise<void> {
  await using victim = await startHostile(kind);
  const untouched = standing(victim.pid);
  await inject(victim.pid, "--offset", "-600s");
  expect(await victim.complaints(BACK)).toEqual([]);
  expect(await status(victim.pid)).toMatchObject({ state: "skewed" });
  await now(victim.pid);
  await recover(victim.pid);
  expect(await victim.complaints({})).toEqual([]);
  expect(standing(victim.pid)).toEqual(untouched);
}

/** Refused by `inject` and by `now`, with these words, and unchanged. */
async function expectRefused(kind: string, code: ErrorCode, words: RegExp): Promise<void> {
  await using victim = await startHostile(kind);
  const untouched = standing(victim.pid);
  for (const args of [
    ["inject", "--pid", victim.pid, "--offset", "-600s"],
    ["now", "--pid", victim.pid],
  ]) {
    const { message, hint, targetState } = await refusal(code, args);
    expect(`${message}\n${hint}`).toMatch(words);
    expect(["untouched", "restored"]).toContain(targetState);
    expect(standing(victim.pid)).toEqual(untouched);
    expect(await victim.complaints({})).toEqual([]);
  }
}

describe("attributes of the process", () => {
  test.for(["no-new-privs", "unrandomized", "old-layout", "endless-stack", "read-implies-exec"])(
    "%s",
    async (kind, context) => {
      need(context);
      await expectWorks(kind);
    },
  );

  test("mdwe: what was writable may not become code", async (context) => {
    need(context);
    await using victim = await startHostile("mdwe").catch((error: Error) => {
      if (!/PR_SET_MDWE: Invalid argument/.test(error.message)) throw error;
      return context.skip("needs Linux 6.3: this kernel knows no PR_SET_MDWE");
    });
    const untouched = standing(victim.pid);
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    expect(standing(victim.pid)).toEqual(untouched);
    const EACCES = 13;
    expect(await victim.forbidden()).toMatchObject({ rc: -1, errno: EACCES });
  });

  test("not dumpable, for root", async (context) => {
    need(context);
    needRoot(context, "who may look at a process that is not dumpable");
    await expectWorks("undumpable");
  });

  test("not dumpable, for its own user: refused", async (context) => {
    need(context);
    const user = isRoot ? { uid: NOBODY } : {};
    await using victim = await startHostile("undumpable", user);
    const args = ["inject", "--pid", victim.pid, "--offset", "-600s"];
    const { message, hint, targetState } = await refusal("E_PERMISSION", args, user);
    expect(message).toMatch(new RegExp(`\\b${victim.pid}\\b.*not dumpable`));
    expect({ hint, targetState }).toEqual({
      hint: expect.stringMatching(/sudo/),
      targetState: "untouched",
    });
    expect(await victim.complaints({})).toEqual([]);
  });

  test("without the time stamp counter: refused", async (context) => {
    need(context);
    await expectRefused("no-counter", "E_UNSUPPORTED", /clock functions crash.*\n.*time stamp counter/);
  });
});

describe("limits", () => {
  test("all of its memory locked, within its limit", async (context) => {
    need(context);
    await expectWorks("locked");
  });

  const FULL: [kind: string, words: RegExp][] = [
    ["address-space-full", /bytes of address space.*\n.*prlimit --pid \d+ --as=/],
    ["no-data", /bytes of data.*\n.*prlimit --pid \d+ --data=/],
    ["locked-to-the-limit", /bytes of locked memory.*\n.*prlimit --pid \d+ --memlock=/],
    ["mappings-full", /mappings.*\n.*vm\.max_map_count/],
    ["one-mapping-left", /mappings.*\n.*vm\.max_map_count/],
  ];
  test.for(FULL)("%s: refused", async ([kind, words], context) => {
    need(context);
    await expectRefused(kind, "E_STEP", words);
  });

  test("the remedy that is named works", async (context) => {
    needPrograms(context, "gcc", "prlimit");
    needTracing(context, { permitted: true });
    await using victim = await startHostile("address-space-full");
    const args = ["inject", "--pid", victim.pid, "--offset", "-600s"];
    const { hint } = await refusal("E_STEP", args);
    const [, ...remedy] = /(prlimit) (.*)$/.exec(hint ?? "") ?? [];
    await promisify(execFile)(remedy[0]!, remedy[1]!.split(" "));
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints(BACK)).toEqual([]);
  });
});

describe("addresses near the vDSO", () => {
  test("gaps that our pages fit into exactly", async (context) => {
    need(context);
    await expectWorks("tight-gaps");
  });

  test.for(["no-gap", "tiny-gaps"])("%s: refused", async (kind, context) => {
    need(context);
    await expectRefused(kind, "E_UNSUPPORTED", /within 2 GiB of its vDSO/);
  });
});

describe("a vDSO that the program has changed", () => {
  test.for(["vdso-moved", "vdso-writable"])("%s", async (kind, context) => {
    need(context);
    await expectWorks(kind);
  });

  test("sealed, and the program's code as well", async (context) => {
    need(context);
    await using victim = await startHostile("sealed").catch((error: Error) => {
      if (!/mseal: Function not implemented/.test(error.message)) throw error;
      return context.skip("needs Linux 6.10: this kernel knows no mseal");
    });
    const EPERM = 1;
    const isSealed = async () => expect(await victim.forbidden()).toMatchObject({ rc: -1, errno: EPERM });
    await isSealed();
    const untouched = standing(victim.pid);
    const { waits } = await inject(victim.pid, "--offset", "-600s");
    expect(waits?.sites).toBeGreaterThan(0);
    expect(await victim.complaints(BACK)).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    expect(standing(victim.pid)).toEqual(untouched);
    await isSealed();
  });

  const BROKEN: [kind: string, code: ErrorCode, words: RegExp][] = [
    ["vdso-unmapped", "E_NO_VDSO", /no vDSO.*\n.*system calls/],
    ["vdso-no-access", "E_VDSO", /its vDSO ---p/],
    ["vdso-no-execution", "E_VDSO", /its vDSO r--p/],
    ["vdso-moved-alone", "E_UNSUPPORTED", /clock functions crash.*\n.*vvar/],
    ["vvar-unmapped", "E_UNSUPPORTED", /clock functions crash.*\n.*vvar/],
    ["vvar-no-access", "E_UNSUPPORTED", /clock functions crash.*\n.*vvar/],
  ];
  test.for(BROKEN)("%s: refused", async ([kind, code, words], context) => {
    need(context);
    await expectRefused(kind, code, words);
  });
});
