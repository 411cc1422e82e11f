/**
 * What the command line asks of the engine. The library (../index.ts) is imported only when a command needs
 * it, so that --version, --help and a wrong command line load neither koffi nor elfy; tests pass a fake.
 */
import type { PatchPlan } from "../patch/plan.ts";
import type {
  DoctorResult,
  DryRunResult,
  InjectResult,
  NowResult,
  RecoverResult,
  RecoverSettings,
  SessionSettings,
  SkewSettings,
  StatusResult,
} from "../types.ts";

export interface Engine {
  inject(o: { pid: number } & SkewSettings & SessionSettings): Promise<InjectResult>;
  /** Reads, changes nothing. */
  planInjection(o: { pid: number } & SkewSettings): Promise<DryRunResult>;
  recover(o: { pid: number } & RecoverSettings & SessionSettings): Promise<RecoverResult>;
  /** With pids: one row for each of them, unskewed ones too. Without: the machine's skewed processes. */
  status(o?: { pids?: readonly number[] }): Promise<StatusResult>;
  readClocks(o: { pid: number } & SessionSettings): Promise<NowResult>;
  doctor(o?: { pid?: number }): Promise<DoctorResult>;
  /** The plan as lines of text, for --dry-run. */
  describePlan(plan: PatchPlan): string[];
  /** The plan as plain data for --dry-run --json: addresses as 0x… strings, code as hexadecimal. */
  planAsJson(plan: PatchPlan): object;
}

export async function loadEngine(): Promise<Engine> {
  return await import("../index.ts");
}
