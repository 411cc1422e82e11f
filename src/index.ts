/**
 * timeskew as a library: give one running process a wrong clock, and take it back.
 *
 *     const { skew } = await inject({ pid: 1234, offset: "-10m" });
 *     await inject({ pid: 1234, rate: "2" });
 *     await recover({ pid: 1234 });
 *
 * Every function rejects with a TimeskewError, which says what state the target is in. While a target is stopped no
 * JavaScript runs: each session is one synchronous call of the C helper.
 */
export { doctor } from "./engine/doctor.ts";
export { planInjection } from "./engine/dry-run.ts";
export { type Following, type FollowNews, follow } from "./engine/follow.ts";
export { heritageOf } from "./engine/inherit.ts";
export { inject } from "./engine/inject.ts";
export { type Begun, type Joint, joint } from "./engine/joint.ts";
export { readClocks } from "./engine/now.ts";
export { recover } from "./engine/recover.ts";
export { containersOf, status } from "./engine/status.ts";
export { type ErrorCode, EXIT_CODES, type TargetState, TimeskewError } from "./errors.ts";
export { describePlan, planAsJson } from "./patch/describe.ts";
export type { PatchPlan, Step } from "./patch/plan.ts";
export type { ClockName } from "./skew/clock.ts";
export type { Frame } from "./skew/profile.ts";
export type { VerbTexts } from "./skew/verbs.ts";
export { type Selected, type Selection, type Selector, select } from "./target/select.ts";
export type * from "./types.ts";
