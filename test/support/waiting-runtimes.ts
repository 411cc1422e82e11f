/** Programs of other languages that wait in every way they know (test/victims/waits.*), each next to a control. */
import type { TestContext } from "vitest";
import { build, source } from "./build.ts";
import { Dialog } from "./dialog.ts";
import { type Complaints, type Durations, judge, orNever } from "./durations.ts";
import { needPrograms } from "./needs.ts";
import { assemble } from "./own.ts";
import { cpuSeconds, watchSleep } from "./proc.ts";
import { WAITS_GO, WAITS_JAVA, WAITS_RUST } from "./recipes.ts";
import { waitFor } from "./wait.ts";

/** By how many seconds of CPU time more than its control only that program takes which asks again and again. */
const BUSY = 0.4;

/** Until then, all waits that are right go on. */
const SHORTEST_MS = 900;

export interface WaitingRuntime {
  title: string;
  /** The command that starts it; skips the test if this machine does not have it. */
  command(context: TestContext): Promise<string[]>;
  waits: readonly string[];
}

export const WAITING_RUNTIMES = {
  jvm: {
    title: "JVM",
    command: async (context) => {
      const [java = ""] = needPrograms(context, "java", "javac");
      return [java, "-cp", await build(WAITS_JAVA), "Waits"];
    },
    waits: [
      "Thread.sleep",
      "Object.wait",
      "LockSupport.parkNanos",
      "LockSupport.parkUntil",
      "Condition.awaitNanos",
      "Condition.awaitUntil",
      "Semaphore.tryAcquire",
      "BlockingQueue.poll",
      "ScheduledExecutor",
      "CompletableFuture.completeOnTimeout",
    ],
  },
  python: {
    title: "Python",
    command: async (context) => [...needPrograms(context, "python3"), source("waits.py")],
    waits: [
      "time.sleep",
      "Lock.acquire",
      "Condition.wait",
      "Event.wait",
      "queue.get",
      "multiprocessing.Semaphore.acquire",
      "select.select",
      "signal.sigtimedwait",
      "asyncio.sleep",
    ],
  },
  rust: {
    title: "Rust",
    command: async (context) => {
      needPrograms(context, "rustc", "gcc");
      return [await build(WAITS_RUST)];
    },
    waits: [
      "thread::sleep",
      "thread::park_timeout",
      "Condvar::wait_timeout",
      "Condvar::wait_timeout_while",
      "Receiver::recv_timeout",
    ],
  },
  go: {
    title: "Go",
    command: async (context) => {
      needPrograms(context, "go");
      return [await build(WAITS_GO)];
    },
    waits: [
      "time.Sleep",
      "time.After",
      "time.Timer",
      "time.Ticker",
      "context.WithTimeout",
      "context.WithDeadline, wall clock",
      "sync.Cond by a timer",
      "net.Conn.SetReadDeadline",
    ],
  },
  node: {
    title: "Node",
    command: async () => [process.execPath, source("waits.mjs")],
    waits: [
      "setTimeout",
      "setInterval",
      "timers/promises",
      "AbortSignal.timeout",
      "Atomics.waitAsync",
      "Atomics.wait",
    ],
  },
} as const satisfies Record<string, WaitingRuntime>;

/** A program that waits when it is told to, and another one of its kind that nobody skews. */
export interface Waiter extends AsyncDisposable {
  readonly pid: number;
  /** The names of its waits. */
  readonly waits: readonly string[];
  /**
   * Makes all waits at the same time, a second each. Who does not sleep meanwhile has a complaint named "CPU".
   *
   * @param meanwhile is done once they are all under way; then there is no second round
   * @param rate of the program's clocks: it is by these that a wait has to take a second
   */
  complaints(meanwhile?: () => Promise<unknown>, rate?: number): Promise<Complaints>;
  /** Whether it still answers, to a line that makes it do something else, or nothing. */
  isThere(line?: string): Promise<boolean>;
}

export async function startWaiter(runtime: WaitingRuntime, context: TestContext): Promise<Waiter> {
  const command = await runtime.command(context);
  return assemble(async (own) => {
    const subject = own(await Dialog.start(command));
    const control = own(await Dialog.start(command));
    const { waits } = JSON.parse(await subject.line()) as { waits: string[] };
    await control.line();
    const round = async (meanwhile?: () => Promise<unknown>) => {
      const both = [measure(subject, waits, meanwhile), measure(control, waits)] as const;
      const [took, controlTook] = await Promise.all(both);
      return { subject: took, control: controlTook };
    };
    const complaints = async (meanwhile?: () => Promise<unknown>, rate = 1) => {
      const busy = watchCpu(subject.pid, control.pid);
      const byItsClock = async () => {
        const { subject, control } = await round(meanwhile);
        const shown = [...subject].map(([name, seconds]) => [name, seconds * rate] as const);
        return { subject: new Map(shown), control };
      };
      const wrong = await judge(waits, byItsClock, { again: meanwhile === undefined });
      return { ...wrong, ...busy() };
    };
    const isThere = async (line = "here") =>
      (await subject.askJson<{ here: number }>(line)).here === subject.pid;
    return { pid: subject.pid, waits, complaints, isThere };
  });
}

/** From now on: whether a process uses so much more CPU time than another one that it cannot sleep. */
function watchCpu(pid: number, control: number): () => Complaints {
  const before = [cpuSeconds(pid), cpuSeconds(control)] as const;
  return () => {
    const [used, usual] = [cpuSeconds(pid) - before[0], cpuSeconds(control) - before[1]];
    return used > usual + BUSY ? { CPU: `${used.toFixed(2)} s, not ${usual.toFixed(2)} s` } : {};
  };
}

/** As the program itself measured it, by a clock that is not skewed. */
async function measure(
  program: Dialog,
  waits: readonly string[],
  meanwhile?: () => Promise<unknown>,
): Promise<Durations> {
  const durations = new Map<string, number>();
  const all = async () => {
    for (let begun = 0; durations.size < waits.length; ) {
      const line = JSON.parse(await program.line()) as { began: string } | { ended: string; seconds: number };
      if ("ended" in line) durations.set(line.ended, line.seconds);
      else if (++begun === waits.length && meanwhile)
        await inTime(() => underWay(program.pid).then(meanwhile));
    }
  };
  program.tell("wait");
  await orNever(all());
  return durations;
}

/** Who has said that it begins may not have read the clock yet, or not handed its deadline over. */
async function underWay(pid: number): Promise<void> {
  await waitFor("all threads to sleep", watchSleep(pid));
}

/** What is done when the waits are over shows nothing. */
async function inTime(work: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  await work();
  if (performance.now() - began > SHORTEST_MS) throw new Error("this machine is too busy: done too late");
}
