/**
 * The clocks of clock_gettime(2), which of them a skew selects, and whether an offset is possible for them.
 */
import { TimeskewError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { formatDuration } from "./duration.ts";

/** The clocks of clock_gettime(2). */
export type ClockName =
  | "CLOCK_REALTIME"
  | "CLOCK_MONOTONIC"
  | "CLOCK_PROCESS_CPUTIME_ID"
  | "CLOCK_THREAD_CPUTIME_ID"
  | "CLOCK_MONOTONIC_RAW"
  | "CLOCK_REALTIME_COARSE"
  | "CLOCK_MONOTONIC_COARSE"
  | "CLOCK_BOOTTIME"
  | "CLOCK_REALTIME_ALARM"
  | "CLOCK_BOOTTIME_ALARM"
  | "CLOCK_TAI";

/** Clocks of one family run together: coarse and ALARM variants read what their base clock reads. */
export type ClockFamily = "realtime" | "tai" | "monotonic" | "raw" | "boottime" | "cpu";

export interface Clock {
  /** The clockid_t. */
  readonly id: number;
  readonly name: ClockName;
  readonly family: ClockFamily;
  /** Counts from 1970-01-01; the others count from boot, or from the start of a process or thread. */
  readonly since1970: boolean;
  /** Differs from process to process (or thread to thread) even without a skew. */
  readonly perProcess: boolean;
}

/** Every clock, by id. Source: include/uapi/linux/time.h (10 was CLOCK_SGI_CYCLE). */
export const CLOCKS: readonly Clock[] = [
  clock(0, "CLOCK_REALTIME", "realtime"),
  clock(1, "CLOCK_MONOTONIC", "monotonic"),
  clock(2, "CLOCK_PROCESS_CPUTIME_ID", "cpu"),
  clock(3, "CLOCK_THREAD_CPUTIME_ID", "cpu"),
  clock(4, "CLOCK_MONOTONIC_RAW", "raw"),
  clock(5, "CLOCK_REALTIME_COARSE", "realtime"),
  clock(6, "CLOCK_MONOTONIC_COARSE", "monotonic"),
  clock(7, "CLOCK_BOOTTIME", "boottime"),
  clock(8, "CLOCK_REALTIME_ALARM", "realtime"),
  clock(9, "CLOCK_BOOTTIME_ALARM", "boottime"),
  clock(11, "CLOCK_TAI", "tai"),
];

/** What a skew applies to. */
export interface ClockSelection {
  /** By id, each once. */
  clocks: ClockName[];
  gettimeofday: boolean;
  time: boolean;
  /** Bit N for clock id N, bit 62 for gettimeofday(), bit 63 for time(): as the payload reads it. */
  mask: bigint;
}

/** True readings in ns, as the target would read them unskewed (a time namespace shifts the boot clocks). */
export type TrueReadings = Readonly<Record<Exclude<ClockFamily, "cpu">, bigint>>;

/**
 * What belongs to a clock on a machine whose clock is wrong: whoever steps CLOCK_REALTIME steps all that
 * is derived from it. CLOCK_MONOTONIC_RAW is what no adjustment reaches, so it follows nothing.
 */
const FOLLOWERS: Readonly<Partial<Record<ClockName, readonly ClockName[]>>> = {
  CLOCK_REALTIME: ["CLOCK_REALTIME_COARSE", "CLOCK_REALTIME_ALARM", "CLOCK_TAI"],
  CLOCK_MONOTONIC: ["CLOCK_MONOTONIC_COARSE", "CLOCK_BOOTTIME", "CLOCK_BOOTTIME_ALARM"],
};

const GETTIMEOFDAY_BIT = 1n << 62n;
const TIME_BIT = 1n << 63n;

/** The kernel's ktime_t counts ns in an int64: it ends on 2262-04-11. */
const KTIME_END = 2n ** 63n;

const SECOND = 1_000_000_000n;

function clock(id: number, name: ClockName, family: ClockFamily): Clock {
  const since1970 = family === "realtime" || family === "tai";
  return { id, name, family, since1970, perProcess: family === "cpu" };
}

/** The clock of a name. */
export function clockOf(name: ClockName): Clock {
  return CLOCKS.find((each) => each.name === name)!;
}

/**
 * Reads `--clock` values: names or comma-separated lists of them, in any case, with "-" for "_" and with or
 * without CLOCK_. Each clock once, in the order of its first mention; CLOCK_REALTIME if there is none.
 *
 * @throws TimeskewError E_CLOCK, with the nearest name as its hint
 */
export function parseClocks(texts: readonly string[]): ClockName[] {
  if (texts.length === 0) return ["CLOCK_REALTIME"];
  return [...new Set(texts.flatMap((text) => text.split(",")).map(parseClock))];
}

function parseClock(text: string): ClockName {
  const short = shortName(text.trim());
  const found = CLOCKS.find((each) => shortName(each.name) === short);
  if (found) return found.name;

  const known = `the clocks are ${CLOCKS.map((each) => each.name).join(", ")}`;
  if (short === "") throw new TimeskewError("E_CLOCK", "the name of a clock is empty", { hint: known });
  const shown = short.length > 60 ? `${text.trim().slice(0, 60)}…` : text.trim();
  const suggested =
    CLOCKS.find((each) => String(each.id) === short)?.name ??
    // A name without its _ID is not near by distance, but plainly meant.
    CLOCKS.find((each) => shortName(each.name) === `${short}_id`)?.name ??
    nearest(
      short,
      CLOCKS.map((each) => shortName(each.name)),
    );
  throw new TimeskewError("E_CLOCK", `unknown clock ${JSON.stringify(shown)}`, {
    hint: suggested === undefined ? known : `did you mean ${longName(suggested)}?`,
  });
}

function shortName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll("-", "_")
    .replace(/^clock_/, "");
}

function longName(name: string): string {
  return `CLOCK_${shortName(name).toUpperCase()}`;
}

/**
 * The clocks and functions that a skew of the named clocks reaches. Unless `exact`, CLOCK_REALTIME and
 * CLOCK_MONOTONIC bring what belongs to them, gettimeofday() and time() included.
 */
export function expandClocks(names: readonly ClockName[], { exact }: { exact: boolean }): ClockSelection {
  const followers = exact ? [] : names.flatMap((name) => FOLLOWERS[name] ?? []);
  const functions = !exact && names.includes("CLOCK_REALTIME") ? GETTIMEOFDAY_BIT | TIME_BIT : 0n;
  const mask = [...names, ...followers].reduce(
    (bits, name) => bits | (1n << BigInt(clockOf(name).id)),
    functions,
  );
  return selectionFromMask(mask);
}

/**
 * The inverse of `ClockSelection.mask`.
 *
 * @throws TimeskewError E_UNSUPPORTED if a bit has no meaning here: another version wrote it, or nobody did
 */
export function selectionFromMask(mask: bigint): ClockSelection {
  const clocks = CLOCKS.filter((each) => mask & (1n << BigInt(each.id)));
  const known = clocks.reduce(
    (bits, each) => bits | (1n << BigInt(each.id)),
    mask & (GETTIMEOFDAY_BIT | TIME_BIT),
  );
  if (known !== mask) {
    throw new TimeskewError(
      "E_UNSUPPORTED",
      `the clock mask 0x${BigInt.asUintN(64, mask).toString(16)} has unknown bits`,
      {
        hint: "recover the target with the version of timeskew that skewed it",
      },
    );
  }
  return {
    clocks: clocks.map((each) => each.name),
    gettimeofday: (mask & GETTIMEOFDAY_BIT) !== 0n,
    time: (mask & TIME_BIT) !== 0n,
    mask,
  };
}

/** One thing that a skew reaches, and what it truly reads. */
interface Reading {
  name: string;
  family: ClockFamily;
  value: bigint;
}

/**
 * Refuses an offset that would make a selected clock read what no clock reads: below zero (before 1970, or
 * before boot), or from 2^63 ns on.
 *
 * @param offset in ns
 * @throws TimeskewError E_RANGE, with the limit as its hint
 */
export function checkRange(offset: bigint, selection: ClockSelection, now: TrueReadings): void {
  const readings: Reading[] = selection.clocks.map((name) => {
    const { family } = clockOf(name);
    // A thread that starts later has used no CPU time yet.
    return { name, family, value: family === "cpu" ? 0n : now[family] };
  });
  for (const name of ["gettimeofday", "time"] as const) {
    if (selection[name]) readings.push({ name: `${name}()`, family: "realtime", value: now.realtime });
  }
  // The limits of all together come from the clock that reads least and the one that reads most.
  readings.sort((a, b) => (a.value < b.value ? -1 : Number(a.value > b.value)));
  const [lowest, highest] = [readings[0], readings.at(-1)];
  if (lowest && lowest.value + offset < 0n) throw outOfRange(lowest, offset, "least", -lowest.value);
  if (highest && highest.value + offset >= KTIME_END) {
    throw outOfRange(highest, offset, "greatest", KTIME_END - 1n - highest.value);
  }
}

function outOfRange(
  reading: Reading,
  offset: bigint,
  which: "least" | "greatest",
  limit: bigint,
): TimeskewError {
  const since1970 = reading.family === "realtime" || reading.family === "tai";
  const below = since1970 ? "before 1970-01-01" : "below zero";
  const beyond = since1970 ? "beyond 2262-04-11" : "beyond 2^63 ns";
  const where = which === "least" ? below : `${beyond}, where the kernel's time ends`;
  return new TimeskewError(
    "E_RANGE",
    `${reading.name} ${describe(reading)}: an offset of ${formatDuration(offset)} would take it ${where}`,
    // Whole seconds read better, and lie on the safe side of the limit.
    { hint: `the ${which} offset for these clocks is ${formatDuration(limit - (limit % SECOND))}` },
  );
}

function describe({ family, value }: Reading): string {
  switch (family) {
    case "cpu":
      return "starts at 0 in each new thread or process";
    case "realtime":
    case "tai":
      // TAI has no time zone, and the difference to UTC does not matter here.
      return `reads ${new Date(Number(value / 1_000_000n)).toISOString().slice(0, 19).replace("T", " ")}`;
    default:
      return `reads ${formatDuration(value - (value % SECOND))} since boot`;
  }
}
