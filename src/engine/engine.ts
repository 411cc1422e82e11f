/**
 * What is asked of the engine. Its own module (index.ts) loads koffi and elfy, so whoever only may need it gets it handed in
 * as this; tests pass a fake.
 */
import type { PatchPlan } from "../patch/plan.ts";
import type { Selected, Selection, Selector } from "../target/select.ts";
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
import type { Following, FollowOptions } from "./follow.ts";
import type { Heritage } from "./inherit.ts";
import type { Joint } from "./joint.ts";
import type { Whose } from "./whose.ts";

export interface Engine {
  /** The processes that selectors mean, now and later. */
  select(selectors: readonly Selector[]): Promise<Selection>;
  /** One skew for several processes. */
  joint(o: SkewSettings & SessionSettings & Whose): Joint;
  /** Keeps a skew in what a set starts. One at a time. */
  follow(o: Pick<FollowOptions, "allowBackwardMonotonic" | "tell">): Following;
  inject(o: { pid: number } & SkewSettings & SessionSettings): Promise<InjectResult>;
  /** Reads, changes nothing. */
  planInjection(o: { pid: number } & SkewSettings): Promise<DryRunResult>;
  recover(o: { pid: number } & RecoverSettings & SessionSettings & Whose): Promise<RecoverResult>;
  /** With pids: one row for each of them, unskewed ones too. Without: the machine's skewed processes. */
  status(o?: { pids?: readonly number[] }): Promise<StatusResult>;
  /** The containers that processes are in, by their pids. */
  containersOf(pids: readonly number[]): Promise<ReadonlyMap<number, Selected>>;
  readClocks(o: { pid: number } & SessionSettings): Promise<NowResult>;
  /** `machine: false` leaves out what concerns every process alike. */
  doctor(o?: { pid?: number; machine?: boolean }): Promise<DoctorResult>;
  /** What a process would hand on to a program that it starts; undefined if it is not skewed. */
  heritageOf(pid: number): Heritage | undefined;
  /** The plan as lines of text, for --dry-run. */
  describePlan(plan: PatchPlan): string[];
  /** The plan as plain data for --dry-run --json: addresses as 0x… strings, code as hexadecimal. */
  planAsJson(plan: PatchPlan): object;
}

/** What the library asks beside. */
export interface WholeEngine extends Engine {
  /** Clock ticks since boot, as `carriersSince` counts them. */
  ticksNow(): bigint;
  /** Who started since then and carries one of these skews. */
  carriersSince(skews: ReadonlySet<string>, since: bigint): Promise<number[]>;
}
