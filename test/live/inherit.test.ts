/**
 * A program that inherits reads its clocks as the one that it inherits from: by the same settings, from the same moments
 * on. The library is used on two processes that are not related, so each has its own vDSO, and its own original functions.
 */
import { expect, type TestContext, test } from "vitest";
import { type Heritage, heritageFor, heritageOf, inherit } from "../../src/engine/inherit.ts";
import type { SkewSettings } from "../../src/types.ts";
import { recover, status } from "../support/cli.ts";
import { MINUTE, SECOND } from "../support/clock.ts";
import { needNamespaces, startInside } from "../support/namespaces.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import * as library from "../support/patient.ts";
import { snapshot } from "../support/proc.ts";
import { begun, needSettings, settingsOf } from "../support/profiles/slots.ts";
import { watchC } from "../support/profiles/watched.ts";
import { GLIBC_STATIC, MUSL_STATIC } from "../support/recipes.ts";

const PATIENT = { stopTimeoutMs: 20_000 };

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
}

/** What another program may not be told: which settings came when, in this process. */
function handedOn(pid: number) {
  const { inForce } = needSettings(pid);
  return { ...inForce, generation: 0n };
}

const SKEWS: { title: string; skew: SkewSettings }[] = [
  { title: "a constant", skew: { offset: "-10m" } },
  { title: "a rate", skew: { rate: "1.5", clocks: ["realtime", "monotonic"] } },
  { title: "a frozen clock", skew: { at: "2000-01-01T00:00:00Z", freeze: true } },
  { title: "jitter", skew: { jitter: "20ms", jitterEvery: "7ms", seed: "5" } },
  { title: "a slew that ends", skew: { slew: "5s", over: "10m", duration: "1h" } },
  { title: "a strobe of one clock only", skew: { strobe: "200ms", period: "50ms", exact: true } },
];

test.for(SKEWS)("$title is read as the first one reads it, to the nanosecond", async ({ skew }, context) => {
  need(context);
  await using first = await watchC();
  await using heir = await watchC();
  const untouched = snapshot(heir.pid);
  const { skew: given } = await library.inject({ pid: first.pid, ...skew });
  const settings = skew.offset === undefined ? await begun(first.pid) : needSettings(first.pid);

  const inherited = inherit(heir.pid, heritageOf(first.pid)!, PATIENT)!;
  const { id, since } = given;
  expect(await status(heir.pid)).toMatchObject({ state: "skewed", skew: { id, since: String(since) } });
  expect(inherited.waits?.sites).toBeGreaterThan(0);
  expect(handedOn(heir.pid)).toEqual(handedOn(first.pid));
  for (let i = 0; i < 20; i++) expect(await heir.complaints(settings)).toEqual([]);
  expect(await first.complaints(settings)).toEqual([]);

  expect(inherit(heir.pid, heritageOf(first.pid)!, PATIENT)).toBeUndefined();
  await recover(heir.pid, "--allow-backward-monotonic");
  expect(snapshot(heir.pid)).toEqual(untouched);
});

test.for([
  ["a static program", GLIBC_STATIC],
  ["one with musl", MUSL_STATIC],
] as const)("%s inherits from one with glibc", async ([, recipe], context) => {
  need(context);
  await using first = await watchC();
  await using heir = await watchC(recipe);
  await library.inject({ pid: first.pid, drift: "300ppm" });
  const settings = await begun(first.pid);
  inherit(heir.pid, heritageOf(first.pid)!, PATIENT);
  expect(await heir.complaints(settings)).toEqual([]);
});

test("an heir's heir", async (context) => {
  need(context);
  await using first = await watchC();
  await using second = await watchC();
  await using third = await watchC();
  await library.inject({ pid: first.pid, rate: "1.25" });
  const settings = await begun(first.pid);
  inherit(second.pid, heritageOf(first.pid)!, PATIENT);
  inherit(third.pid, heritageOf(second.pid)!, PATIENT);
  expect(await third.complaints(settings)).toEqual([]);
  expect(handedOn(third.pid)).toEqual(handedOn(first.pid));
});

test("before a profile has begun, what governs until then is inherited, too", async (context) => {
  need(context);
  await using first = await watchC();
  await using heir = await watchC();
  await library.inject({ pid: first.pid, offset: "-10m" });
  await library.inject({ pid: first.pid, rate: "2", startIn: "1h" });
  const settings = needSettings(first.pid);
  inherit(heir.pid, heritageOf(first.pid)!, PATIENT);
  expect((await status(heir.pid)).skew).toMatchObject({
    offset: "-600000000000",
    profile: { phase: "waiting" },
  });
  expect(await heir.complaints(settings)).toEqual([]);
  const { inForce, other } = needSettings(heir.pid);
  expect({ ...other, generation: 0n }).toEqual({ ...settings.other, generation: 0n });
  expect(inForce.start).toEqual(settings.inForce.start);
  // Live changes go on from there.
  await library.inject({ pid: heir.pid, offset: "-20m" });
  expect(needSettings(heir.pid)).toMatchObject({ inForce: { base: -20n * MINUTE, profile: undefined } });
  await recover(heir.pid);
  expect(settingsOf(heir.pid)).toBeUndefined();
});

test("a skew that is for programs yet to come begins at once, and at the same time for all", async (context) => {
  need(context);
  await using one = await watchC();
  await using other = await watchC();
  const heritage = heritageFor({ rate: "1.01", clocks: ["realtime", "monotonic"] });
  inherit(one.pid, heritage, PATIENT);
  inherit(other.pid, heritage, PATIENT);
  const settings = needSettings(one.pid);
  expect(settings.inForce.start).toEqual(heritage.settings.profile!.start);
  expect(handedOn(other.pid)).toEqual(handedOn(one.pid));
  expect(await one.complaints(settings)).toEqual([]);
  expect(await other.complaints(settings)).toEqual([]);
});

test("its waits are left alone if the first one's are", async (context) => {
  need(context);
  await using first = await watchC();
  await using heir = await watchC();
  await library.inject({ pid: first.pid, offset: "-10m", waits: false });
  expect(inherit(heir.pid, heritageOf(first.pid)!, PATIENT)!.waits).toBeUndefined();
  expect(await status(heir.pid)).toMatchObject({ state: "skewed", waitSites: 0 });
});

test("one that runs already does not see CLOCK_MONOTONIC go back, unless that is permitted", async (context) => {
  need(context);
  await using heir = await watchC();
  const heritage = heritageFor({ offset: "-1s", clocks: ["monotonic"] });
  expect(() => inherit(heir.pid, heritage, PATIENT)).toThrow(
    expect.objectContaining({ code: "E_BACKWARD_MONOTONIC", targetState: "untouched" }),
  );
  expect(settingsOf(heir.pid)).toBeUndefined();
  inherit(heir.pid, heritage, { ...PATIENT, fresh: true });
  expect(await heir.complaints(needSettings(heir.pid))).toEqual([]);
});

test("what earlier runs have left is cleaned up first", async (context) => {
  need(context);
  await using heir = await watchC();
  const untouched = snapshot(heir.pid);
  await library.inject({ pid: heir.pid, offset: "1h", waits: false });
  await library.recover({ pid: heir.pid });
  inherit(heir.pid, heritageFor({ offset: "-1h" }), PATIENT);
  expect(await heir.complaints(needSettings(heir.pid))).toEqual([]);
  await library.recover({ pid: heir.pid });
  expect(snapshot(heir.pid)).toEqual(untouched);
});

test("one that is not skewed has nothing to hand on", async (context) => {
  need(context);
  await using first = await watchC();
  expect(heritageOf(first.pid)).toBeUndefined();
});

const IN_A_TIME_NAMESPACE = ["--time", "--monotonic=5000", "--boottime=-7"];
const AHEAD = { monotonic: 5000n * SECOND, raw: 5000n * SECOND, boottime: -7n * SECOND };

test("the beginnings are those of its own time namespace, and back again", async (context) => {
  const inside = needNamespaces(context, ...IN_A_TIME_NAMESPACE);
  await using first = await watchC();
  await using heir = await startInside(inside);
  await using last = await watchC();
  await library.inject({ pid: first.pid, rate: "1.5", clocks: ["realtime", "monotonic"] });
  const settings = await begun(first.pid);

  inherit(heir.pid, heritageOf(first.pid)!, PATIENT);
  const { start } = needSettings(heir.pid).inForce;
  const { realtime, monotonic, raw, boottime, tai } = settings.inForce.start;
  expect(start).toEqual({
    realtime,
    monotonic: monotonic + AHEAD.monotonic,
    raw: raw + AHEAD.raw,
    boottime: boottime + AHEAD.boottime,
    tai,
  });

  inherit(last.pid, heritageOf(heir.pid)!, PATIENT);
  expect(handedOn(last.pid)).toEqual(handedOn(first.pid));
  expect(await last.complaints(settings)).toEqual([]);
});

test("a heritage survives being handed from process to process", async (context) => {
  need(context);
  const { deserialize, serialize } = await import("node:v8");
  const heritage = heritageFor({ jitter: "5ms", startIn: "1h", id: "00000000deadbeef" });
  expect(deserialize(serialize(heritage)) as Heritage).toEqual(heritage);
  expect(heritage.settings.skewId).toBe(0xdeadbeefn);
});
