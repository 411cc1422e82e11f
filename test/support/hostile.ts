/** Starts hostile.c and speaks its protocol (test/README.md). */
import { build } from "./build.ts";
import { bracket, MILLISECOND, SECOND, type Span } from "./clock.ts";
import { Dialog, type DialogOptions } from "./dialog.ts";
import { maps, statusOf, threads, vdso } from "./proc.ts";
import { complaints, type Reading, type Skews } from "./readings.ts";
import { HOSTILE } from "./recipes.ts";

/** What came of an act: what the system call returned, and how often SIGSYS or a supervisor was called for it. */
export interface Outcome {
  rc: number;
  errno: number;
  delivered: number;
}

export interface Hostile extends AsyncDisposable {
  readonly pid: number;
  readonly dialog: Dialog;
  /** What is wrong with its clocks, if they are to be skewed like this. */
  complaints(skews: Skews): Promise<string[]>;
  /** Does what it may not do; for kinds that survive it. */
  forbidden(): Promise<Outcome>;
  tighten(): Promise<Outcome>;
}

/** A reading of a process that may not ask for the true time has none before it and after it. */
type BlindReading = Omit<Reading, "before" | "after"> & Partial<Pick<Reading, "before" | "after">>;

/** CONFIG_HZ is 100 at least: coarse clocks are this late at most. */
const TICK = 10n * MILLISECOND;

export async function startHostile(kind: string, options: DialogOptions = {}): Promise<Hostile> {
  const dialog = await Dialog.greeted([await build(HOSTILE), kind], options);
  return {
    pid: dialog.pid,
    dialog,
    complaints: async (skews) => {
      const { value, wall, monotonic } = await bracket(() =>
        dialog.askJson<{ readings: BlindReading[] }>("read"),
      );
      const readings = value.readings.map((reading) =>
        withTruth(reading, reading.name === "CLOCK_MONOTONIC" ? monotonic : wall),
      );
      return complaints(readings, skews, new Map());
    },
    forbidden: () => dialog.askJson<Outcome>("forbidden"),
    tighten: () => dialog.askJson<Outcome>("tighten"),
    [Symbol.asyncDispose]: () => dialog[Symbol.asyncDispose](),
  };
}

/** Takes the test's own clock for the truth where the victim could not tell it. */
function withTruth(reading: BlindReading, { from, to }: Span): Reading {
  return { ...reading, before: reading.before ?? wire(from - TICK), after: reading.after ?? wire(to) };
}

function wire(time: bigint): [number, number] {
  return [Number(time / SECOND), Number(time % SECOND)];
}

/** Everything of a process that a session could change: mappings, vDSO, and what each thread's status says. */
export function standing(pid: number) {
  const lines = maps(pid);
  return {
    maps: lines,
    vdso: lines.some((line) => line.endsWith("[vdso]")) ? vdso(pid).toString("hex") : "unmapped",
    threads: threads(pid).map((tid) => attributes(pid, tid)),
  };
}

/** Fields that no passing of time changes. */
const LASTING = [
  ...["Tgid", "Pid", "TracerPid", "VmSize", "VmLck", "VmData"],
  ...["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp", "CapEff"],
];

function attributes(pid: number, tid: number): Record<string, string | undefined> {
  const status = statusOf(`${pid}/task/${tid}`);
  return Object.fromEntries(LASTING.map((name) => [name, status.get(name)]));
}
