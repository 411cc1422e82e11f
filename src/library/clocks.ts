/** `readClocks()` and `doctor()`: one process, looked at. */
import type { WholeEngine } from "../engine/engine.ts";
import type { DoctorResult, NowResult } from "../types.ts";
import { patiently } from "./patience.ts";
import { readStop, type StopSettings } from "./settings.ts";
import { type ProcessLike, readProcess } from "./targets.ts";
import { guarded, startedHere } from "./threads.ts";
import { checkKeys } from "./values.ts";

/** Whose clocks are read. */
export interface ReadClocksOptions extends StopSettings {
  /** The process; not this one. */
  readonly pid: ProcessLike;
}

/** Which process is looked at; none: what concerns every process of this machine. */
export interface DoctorOptions {
  /** The process. */
  readonly pid?: ProcessLike | undefined;
}

/** @throws TimeskewError */
export async function readClocksBy(engine: WholeEngine, o: ReadClocksOptions): Promise<NowResult> {
  const passed = checkKeys(o, ["pid", "stopTimeoutMs"], "readClocks()");
  const settings = { pid: readProcess("pid", passed.pid), ...readStop(passed) };
  return await patiently(() => guarded(engine, startedHere(passed)).readClocks(settings));
}

/** @throws TimeskewError */
export async function doctorBy(engine: WholeEngine, o: DoctorOptions = {}): Promise<DoctorResult> {
  const { pid } = checkKeys(o, ["pid"], "doctor()");
  return await engine.doctor(pid === undefined ? {} : { pid: readProcess("pid", pid) });
}
