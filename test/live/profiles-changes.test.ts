/**
 * Changes of what is running. From one profile to the next the clock does not jump, unless it was told to; a forked child
 * goes on by its parent's profile; what cannot be done without a jump is refused; and CLOCK_MONOTONIC glides home.
 */
import { expect, type TestContext, test } from "vitest";
import { inject, recover, recoverFully, refusal, start, status } from "../support/cli.ts";
import { MICROSECOND, MILLISECOND, SECOND } from "../support/clock.ts";
import { needNamespaces, startInside } from "../support/namespaces.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import * as library from "../support/patient.ts";
import { codeSnapshot } from "../support/proc.ts";
import { type Follower, seriesComplaints, startFollower } from "../support/profiles/follower.ts";
import { MONOTONIC, SUBJECTS, type Subject, shown } from "../support/profiles/model.ts";
import { needSettings, type Settings } from "../support/profiles/slots.ts";
import { complaints } from "../support/profiles/watched.ts";
import { nanoseconds, type Reading } from "../support/readings.ts";
import { startClocks } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const HOUR = 3600n * SECOND;
const ON_MONOTONIC = ["--clock", "CLOCK_MONOTONIC"];

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** By how much a clock jumps where the settings in force take over from the others. */
function jumpAtStart(settings: Settings, what: Subject): bigint {
  const at = settings.inForce.start[what.family];
  const without = { ...settings, inForce: settings.other };
  return shown(settings, what, at) - shown(without, what, at);
}

function selectedBy({ inForce }: Settings): Subject[] {
  return [...SUBJECTS.values()].filter(({ bit }) => (inForce.selected >> BigInt(bit)) & 1n);
}

/** Watches a clock while something is done to it; the readings must be the work of the old settings, then of the new. */
async function throughout(
  { pid, what, series }: Follower,
  change: () => Promise<{ late: bigint | undefined }>,
) {
  const readings = series(2_500, 100n * MICROSECOND);
  const { late } = await change();
  const settings = needSettings(pid);
  const wrong = seriesComplaints(settings, what, await readings);
  // A change that came too late tells so, and by how much.
  return { late, settings, wrong: late === undefined ? wrong : [] };
}

const CHAIN = [
  { title: "from a constant to a rate", verbs: { rate: "2" }, by: 0n },
  { title: "to a slower one", verbs: { rate: "0.5" }, by: 0n },
  { title: "to a drift", verbs: { drift: "300ppm" }, by: 0n },
  { title: "to a frozen clock", verbs: { freeze: true }, by: 0n },
  {
    title: "to jitter that glides",
    verbs: { jitter: "20ms", jitterEvery: "50ms", jitterGlide: true },
    by: 0n,
  },
  { title: "to a slew", verbs: { slew: "90m", over: "100ms" }, by: 0n },
  { title: "to a strobe", verbs: { strobe: "1s", period: "3ms" }, by: SECOND },
];

test("a new profile goes on where the old one was, on either clock", async (context) => {
  need(context);
  for (const clock of ["CLOCK_REALTIME", "CLOCK_MONOTONIC"] as const) {
    await using follower = await startFollower(clock, 0);
    const { pid } = follower;
    await library.inject({ pid, clocks: [clock], offset: HOUR });
    for (const { title, verbs, by } of CHAIN) {
      if (clock === "CLOCK_MONOTONIC" && "strobe" in verbs) continue; // it would go back
      const { late, settings, wrong } = await throughout(follower, () =>
        library.inject({ pid, clocks: [clock], ...verbs }),
      );
      if (late !== undefined) continue;
      expect(wrong, `${clock}, ${title}`).toEqual([]);
      for (const each of selectedBy(settings)) {
        expect(jumpAtStart(settings, each), `${clock}, ${title}`).toBe(by);
      }
    }
  }
});

test("a jump that is asked for is one, at the moment of the change", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const { pid, what } = follower;
  await library.inject({ pid, rate: "3" });
  const { settings, wrong } = await throughout(follower, () =>
    library.inject({ pid, rate: "2", offset: -HOUR }),
  );
  expect(wrong).toEqual([]);
  const { realtime } = settings.inForce.start;
  expect(shown(settings, what, realtime)).toBe(realtime - HOUR);

  // And to a constant, which is one that begins.
  const after = await throughout(follower, () => library.inject({ pid, offset: HOUR }));
  expect(after.wrong).toEqual([]);
  const began = after.settings.inForce.start.realtime;
  expect(shown(after.settings, what, began)).toBe(began + HOUR);
  expect(shown(after.settings, what, began + HOUR)).toBe(began + 2n * HOUR);
});

test("changes one right after the other, and while one is pending", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_MONOTONIC", 4);
  const { pid, what } = follower;
  const clocks = ["CLOCK_MONOTONIC"];
  await library.inject({ pid, clocks, rate: "2" });
  // The second one comes before the first has begun.
  for (let round = 0; round < 5; round++) {
    const before = (await follower.settle()).back;
    const first = await library.inject({ pid, clocks, rate: "1.5" });
    const second = await library.inject({ pid, clocks, rate: "0.5" });
    if (first.late !== undefined || second.late !== undefined) continue;
    expect((await follower.settle()).back).toBe(before);
  }
  // One that begins in an hour does not, once there is another one.
  await library.inject({ pid, clocks, rate: "7", startIn: "1h" });
  expect(await status(pid)).toMatchObject({ skew: { profile: { phase: "waiting" } } });
  const { wrong, settings } = await throughout(follower, () => library.inject({ pid, clocks, rate: "1.25" }));
  expect(wrong).toEqual([]);
  expect(shown(settings, what, settings.inForce.start.monotonic + 4n * HOUR)).toBe(
    shown(settings, what, settings.inForce.start.monotonic) + 5n * HOUR,
  );
});

test("what began, and what is pending, is told by status", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const { pid } = follower;
  await inject(pid, "--offset", "1h");
  await inject(pid, "--rate", "2", "--start-in", "1h");
  expect(await status(pid)).toMatchObject({
    state: "skewed",
    skew: { offset: `${HOUR}`, profile: { phase: "waiting", text: expect.stringContaining("--rate 2") } },
  });
  const series = await follower.series(100, MICROSECOND);
  expect(seriesComplaints(needSettings(pid), follower.what, series)).toEqual([]);
  await recoverFully(pid);
});

test("a profile takes over the clocks of the skew in force, and no others", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_REALTIME", 0);
  const { pid } = follower;
  await inject(pid, "--offset", "1h");
  const before = needSettings(pid);
  const refused = ["--clock", "CLOCK_MONOTONIC", "--rate", "2"];
  const { message, hint } = await refusal("E_UNSUPPORTED", ["inject", "--pid", pid, ...refused]);
  expect(`${message}: ${hint}`).toMatch(/CLOCK_REALTIME/);
  expect(needSettings(pid)).toEqual(before);
  await inject(pid, "--rate", "2");
  await refusal("E_UNSUPPORTED", [
    "inject",
    "--pid",
    pid,
    "--offset",
    "1h",
    "--clock",
    "CLOCK_TAI",
    "--exact",
  ]);
  // Between constants, it is possible.
  await recoverFully(pid);
  await inject(pid, "--offset", "1h");
  await inject(pid, "--offset", "2h", ...ON_MONOTONIC);
});

test("a forked child follows the profile of its parent", async (context) => {
  need(context);
  await using clocks = await startClocks();
  const { dialog, pid } = clocks;
  await inject(pid, "--rate", "3", "--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC");
  const settings = needSettings(pid);
  const child = (await dialog.askJson<{ pid: number }>("fork")).pid;
  expect(needSettings(child)).toEqual(settings);
  const readings = async (command: string) =>
    (await dialog.askJson<{ readings: Reading[] }>(command)).readings;
  expect(complaints(await readings("read"), settings)).toEqual([]);

  // From here on they go their own ways.
  await inject(child, "--rate", "1.5", "--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC");
  const own = needSettings(child);
  await waitFor("the handover", async () => {
    const found = await readings("read");
    expect(complaints(found, own)).toEqual([]);
    return complaints(found, settings).length > 0;
  });
  expect(complaints(await readings("parent read"), settings)).toEqual([]);
  await recover(child, "--allow-backward-monotonic");
  expect(complaints(await readings("parent read"), settings)).toEqual([]);
});

/** Only the kernel knows by how much these clocks are ahead: a start is the target's own reading, or shifted as far. */
test("in a time namespace: a profile, and a change from a constant, by the clocks that are there", async (context) => {
  const by = needNamespaces(context, "--time", "--monotonic=1000000", "--boottime=-5");
  for (const first of [
    ["--rate", "2"],
    ["--offset", "1h"],
  ]) {
    await using victim = await startInside(by);
    const { dialog, pid } = victim;
    const readings = async () => (await dialog.askJson<{ readings: Reading[] }>("read")).readings;
    await inject(pid, ...first, "--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC");
    expect(complaints(await readings(), needSettings(pid))).toEqual([]);
    await inject(pid, "--rate", "0.5", "--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC");
    const settings = needSettings(pid);
    for (const what of SUBJECTS.values()) expect(jumpAtStart(settings, what)).toBe(0n);
    await waitFor("its begin", async () => {
      const found = await readings();
      expect(complaints(found, settings)).toEqual([]);
      const { value } = found.find(({ name }) => name === "CLOCK_MONOTONIC")!;
      return nanoseconds(value) > shown(settings, MONOTONIC, settings.inForce.start.monotonic);
    });
  }
});

test("recover --glide: the clock is slowed until the truth has caught up", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_MONOTONIC", 8);
  const { pid } = follower;
  const untouched = codeSnapshot(pid);
  await inject(pid, "--offset", "200ms", ...ON_MONOTONIC);
  const refused = await refusal("E_BACKWARD_MONOTONIC", ["recover", "--pid", pid]);
  expect(`${refused.message} ${refused.hint}`).toContain("--glide");
  const recovered = await recover(pid, "--glide", "--over", "700ms");
  expect(recovered).toMatchObject({ action: "gliding", recovery: { action: "recovered" } });
  await recoverFully(pid);
  expect(codeSnapshot(pid)).toEqual(untouched);
  expect(await follower.settle()).toMatchObject({ back: 0, first: [] });
});

test("recover --glide that is interrupted goes on in the target", async (context) => {
  need(context);
  await using follower = await startFollower("CLOCK_MONOTONIC", 2);
  const { pid } = follower;
  await inject(pid, "--offset", "500ms", ...ON_MONOTONIC);
  const tool = start(["recover", "--pid", pid, "--glide", "--over", "2s"]);
  await waitFor("the glide", () => needSettings(pid).inForce.profile !== undefined);
  process.kill(tool.pid, "SIGINT");
  const { code, stderr } = await tool.done;
  expect(code, stderr).toBe(1);
  expect(stderr).toMatch(/glid/);
  const settings = needSettings(pid);
  const { monotonic } = settings.inForce.start;
  expect(shown(settings, follower.what, monotonic + 2n * SECOND)).toBe(monotonic + 2n * SECOND);
  await waitFor("the true time", async () => {
    const [reading] = await follower.series(1, MILLISECOND);
    return reading!.value <= reading!.truth.to;
  });
  await recoverFully(pid);
  expect(await follower.settle()).toMatchObject({ back: 0, first: [] });
});
