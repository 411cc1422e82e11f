/**
 * What mutation starts from: this process's own /proc files and its own vDSO, read at run time, next to small
 * hand-made ones in parsers/. One run of the fuzzer reads them once, so that all its processes mutate the same.
 */
import { readFileSync } from "node:fs";
import { ownVdso } from "../unit/machine/x86_64/images.ts";

export interface Corpus {
  readonly maps: string;
  readonly stat: string;
  readonly status: string;
  readonly cgroup: string;
  /** Empty where this process runs without one. */
  readonly vdso: Uint8Array;
}

export function readCorpus(): Corpus {
  const own = (name: string) => readFileSync(`/proc/self/${name}`, "utf8");
  return {
    maps: own("maps"),
    stat: own("stat"),
    status: own("status"),
    cgroup: own("cgroup"),
    vdso: ownVdso() ?? new Uint8Array(),
  };
}
