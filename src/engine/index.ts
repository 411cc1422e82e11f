/**
 * The operations on processes, as the library (../index.ts) and the command line call them. `engine.ts` says what each is
 * asked.
 *
 * Every function rejects with a TimeskewError, which says what state the target is in. While a target is stopped no
 * JavaScript runs: each session is one synchronous call of the C helper.
 */

export { type ErrorCode, EXIT_CODES, type TargetState, TimeskewError } from "../errors.ts";
export { describePlan, planAsJson } from "../patch/describe.ts";
export type { PatchPlan, Step } from "../patch/plan.ts";
export type { ClockName } from "../skew/clock.ts";
export type { Frame } from "../skew/profile.ts";
export type { VerbTexts } from "../skew/verbs.ts";
export { type Selected, type Selection, type Selector, select } from "../target/select.ts";
export type * from "../types.ts";
export { doctor } from "./doctor.ts";
export { planInjection } from "./dry-run.ts";
export { type Following, type FollowNews, follow } from "./follow.ts";
export { heritageOf } from "./inherit.ts";
export { inject } from "./inject.ts";
export { type Begun, type Joint, joint } from "./joint.ts";
export { readClocks } from "./now.ts";
export { recover } from "./recover.ts";
export { containersOf, status } from "./status.ts";
export { carriersSince, ticksNow } from "./whose.ts";
