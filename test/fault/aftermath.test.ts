/** What judges the targets, and what is said of them, does notice what is wrong. */
import { expect, test } from "vitest";
import { inject, recover } from "../../src/engine/index.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { state } from "../support/proc.ts";
import { waitFor } from "../support/wait.ts";
import { look, picture, statusOf, stillHeld } from "./aftermath.ts";
import { SKEW, TARGETS, WAITING } from "./targets.ts";

const MILLISECOND = 1_000_000n;

test.for(TARGETS)("$name: a wrong time, and a skew", async (kind, context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using target = await kind.start();
  const { pid } = target;
  const before = { pristine: picture(pid), action: picture(pid), killed: false };
  await inject({ pid, offset: SKEW });
  const skewed = await look(target, before);
  expect(skewed).toMatchObject({
    seen: { pristine: false, unchanged: false, offsets: [String(SKEW)] },
    findings: [],
  });
  const unaware = { ...skewed.seen, offsets: ["0"] };
  expect((await statusOf(pid, unaware)).findings).toMatchObject([{ kind: "untrue" }]);

  await inject({ pid, offset: SKEW + MILLISECOND });
  const { findings } = await look(target, before);
  expect(findings).toContainEqual({
    kind: "wrong time",
    what: expect.stringMatching(/is no permitted time|ahead/),
  });
  expect((await recover({ pid })).state).toMatch(/unskewed|lingering/);
});

test("a target that stands still, and a call that ends with EINTR", async (context) => {
  needPrograms(context, "gcc");
  await using target = await WAITING.start();
  const now = picture(target.pid);
  process.kill(target.pid, "SIGSTOP");
  await waitFor("it to stop", () => state(target.pid) === "T");
  expect(await stillHeld(target.pid)).not.toEqual([]);
  process.kill(target.pid, "SIGCONT");
  expect(await stillHeld(target.pid)).toEqual([]);
  const { findings } = await look(target, { pristine: now, action: now, killed: false });
  expect(findings).toContainEqual({ kind: "wrong time", what: expect.stringMatching(/ended with EINTR/) });
});
