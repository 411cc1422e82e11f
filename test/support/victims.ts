/** Starts the C victims and speaks their protocols (test/README.md). */
import { build, type Recipe } from "./build.ts";
import { Dialog, type DialogOptions } from "./dialog.ts";
import { assemble } from "./own.ts";
import { complaints, failures, type Reading, type Skews } from "./readings.ts";
import { FORGER, GLIBC, HAMMER, I386, SANDBOX, STEPPER, TRACER } from "./recipes.ts";

/** A victim past its first line: it runs its own code by then. */
async function greeted(recipe: Recipe, args: readonly unknown[] = [], options: DialogOptions = {}) {
  return Dialog.greeted([await build(recipe), ...args.map(String)], options);
}

/** A running clocks.c. */
export interface Clocks extends AsyncDisposable {
  readonly dialog: Dialog;
  readonly pid: number;
  /** The clocks that can be read on this machine. */
  readonly readable: readonly string[];
  /** What is wrong with its clocks, if they are to be skewed like this. */
  complaints(skews: Skews): Promise<string[]>;
  /** The same for its parent, once the dialog has become that of a forked child. */
  parentComplaints(skews: Skews): Promise<string[]>;
}

export function startClocks(recipe: Recipe = GLIBC, options: DialogOptions = {}): Promise<Clocks> {
  return assemble(async (own) => {
    const dialog = own(await greeted(recipe, [], options));
    const read = async (command: string) => (await dialog.askJson<{ readings: Reading[] }>(command)).readings;
    const untouched = await read("read");
    const failing = failures(untouched);
    const names = untouched.map(({ name }) => name);
    return {
      dialog,
      pid: dialog.pid,
      readable: names.filter((name) => name.startsWith("CLOCK_") && !failing.has(name)),
      complaints: async (skews: Skews) => complaints(await read("read"), skews, failing),
      parentComplaints: async (skews: Skews) => complaints(await read("parent read"), skews, failing),
    };
  });
}

/** The outcome of every odd call that clocks.c can think of, by call. */
export async function edges({ dialog }: Clocks): Promise<Record<string, string>> {
  return (await dialog.askJson<{ edges: Record<string, string> }>("edges")).edges;
}

/** What hammer.c saw in the batches that began after it was asked, and what has gone wrong since its start. */
export interface Hammered {
  threads: number;
  readings: number;
  /** Readings of the wall clock, by offset in ns; "0" are the true ones. */
  seen: Record<string, number>;
  violations: number;
  first: string[];
}

export interface Hammer extends AsyncDisposable {
  readonly pid: number;
  settle(): Promise<Hammered>;
}

/**
 * A running hammer.c, each of whose threads has begun to read. It takes all that is left of every processor, and not what
 * the test needs for itself.
 */
export function startHammer(threads: number, ...offsets: bigint[]): Promise<Hammer> {
  return assemble(async (own) => {
    const command = ["nice", "-n", "5", await build(HAMMER), `${threads}`, ...offsets.map(String)];
    const dialog = own(await Dialog.greeted(command));
    const settle = () => dialog.askJson<Hammered>("settle");
    await settle();
    return { pid: dialog.pid, settle };
  });
}

/** A process that stands, stopped, inside a function of the vDSO. */
export interface Stepper extends AsyncDisposable {
  readonly pid: number;
  /** How many bytes of the function lie behind it. */
  readonly offset: number;
  /** Lets it go on, to its end; what is wrong with what it read, if that is to be skewed like this. */
  finish(skews: Skews): Promise<string[]>;
}

/**
 * @param where in the function itself, or in a signal handler that has interrupted it there: a plain one, one that uses
 *   200 KiB of stack, one that is itself interrupted by a handler on an alternate stack
 */
export function startStepper(
  name: string,
  steps: number,
  where: "function" | "handler" | "deep" | "nested" = "function",
): Promise<Stepper> {
  return assemble(async (own) => {
    const dialog = own(
      await Dialog.start([
        await build(STEPPER),
        name,
        String(steps),
        ...(where === "function" ? [] : [where]),
      ]),
    );
    const { pid, offset } = JSON.parse(await dialog.line()) as { pid: number; offset: number };
    const finish = async (skews: Skews) =>
      complaints([await dialog.askJson<Reading>("go")], skews, new Map());
    return { pid, offset, finish };
  });
}

/** Another tracer on a process. */
export function startTracer(pid: number): Promise<Dialog> {
  return greeted(TRACER, [pid]);
}

/** A process that a seccomp filter kills for mmap and munmap; with "thread", only its second thread has the filter. */
export interface Sandboxed extends AsyncDisposable {
  readonly pid: number;
  /** What is wrong with its wall clock, if it is to be skewed like this. */
  complaints(skews: Skews): Promise<string[]>;
}

export function startSandboxed(filtered: "process" | "thread"): Promise<Sandboxed> {
  return assemble(async (own) => {
    const dialog = own(await greeted(SANDBOX, [filtered]));
    const read = () => dialog.askJson<Reading>("read");
    await read(); // past the filter
    return {
      pid: dialog.pid,
      complaints: async (skews: Skews) => complaints([await read()], skews, new Map()),
    };
  });
}

/** A process that makes itself hard to look at; see forger.c for what it can be asked. */
export interface Forger extends AsyncDisposable {
  readonly pid: number;
  /** How many mappings it made, and where the last one begins. */
  readonly count: number;
  readonly at: bigint;
}

export function startForger(folder: string, ...args: (string | number)[]): Promise<Forger> {
  return assemble(async (own) => {
    const dialog = own(await Dialog.start([await build(FORGER), folder, ...args.map(String)]));
    const { pid, count, at } = JSON.parse(await dialog.line()) as { pid: number; count: number; at: number };
    return { pid, count, at: BigInt(at) };
  });
}

/** A 32-bit process. */
export function startI386(): Promise<Dialog> {
  return greeted(I386);
}
