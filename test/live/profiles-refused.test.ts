/**
 * What a profile must not do to CLOCK_MONOTONIC is refused before anything is touched, with what to use instead; and it is
 * done if the user insists.
 */
import { expect, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { inject, recoverFully, refusal } from "../support/cli.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { codeSnapshot } from "../support/proc.ts";
import { seriesComplaints, startFollower } from "../support/profiles/follower.ts";
import { needSettings, settingsOf } from "../support/profiles/slots.ts";

const ROWS = [
  { title: "a strobe", flags: ["--strobe", "1s", "--period", "1s"], instead: /--|glide|keyframes/ },
  {
    title: "jitter that begins ahead",
    flags: ["--jitter", "10ms", "--seed", "1"],
    instead: /--jitter-glide/,
  },
  {
    title: "jitter that begins behind",
    flags: ["--jitter", "10ms", "--seed", "3"],
    instead: /--jitter-glide/,
  },
  {
    title: "jitter that glides too fast",
    flags: ["--jitter", "1s", "--jitter-every", "1s", "--jitter-glide"],
    instead: /--jitter/,
  },
  { title: "an end of what is ahead", flags: ["--offset", "1h", "--duration", "10s"], instead: /--/ },
  { title: "an end of a fast clock", flags: ["--rate", "2", "--duration", "10s"], instead: /--/ },
  {
    title: "an end again and again",
    flags: ["--rate", "2", "--duration", "10s", "--every", "1m"],
    instead: /--/,
  },
  {
    title: "a slew back, faster than the time",
    flags: ["--slew", "-10s", "--over", "5s"],
    instead: /more time/,
  },
  { title: "a step back at the begin", flags: ["--offset", "-1s", "--rate", "2"], instead: /--/ },
];

test.for(ROWS)("CLOCK_MONOTONIC: $title", async ({ flags, instead }, context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using follower = await startFollower("CLOCK_MONOTONIC", 0);
  const { pid, what } = follower;
  const untouched = codeSnapshot(pid);
  const clock = ["--clock", "CLOCK_MONOTONIC"];
  const command = ["inject", "--pid", pid, ...flags, ...clock];
  const { message, hint, targetState } = await refusal("E_BACKWARD_MONOTONIC", command);
  expect(`${message} ${hint}`).toMatch(/CLOCK_MONOTONIC/);
  expect(hint).toMatch(instead);
  expect(targetState).toBe("untouched");
  expect(settingsOf(pid)).toBeUndefined();
  expect(codeSnapshot(pid)).toEqual(untouched);

  // The same is no harm to the wall clock, and possible here as well.
  await inject(pid, ...flags, ...clock, "--allow-backward-monotonic");
  const series = await follower.series(100, 10_000n);
  expect(seriesComplaints(needSettings(pid), what, series)).toEqual([]);
  await recoverFully(pid, "--allow-backward-monotonic");
  expect(codeSnapshot(pid)).toEqual(untouched);
});

const WRONG: { title: string; flags: string[]; code?: ErrorCode }[] = [
  { title: "no verb at all", flags: [] },
  { title: "--slew without --over", flags: ["--slew", "1s"] },
  { title: "--every without --duration", flags: ["--offset", "1s", "--every", "1m"] },
  { title: "--freeze with --rate", flags: ["--freeze", "--rate", "2"] },
  { title: "--at with --offset", flags: ["--at", "@0", "--offset", "1s"] },
  { title: "--rate 0", flags: ["--rate", "0"], code: "E_RANGE" },
  { title: "--smear of a second", flags: ["--leap", "insert", "--smear", "1s"], code: "E_RANGE" },
  { title: "--leap with --jitter", flags: ["--leap", "insert", "--jitter", "1s"] },
];

test.for(WRONG)(
  "a command that says nothing sensible touches nothing: $title",
  async ({ flags, code = "E_USAGE" }, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using follower = await startFollower("CLOCK_REALTIME", 0);
    const { pid } = follower;
    const untouched = codeSnapshot(pid);
    await refusal(code, ["inject", "--pid", pid, ...flags]);
    expect(codeSnapshot(pid)).toEqual(untouched);
  },
);

test("--at is for wall clocks, and CPU time has no profile", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const { pid } = follower;
  const pids = ["--pid", `${pid}`];
  await refusal("E_CLOCK", ["inject", ...pids, "--at", "@0", "--clock", "CLOCK_MONOTONIC"]);
  await refusal("E_CLOCK", ["inject", ...pids, "--rate", "2", "--clock", "CLOCK_PROCESS_CPUTIME_ID"]);
  expect(settingsOf(pid)).toBeUndefined();
});
