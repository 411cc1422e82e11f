/**
 * Sessions on a 32-bit program, by plans made by hand: remote calls, threads and signal frames that are moved, who is inside a
 * range, and death of the tool. The program's threads spin, wait and are sent signals meanwhile, and say whether anything was
 * disturbed (test/victims/compat.c).
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, type TestContext, test } from "vitest";
import { address } from "../../src/machine/address.ts";
import type { PatchPlan, Step } from "../../src/patch/plan.ts";
import { openProcess } from "../../src/target/process.ts";
import { encodePlan } from "../../src/tracer/encode.ts";
import { type Execution, execute } from "../../src/tracer/execute.ts";
import { build } from "../support/build.ts";
import { Dialog } from "../support/dialog.ts";
import { needCompat, needTracing } from "../support/needs.ts";
import { inject } from "../support/patient.ts";
import { snapshot, state } from "../support/proc.ts";
import { COMPAT, MODES32, MODES64 } from "../support/recipes.ts";
import { waitFor } from "../support/wait.ts";

interface Places {
  readonly a: number;
  readonly b: number;
  readonly inside: readonly [number, number];
}

interface Tally {
  readonly calls: number;
  /** Of those: ended with EINTR, as untraced ones do behind a stop of job control, or of a tool that has died. */
  readonly interrupted: number;
  readonly signals: number;
  readonly loops: readonly [number, number];
  readonly violations: readonly string[];
}

class Victim implements AsyncDisposable {
  readonly #dialog: Dialog;
  readonly places: Places;

  private constructor(dialog: Dialog, places: Places) {
    this.#dialog = dialog;
    this.places = places;
  }

  static async start(): Promise<Victim> {
    const dialog = await Dialog.start([await build(COMPAT)]);
    return new Victim(dialog, JSON.parse(await dialog.line()) as Places);
  }

  get pid(): number {
    return this.#dialog.pid;
  }

  /** What has become of its threads, each of which has made another call since. */
  ask(command: "settle" | "leave" = "settle"): Promise<Tally> {
    return this.#dialog.askJson<Tally>(command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dialog[Symbol.asyncDispose]();
  }
}

/** Where nothing of a 32-bit program lies: far above its heap, far below its libraries. */
const CODE = address(0x9000_0000n);
const DATA = address(0x9000_1000n);
const PAGE = 4096;
/** f(p): p[0] = esp, p[1] = 0x1234; then it leaves nothing as it was. */
const FUNCTION = Uint8Array.of(
  ...[0x8b, 0x44, 0x24, 0x04], // mov eax, [esp + 4]
  ...[0x89, 0x20], // mov [eax], esp
  ...[0xc7, 0x40, 0x04, 0x34, 0x12, 0, 0], // mov dword [eax + 4], 0x1234
  ...[0x31, 0xc9, 0x31, 0xd2, 0x31, 0xc0, 0xfd], // xor ecx, ecx; xor edx, edx; xor eax, eax; std
  0xc3, // ret
);
const STUB_BYTES = 256;

function planFor(pid: number, steps: readonly Step[], sleepers: PatchPlan["sleepers"] = "left"): PatchPlan {
  using process = openProcess(pid);
  const stub = address(process.vdso.end - BigInt(STUB_BYTES));
  return {
    ...{ pid, machine: "i386", action: "recover", before: "partial", stop: "all", sleepers },
    ...{ stub: { address: stub, pristine: new Uint8Array(STUB_BYTES) }, sites: [], calls: [], steps },
  };
}

function run(plan: PatchPlan): Execution {
  using process = openProcess(plan.pid);
  return execute(plan, process);
}

/** Maps pages, calls a function there, and takes them away again. */
const VISIT: readonly Step[] = [
  { op: "map", address: CODE, length: PAGE, protection: "r-x", what: "code" },
  { op: "map", address: DATA, length: PAGE, protection: "rw-", what: "data" },
  { op: "write", address: CODE, bytes: FUNCTION, what: "code" },
  { op: "call", address: CODE, argument: DATA, stack: address(BigInt(DATA) + BigInt(PAGE)), what: "call" },
  { op: "read", address: DATA, length: 8, what: "result" },
  { op: "unmap", address: DATA, length: PAGE, what: "data" },
  { op: "unmap", address: CODE, length: PAGE, what: "code" },
];

function need(context: TestContext): void {
  needCompat(context);
  needTracing(context, { permitted: true });
}

const PLANNER = fileURLToPath(new URL("../fault/planner.mjs", import.meta.url));
const SESSION = {
  proc: -1,
  stopTimeoutNs: 20_000_000_000n,
  seccomp: false,
  ourChild: false,
  followed: false,
};

const VISITS = 100;

test.for(["left", "woken"] as const)("sleepers are %s: nothing is disturbed", async (sleepers, context) => {
  need(context);
  await using victim = await Victim.start();
  const before = snapshot(victim.pid);
  for (let visit = 0; visit < VISITS; visit++) {
    const { report, output } = run(planFor(victim.pid, VISIT, sleepers));
    expect(report).toMatchObject({ error: 0, stage: "done" });
    const [esp, mark] = new Uint32Array(output.buffer, output.byteOffset, 2);
    expect({ mark, alignment: esp! % 16 }).toEqual({ mark: 0x1234, alignment: 12 });
  }
  const tally = await victim.ask();
  expect(tally).toMatchObject({ interrupted: 0, violations: [] });
  expect(tally.signals).toBeGreaterThan(0);
  expect(snapshot(victim.pid)).toEqual(before);
});

test("threads and signal frames of both kinds are moved", async (context) => {
  need(context);
  await using victim = await Victim.start();
  const { a, b } = victim.places;
  // Where the loop's instructions begin: lock incl, nop, jmp.
  const moves = [0, 7, 8].map((offset) => ({
    from: address(BigInt(a + offset)),
    to: address(BigInt(b + offset)),
  }));
  const { report } = run(planFor(victim.pid, [{ op: "move", moves, what: "loops" }]));
  expect(report).toMatchObject({ error: 0, movedThreads: 1, movedFrames: 2 });
  const [first] = (await victim.ask()).loops;
  const left = await victim.ask("leave");
  expect(left).toMatchObject({ violations: [], loops: [first, expect.any(Number)] });
  // All three are in the second loop by now.
  const back = run(
    planFor(victim.pid, [
      { op: "move", moves: moves.map(({ from, to }) => ({ from: to, to: from })), what: "loops" },
    ]),
  );
  expect(back.report).toMatchObject({ error: 0, movedThreads: 3, movedFrames: 0 });
  const [, second] = (await victim.ask()).loops;
  expect((await victim.ask()).loops[1]).toBe(second);
});

test("who sleeps in a call of ours in the vDSO is inside, whoever has only our address on its stack is not", async (context) => {
  need(context);
  await using victim = await Victim.start();
  const { inside, a, b } = victim.places;
  const drain = (start: number, end: number): Step => ({
    ...{ op: "drain", what: "wait", timeoutNs: 500_000_000n, calls: calls(victim.pid) },
    code: [{ address: address(BigInt(start)), length: end - start }],
  });
  // The word behind the call is where it returns to.
  expect(run(planFor(victim.pid, [drain(inside[0], inside[1] + 1)])).report).toMatchObject({
    lingering: 1,
    waiting: 1,
  });
  // A thread, and two that a handler interrupts there.
  expect(run(planFor(victim.pid, [drain(a, b)])).report).toMatchObject({ lingering: 3, waiting: 0 });
  expect(await victim.ask()).toMatchObject({ violations: [] });
});

function calls(pid: number) {
  using process = openProcess(pid);
  return address(process.vdso.start);
}

const KILLS = 40;
/** What a visit that was cut short has left. */
const CLEAN_UP = VISIT.filter(({ op }) => op === "unmap");

test("the tool dies at any moment: whoever is in a stub finishes it", async (context) => {
  need(context);
  await using victim = await Victim.start();
  const before = snapshot(victim.pid);
  const folder = await mkdtemp(join(tmpdir(), "timeskew-compat-"));
  try {
    const file = join(folder, "plan");
    const plan = planFor(victim.pid, [...CLEAN_UP, ...VISIT]);
    await writeFile(file, encodePlan(plan, { ...SESSION, memoryPid: victim.pid }).bytes);
    for (let kill = 0; kill < KILLS; kill++) {
      const planner = await Dialog.greeted([process.execPath, PLANNER, `${victim.pid}`, file]);
      await sleep(Math.random() * 20);
      process.kill(planner.pid, "SIGKILL");
      await planner[Symbol.asyncDispose]();
      expect(run(planFor(victim.pid, CLEAN_UP)).report).toMatchObject({ error: 0 });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  expect(await victim.ask()).toMatchObject({ violations: [] });
  expect(snapshot(victim.pid)).toEqual(before);
});

test("a program that job control has stopped stays so", async (context) => {
  need(context);
  await using victim = await Victim.start();
  process.kill(victim.pid, "SIGSTOP");
  await waitFor("the stop", () => state(victim.pid) === "T");
  for (let visit = 0; visit < 10; visit++) {
    expect(run(planFor(victim.pid, VISIT)).report).toMatchObject({ error: 0, stage: "done" });
    await waitFor("the stop", () => state(victim.pid) === "T");
  }
  process.kill(victim.pid, "SIGCONT");
  expect(await victim.ask()).toMatchObject({ violations: [] });
});

test.for([
  ["32-bit code in a 64-bit process", MODES64],
  ["64-bit code in a 32-bit process", MODES32],
] as const)("%s is refused", async ([what, recipe], context) => {
  need(context);
  await using victim = await Dialog.greeted([await build(recipe)]);
  const before = snapshot(victim.pid);
  await expect(inject({ pid: victim.pid, offset: 1n })).rejects.toMatchObject({
    code: "E_UNSUPPORTED",
    targetState: "untouched",
    message: expect.stringContaining(`runs ${what}`),
  });
  expect(snapshot(victim.pid)).toEqual(before);
});
