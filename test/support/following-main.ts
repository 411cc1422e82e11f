/**
 * A process that follows others, so that it can be killed. Each line of stdin is one request, answered by one line:
 *
 *     {"do": "add" | "inject" | "recover" | "followed", "pid"}
 *     {"do": "enter" | "extend", "pid"}    skews who is held at its exec: its gate, or null; translates the waits of more code
 *     {"do": "go", "pid", "gate"?}, {"do": "exit", "pid", "code"}
 *     {"do": "policy", "held": "go" | "keep" | "inject"}     what happens to whoever is held: "inject" skews it, too
 *     {"do": "log"}       {"held": [[pid, why]…], "failures", "empty"}: since the last time
 *     {"do": "hammer", "pid", "times"}    injections and recoveries, one after the other
 *     {"do": "snatch", "pid", "ms"}       adds its children at whatever moment, for so long; how many there were
 *     {"do": "end"}
 *
 *     {"result"} | {"error": {"code", "message", "hint"}}
 */
import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import { extendWaits } from "../../src/engine/extend.ts";
import { TimeskewError } from "../../src/errors.ts";
import { address } from "../../src/machine/address.ts";
import { type Held, isFollowed, startFollower } from "../../src/tracer/follow.ts";
import { inject, recover } from "./patient.ts";
import { children } from "./proc.ts";
import { skewAtThreshold } from "./threshold.ts";

const OFFSET = BigInt(process.argv[2] ?? -600_123_456_789n);

type Policy = "go" | "keep" | "inject";
type Request =
  | { do: "add" | "inject" | "recover" | "followed" | "enter" | "extend"; pid: number }
  | { do: "hammer"; pid: number; times: number }
  | { do: "snatch"; pid: number; ms: number }
  | { do: "go"; pid: number; gate?: string }
  | { do: "exit"; pid: number; code: number }
  | { do: "policy"; held: Policy }
  | { do: "log" | "end" };

const follower = startFollower();
let policy: Policy = "go";
let log = { held: [] as [number, string][], failures: [] as string[], empty: 0 };

async function skew({ pid }: Held): Promise<void> {
  try {
    await inject({ pid, offset: OFFSET });
  } catch (error) {
    log.failures.push(String(error));
  }
  follower.go(pid);
}

follower.onHeld((held) => {
  log.held.push([held.pid, held.why]);
  if (policy === "go") follower.go(held.pid);
  else if (policy === "inject") void skew(held);
});
follower.onEmpty(() => {
  log.empty++;
});

async function hammer(pid: number, times: number): Promise<number> {
  for (let i = 0; i < times; i++) {
    await inject({ pid, offset: OFFSET });
    await recover({ pid });
  }
  return times;
}

async function snatch(pid: number, ms: number): Promise<number> {
  let snatched = 0;
  for (const end = performance.now() + ms; performance.now() < end; await setImmediate()) {
    for (const child of children(pid)) snatched += addOrMiss(child);
  }
  return snatched;
}

/** It may have ended, or be about to. */
function addOrMiss(pid: number): number {
  try {
    return follower.add(pid) > 0 ? 1 : 0;
  } catch (error) {
    if (error instanceof TimeskewError && ["E_GONE", "E_NO_TARGET"].includes(error.code)) return 0;
    throw error;
  }
}

async function act(request: Request): Promise<unknown> {
  switch (request.do) {
    case "add":
      return follower.add(request.pid);
    case "followed":
      return isFollowed(request.pid);
    case "inject":
      return (await inject({ pid: request.pid, offset: OFFSET })).action;
    case "recover":
      return (await recover({ pid: request.pid })).action;
    case "enter":
      return skewAtThreshold(request.pid, OFFSET)?.toString();
    case "extend":
      return extendWaits(request.pid);
    case "hammer":
      return hammer(request.pid, request.times);
    case "snatch":
      return snatch(request.pid, request.ms);
    case "go":
      return follower.go(request.pid, request.gate ? { gate: address(BigInt(request.gate)) } : undefined);
    case "exit":
      return follower.exit(request.pid, request.code);
    case "policy":
      policy = request.held;
      return policy;
    case "log": {
      const told = log;
      log = { held: [], failures: [], empty: 0 };
      return told;
    }
    case "end":
      return follower.end();
  }
}

async function answer(request: Request): Promise<object> {
  try {
    return { result: (await act(request)) ?? null };
  } catch (error) {
    if (!(error instanceof TimeskewError)) throw error;
    const { code, message, hint } = error;
    return { error: { code, message, hint } };
  }
}

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Request))}\n`);
}
process.exit();
