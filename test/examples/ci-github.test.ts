/** examples/ci/github-actions.yml: its jobs, run as GitHub's runner does, also cancelled and killed in the middle. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { parse } from "yaml";
import { type Machine, needMachine, startMachine } from "../support/ci/machine.ts";
import { codes, runJob, words } from "../support/ci/runner.ts";
import { changed, type Job, readWorkflow } from "../support/ci/workflow.ts";
import { bracket, difference, distance, MILLISECOND, MINUTE } from "../support/clock.ts";
import { EXAMPLES } from "../support/examples.ts";
import { needTracing } from "../support/needs.ts";
import { shared } from "../support/shared.ts";
import { waitFor } from "../support/wait.ts";

const JOBS = readWorkflow(join(EXAMPLES, "ci/github-actions.yml"));
const TEST = "Test it ten minutes behind";
const RECOVER = "Give the service its time back";
const BEHIND = -10n * MINUTE;
interface GitLab {
  readonly clocks: { readonly script: readonly string[] };
}

/** What test/victims/ci-project ends with if the service is not ten minutes behind. */
const WRONG_TIME = 3;

const machine = shared((context: TestContext) => {
  needTracing(context);
  return needMachine(context);
}, startMachine);

/** Whether the service is off by this. */
async function isOff(at: Machine, by: bigint): Promise<boolean> {
  const { value, wall } = await bracket(() => at.output("curl", "-s", "http://localhost:8080/"));
  return distance(difference(BigInt(value) * MILLISECOND, MILLISECOND, wall), by) === 0n;
}

describe("the job that starts a service", () => {
  const job = JOBS.process!;

  /** Runs it until the test hangs, breaks that step off, and says what the service's clock was then, and at the end. */
  async function brokenOff(at: Machine, how: { job?: Job; signals?: readonly NodeJS.Signals[] }) {
    const hangs = join(at.folder, `hangs-${randomUUID()}`);
    const seen: Record<string, boolean> = {};
    const ended = await runJob(at, how.job ?? job, {
      env: { TEST_HANGS: hangs },
      cancel: {
        step: TEST,
        ready: () => waitFor("the test", () => existsSync(hangs)),
        ...(how.signals && { signals: how.signals }),
        look: async () => {
          seen.true = await isOff(at, 0n);
          seen.behind = await isOff(at, BEHIND);
        },
      },
      after: async (name) => {
        if (name === RECOVER) seen.recovered = await isOff(at, 0n);
      },
    });
    return { ended, seen, cancelledBy: ended.find(({ name }) => name === TEST)!.cancelledBy };
  }

  it("tests it under a wrong clock, and gives it its time back", async (context) => {
    const at = await machine(context);
    const seen: boolean[] = [];
    const ended = await runJob(at, job, {
      after: async (name) => name === TEST && seen.push(await isOff(at, 0n)),
    });
    expect(codes(ended), words(ended)).toEqual([0, 0, 0, 0]);
    expect(seen).toEqual([true]);
  });

  it("fails with its test, as it does without a skew, and gives the time back", async (context) => {
    const at = await machine(context);
    const seen: boolean[] = [];
    const ended = await runJob(
      at,
      changed(job, TEST, (run) => run.replace("-10m", "-9m")),
      { after: async (name) => name === TEST && seen.push(await isOff(at, 0n)) },
    );
    expect(codes(ended), words(ended)).toEqual([0, 0, WRONG_TIME, 0]);
    expect(seen).toEqual([true]);
    const plain = await runJob(
      at,
      changed(job, TEST, () => "npm test"),
    );
    expect(codes(plain), words(plain)).toEqual([0, 0, WRONG_TIME, 0]);
  });

  it("cancelled: the first signal is enough", async (context) => {
    const at = await machine(context);
    const { ended, seen, cancelledBy } = await brokenOff(at, {});
    expect(cancelledBy, words(ended)).toBe("SIGINT");
    expect(codes(ended), words(ended)).toEqual([0, 0, 130, 0]);
    expect(seen).toEqual({ true: true, behind: false, recovered: true });
  });

  it("killed: the step that is always run gives the time back", async (context) => {
    const at = await machine(context);
    const { ended, seen } = await brokenOff(at, { signals: ["SIGKILL"] });
    expect(codes(ended), words(ended)).toEqual([0, 0, null, 0]);
    expect(seen).toEqual({ true: false, behind: true, recovered: true });
  });

  it("cancelled without exec: the shell ends alone, and the script does not hear of it", async (context) => {
    const at = await machine(context);
    const { ended, seen } = await brokenOff(at, {
      job: changed(job, TEST, (run) => `${run.replace("exec ", "")}\ntrue`),
      signals: ["SIGTERM"],
    });
    expect(codes(ended), words(ended)).toEqual([0, 0, null, 0]);
    expect(seen).toEqual({ true: false, behind: true, recovered: true });
  });

  it("does not ask for the time of a service that was never started", async (context) => {
    const at = await machine(context);
    const ended = await runJob(
      at,
      changed(job, "Start the service", () => "exit 9"),
    );
    expect(codes(ended), words(ended)).toEqual([0, 9, undefined, undefined]);
  });
});

it("gitlab-ci.yml", async (context) => {
  const at = await machine(context);
  const { clocks } = parse(readFileSync(join(EXAMPLES, "ci/gitlab-ci.yml"), "utf8")) as GitLab;
  // GitLab's runner, too, has bash run all lines of a script.
  const job = { steps: [{ run: clocks.script.join("\n"), shell: "bash" }] };
  const ended = await runJob(at, job);
  expect(codes(ended), words(ended)).toEqual([0]);
});

it("the job without root", async (context) => {
  const at = await machine(context);
  const ended = await runJob(at, JOBS["no-root"]!);
  expect(codes(ended), words(ended)).toEqual([0, 0]);
  expect(JSON.stringify(JOBS["no-root"])).not.toContain("sudo");
});
