/**
 * A kernel, or a sandbox, that does not have what we would use: there is another way, and what is lacking is found out by
 * asking for it. Everything is as it is with it: the skew, the live change, the recovery to the byte, and what is said.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recover } from "../../src/engine/index.ts";
import { startHostile } from "../support/hostile.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { FAULTS, type Staged, stage } from "../support/variant.ts";
import { picture } from "./aftermath.ts";
import { Driver } from "./driver.ts";
import { LONG, TIMEOUT_MS } from "./extent.ts";
import { LACKING, type Lack, namesOf, rowsOf } from "./lacking.ts";
import { HAMMERING, STORMED, TARGETS, type TargetKind, WAITING } from "./targets.ts";
import { ACTIONS, type Action, requestOf, trial } from "./trial.ts";

let staged: Staged;
beforeAll(async () => {
  staged = await stage(FAULTS);
});
afterAll(async () => {
  await staged?.[Symbol.asyncDispose]();
});

/** Only asked for where the other way is lacking, too; of a thread that runs; or of one that is woken. */
const NOT_ALWAYS: readonly Lack[] = [
  ...(["process_vm_writev", "PTRACE_GET_RSEQ_CONFIGURATION", "/proc/PID/sched"] as const),
];

interface Case {
  readonly lacks: readonly Lack[];
  /** Whom it makes a difference to; in a long run, all are tried. */
  readonly kinds: readonly TargetKind[];
  /** What the tool says, where that is something else than what it did. */
  readonly said?: Partial<Record<Action, string>>;
}

const CASES: readonly Case[] = [
  { lacks: ["process_vm_readv"], kinds: [STORMED] },
  { lacks: ["process_vm_writev"], kinds: [WAITING] },
  { lacks: ["forced writes by /proc/PID/mem"], kinds: [WAITING] },
  { lacks: ["/proc/PID/mem"], kinds: [STORMED] },
  { lacks: ["/proc/PID/task/TID/syscall"], kinds: [WAITING] },
  { lacks: ["/proc/PID/task/TID/schedstat"], kinds: [WAITING] },
  { lacks: ["/proc/PID/sched"], kinds: [WAITING] },
  { lacks: ["PTRACE_GET_RSEQ_CONFIGURATION"], kinds: [HAMMERING] },
  { lacks: ["PTRACE_O_SUSPEND_SECCOMP"], kinds: [STORMED] },
  { lacks: ["POSIX timers"], kinds: [WAITING] },
  { lacks: ["real-time scheduling"], kinds: [STORMED] },
  { lacks: ["process_vm_readv", "process_vm_writev", "forced writes by /proc/PID/mem"], kinds: TARGETS },
  {
    lacks: ["/proc/PID/task/TID/syscall", "/proc/PID/task/TID/schedstat", "/proc/PID/sched"],
    kinds: [WAITING],
  },
  // Who is stopped can be written to by ptrace, and nobody else.
  {
    lacks: ["process_vm_writev", "writes by /proc/PID/mem"],
    kinds: [STORMED],
    said: { update: "E_FAILED", begin: "E_CHANGED", replace: "E_FAILED" },
  },
  // Nobody may be looked at before it is stopped.
  {
    lacks: ["process_vm_readv", "/proc/PID/mem"],
    kinds: [WAITING],
    said: Object.fromEntries(ACTIONS.map((action) => [action, "E_PERMISSION"])),
  },
  { lacks: LACKING.filter((name) => !/^(writes by )?\/proc\/PID\/mem/.test(name)), kinds: TARGETS },
];

const CELLS = CASES.flatMap(({ kinds, ...each }) =>
  (LONG ? TARGETS : kinds).map((kind) => ({
    ...each,
    kind,
    target: kind.name,
    title: each.lacks.length > 4 ? "any of these" : each.lacks.join(", "),
  })),
);

async function findings(
  kind: TargetKind,
  lacks: readonly Lack[],
  said: Case["said"] = {},
): Promise<{ found: string[]; lacked: Lack[] }> {
  await using driver = new Driver(staged.folder);
  await using target = await kind.start();
  const pristine = picture(target.pid);
  const found: string[] = [];
  let lacked = 0;
  for (const action of ACTIONS) {
    const fault = { at: 0, how: "count", choice: 0, lacks: rowsOf(...lacks) } as const;
    const outcome = await trial(target, pristine, driver, action, fault);
    lacked |= outcome.answer.lacked;
    found.push(...outcome.findings.map(({ kind: what, what: words }) => `${what}: ${words}`));
    // Where it is not known where stacks end, one may be taken for another's, until its thread has moved on.
    const usual = action === "recover" ? ["unskewed", "lingering"] : ["skewed"];
    if (!(said[action] ? [said[action]] : usual).includes(outcome.said))
      found.push(`${action}: it said ${outcome.said}`);
  }
  return { found, lacked: namesOf(lacked) };
}

test.for(CELLS)(
  "without $title: $target",
  { timeout: TIMEOUT_MS },
  async ({ kind, lacks, said }, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    const { found, lacked } = await findings(kind, lacks, said);
    expect(found).toEqual([]);
    expect(lacked).toEqual(expect.arrayContaining(lacks.filter((name) => !NOT_ALWAYS.includes(name))));
  },
);

/** No machine at hand has any, so these are made up: each time they are asked for, a call has left something there. */
describe("shadow stacks", () => {
  const POINTER = 0x7f00_0000_0ff8;
  const run = async (pid: number) => {
    await using driver = new Driver(staged.folder);
    return driver.run(requestOf("inject", pid), { at: 0, how: "count", choice: 0, shadow: POINTER });
  };

  test("lose what a call has left there", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using target = await WAITING.start();
    expect(await run(target.pid)).toMatchObject({ result: { state: "skewed" }, shadow: POINTER });
    expect(await recover({ pid: target.pid })).toMatchObject({ state: "unskewed" });
  });

  test("also where it was given up", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using victim = await startHostile("vvar-no-access");
    expect(await run(victim.pid)).toMatchObject({ error: { code: "E_UNSUPPORTED" }, shadow: POINTER });
    expect(await victim.complaints({})).toEqual([]);
  });
});
