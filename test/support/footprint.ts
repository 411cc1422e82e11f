/** What a process takes of its machine, and whether that grows. */
import { readdirSync } from "node:fs";
import { field, maps } from "./proc.ts";

/** Counts, and sizes in KiB. */
export interface Footprint {
  readonly descriptors: number;
  readonly threads: number;
  readonly mappings: number;
  readonly virtual: number;
  /** Resident anonymous memory. */
  readonly resident: number;
}

export type Measure = keyof Footprint;

function kib(pid: number, name: string): number {
  return Number.parseInt(field(pid, name), 10);
}

export function footprint(pid: number): Footprint {
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: Number(field(pid, "Threads")),
    mappings: maps(pid).length,
    virtual: kib(pid, "VmSize"),
    resident: kib(pid, "RssAnon"),
  };
}

/**
 * By how much the lowest value of the last third lies above the highest of the first third: what comes and goes is no
 * growth, what stays is.
 */
export function growth(samples: readonly Footprint[], measure: Measure): number {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const values = samples.map((sample) => sample[measure]);
  return Math.min(...values.slice(-third)) - Math.max(...values.slice(0, third));
}

/** What grew by more than is allowed. */
export function leaks(
  whose: string,
  samples: readonly Footprint[],
  allowed: Readonly<Record<Measure, number>>,
): string[] {
  return (Object.keys(allowed) as Measure[]).flatMap((measure) => {
    const by = growth(samples, measure);
    return by > allowed[measure]
      ? [`${whose} ${measure} grew by ${by}, ${allowed[measure]} are allowed`]
      : [];
  });
}
