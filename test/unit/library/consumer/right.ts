/** A program of somebody else's that uses all that the library exports; it is compiled, and never run. */
import { spawn } from "node:child_process";
import {
  type ChangeOptions,
  type Check,
  type Clock,
  type ClockName,
  type ClockReading,
  type ClockSettings,
  type DoctorOptions,
  type DoctorResult,
  type Duration,
  doctor,
  type ErrorCode,
  EXIT_CODES,
  type Injection,
  type InjectionSettings,
  type InjectOptions,
  type InjectResult,
  type Instant,
  inject,
  type Keyframe,
  type NowResult,
  type ProcessLike,
  type ReadClocksOptions,
  type RecoverOptions,
  type RecoverResult,
  type RecoverySettings,
  type RunningProfile,
  readClocks,
  recover,
  type Selected,
  type Selectors,
  type Skew,
  type SkewedTargets,
  type SkewState,
  type SomeVerb,
  type StatusOptions,
  type StatusResult,
  type StatusRow,
  type StopSettings,
  status,
  type TargetState,
  type Targets,
  TimeskewError,
  type TimeskewErrorJson,
  type TimeskewErrorOptions,
  type UnprovedCall,
  type Verbs,
  type WaitCoverage,
} from "timeskew";

const server = spawn("server");
const process: ProcessLike = server;

export async function block(): Promise<bigint> {
  await using skew: Injection = await inject({ pid: server, offset: "-10m" });
  const changed: readonly InjectResult[] = await skew.change({ rate: 2, duration: 1_000_000_000n });
  const [result] = changed;
  const previous: Skew | undefined = result?.previous;
  const profile: RunningProfile | undefined = previous?.profile;
  const waits: WaitCoverage | undefined = result?.waits;
  const unproved: readonly UnprovedCall[] = waits?.unproved ?? [];
  const selected: readonly Selected[] = skew.selection;
  const failures: readonly TimeskewError[] = skew.failures;
  const names = [skew.id, profile?.text, unproved[0]?.why, selected[0]?.words, failures[0]?.code];
  return names.length > 0 ? (result?.pauseNs ?? 0n) : 0n;
}

const targets: Targets = { tree: [server, 12], container: "web" };
const selectors: Selectors = { pod: "default/web-0", podUid: [], cgroup: "/a", user: "ada", comm: ["x"] };
const verb: SomeVerb = { at: new Date(), freeze: true };
const clocks: ClockSettings = { clocks: ["monotonic", "CLOCK_TAI"], exact: true };
const further: InjectionSettings & StopSettings = { waits: false, partial: "keep", stopTimeoutMs: 2000 };
export const options: InjectOptions = { ...selectors, ...targets, ...verb, ...clocks, ...further };
export const change: ChangeOptions = { slew: "-5s", over: "10m" };
export const verbs: Verbs = {};

const span: Duration = "1h30m";
const frame: Keyframe = [0n, span];
const clock: Clock = "realtime";
const name: ClockName = "CLOCK_REALTIME";
const instant: Instant = "2038-01-19T03:14:00Z";
await inject({ pid: process, keyframes: [frame, { elapsed: span, offset: 0n }], clocks: [clock, name] });
await inject({ pid: 12, leap: "insert", leapAt: instant, seed: 7n, smear: "24h" });

const recovery: RecoverySettings = { glide: true };
const meant: SkewedTargets = { skew: "3f2a" };
const all: RecoverOptions = { all: true, ...recovery };
export const recovered: readonly RecoverResult[] = [...(await recover(all)), ...(await recover(meant))];

const who: StatusOptions = { pid: 12 };
const found: StatusResult = await status(who);
const [row]: readonly StatusRow[] = found.rows;
export const state: SkewState | undefined = row?.state;
const reading: ReadClocksOptions = { pid: server };
const now: NowResult = await readClocks(reading);
const [first]: readonly ClockReading[] = now.readings;
export const difference: bigint | undefined = first?.difference;
const about: DoctorOptions = { pid: 12 };
const diagnosis: DoctorResult = await doctor(about);
export const checks: readonly Check[] = diagnosis.checks;

try {
  await status();
} catch (error) {
  if (!(error instanceof TimeskewError)) throw error;
  const code: ErrorCode = error.code;
  const left: TargetState = error.targetState;
  const json: TimeskewErrorJson = error.toJSON();
  const more: TimeskewErrorOptions = { pid: error.pid ?? 0, targetState: left, cause: json };
  throw new TimeskewError(code, `exit code ${EXIT_CODES[code]}`, more);
}
