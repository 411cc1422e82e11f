/**
 * A run of the tool that lives on, for one fault after the other: `driver.mjs FOLDER STOP_TIMEOUT_MS`, a staged copy of
 * the package with the fault build of the helper. Each line of stdin asks for one action with one fault; the answer is one line.
 *
 *     {"action": "inject" | "recover", "pid", "offset", "duration"?, "fault": {"at", "how", "choice", "fork", "only", "lacks", "shadow"}}
 *     {"result" | "error", "operations", "hit", "call", "request", "choices", "errno", "lacked", "shadow"}
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [, , folder, stopTimeout] = process.argv;
const require = createRequire(join(folder, "package.json"));
const { inject, recover } = await import(pathToFileURL(join(folder, "dist/engine.js")).href);

const MACHINE = process.arch === "arm64" ? "aarch64" : "x86_64";
/** The same library that dist/ loads: what is set here is set there. */
const helper = require("koffi").load(join(folder, `native/build/timeskew-${MACHINE}.so`));
const arm = helper.func(
  "int ts_fault_arm(uint64_t at, uint32_t how, uint32_t choice, int fork, int64_t only)",
);
const lack = helper.func("uint64_t ts_fault_lack(uint64_t rows, int pid)");
const shade = helper.func("uint64_t ts_fault_shadow(uint64_t pointer)");
const outcome = helper.func("void ts_fault_outcome(_Out_ int64_t *out)");
/** As in faults.c. */
const HOW = { count: 0, fail: 1, "fail kind": 2, "kill before": 3, "kill after": 4 };

async function act({ action, pid, offset, duration }) {
  const target = { pid, stopTimeoutMs: Number(stopTimeout) };
  try {
    const result = await (action === "inject"
      ? inject({ ...target, offset: BigInt(offset), duration })
      : recover(target));
    return { result };
  } catch (error) {
    const { name, code, exitCode, message, targetState, stack } = error;
    return { error: { name, code, exitCode, message, targetState, stack } };
  }
}

async function run({ fault: { at, how, choice, fork, only = -1, lacks = 0, shadow = 0 }, ...action }) {
  lack(lacks, action.pid);
  shade(shadow);
  if (arm(at, HOW[how], choice, fork ? 1 : 0, only) !== 0) throw new Error("cannot arm the fault");
  const answer = await act(action);
  const numbers = new BigInt64Array(6);
  outcome(numbers);
  const [lacked, left] = [lack(0, 0), shade(0)].map(Number);
  const [operations, hit, call, request, choices, errno] = [...numbers].map(Number);
  return { ...answer, operations, hit, call, request, choices, errno, lacked, shadow: left };
}

const json = (value) => JSON.stringify(value, (_, each) => (typeof each === "bigint" ? String(each) : each));

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${json(await run(JSON.parse(line)))}\n`);
}
