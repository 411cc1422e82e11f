/**
 * Signals that arrive while a process is being skewed and recovered, all the time: each is taken once, in order, and
 * with the siginfo it was sent with, in whatever way the program takes it.
 */
import { expect, test } from "vitest";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { type Channel, startCorrespondence } from "../support/signals.ts";

const SIGNALS = 100_000;
const INJECTIONS = 200;

test.for(["threads", "single"] as const)(`none of ${SIGNALS} is lost: %s`, async (shape, context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using correspondence = await startCorrespondence(shape);
  const { pid } = correspondence;
  await correspondence.start();
  let injections = 0;
  for (let sent = 0; injections < INJECTIONS || sent < SIGNALS; sent = await correspondence.sent()) {
    expect(await inject({ pid, offset: "-600s" })).toMatchObject({ action: "injected" });
    expect(await recover({ pid })).toMatchObject({ action: "recovered" });
    injections++;
  }
  expect(await correspondence.settle()).toEqual([]);
  console.log(`${shape}: ${await correspondence.sent()} signals across ${injections} injections`);
});

test("the receiver notices a signal that is lost, comes twice, or comes without its value", async (context) => {
  needPrograms(context, "gcc");
  await using correspondence = await startCorrespondence("threads");
  const [SKIPPED, DOUBLED, PLAIN] = [1, 5, 7] as const;
  await correspondence.start();
  await correspondence.stop();
  await correspondence.meddle("skip", SKIPPED);
  await correspondence.meddle("double", DOUBLED);
  await correspondence.meddle("plain", PLAIN);
  await correspondence.start();
  const odd = new Map((await correspondence.settle()).map((channel) => [channel.name, channel]));
  const none: Partial<Channel> = { lost: 0, again: 0, wrong: 0 };
  expect([...odd.values()]).toMatchObject([
    { ...none, name: "handler, to a thread", lost: 1 },
    { ...none, name: "signalfd", again: 1 },
    { ...none, name: "sigwaitinfo", wrong: 1 },
  ]);
});
