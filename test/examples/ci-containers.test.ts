/** The recipes of examples/ci with containers: a service container in a workflow, and Compose. */
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { composeProject, needCompose, OVERRIDE } from "../support/ci/compose.ts";
import { needCiDocker, startCiDocker } from "../support/ci/docker.ts";
import { needMachine, startMachine } from "../support/ci/machine.ts";
import { codes, runJob, words } from "../support/ci/runner.ts";
import { changed, readWorkflow } from "../support/ci/workflow.ts";
import { bracket, difference, distance, MICROSECOND, MINUTE, SECOND } from "../support/clock.ts";
import type { Docker } from "../support/containers/docker.ts";
import { unique } from "../support/containers/scene.ts";
import { EXAMPLES } from "../support/examples.ts";
import { assemble } from "../support/own.ts";
import { temporaryFolder } from "../support/servers/server.ts";
import { shared } from "../support/shared.ts";
import { waitFor } from "../support/wait.ts";

const RECIPES = join(EXAMPLES, "ci");
const AHEAD = 120n * MINUTE;

const runtime = shared(needCiDocker, startCiDocker);

/** Whether a Redis server is off by this, as it says itself. */
async function isOff({ docker }: Docker, container: string, by: bigint): Promise<boolean> {
  const { value, wall } = await bracket(() => docker("exec", container, "redis-cli", "TIME"));
  const [seconds = "", microseconds = ""] = value.split("\n");
  const told = BigInt(seconds) * SECOND + BigInt(microseconds) * MICROSECOND;
  return distance(difference(told, MICROSECOND, wall), by) === 0n;
}

describe("the job with a service container", () => {
  const job = readWorkflow(join(RECIPES, "github-actions.yml")).container!;
  const [name, { image }] = Object.entries(job.services!)[0]!;
  const test = job.steps.findIndex(({ run }) => run?.includes("step.sh"));
  const step = job.steps[test]!.name!;

  /** Runs it with a service of its own. */
  async function play(context: TestContext, played = job) {
    const { docker } = await runtime(context);
    await using machine = await startMachine(needMachine(context));
    const id = await docker.start(unique(name), image as "redis:7", [], []);
    try {
      await waitFor("redis", () => isOff(docker, id, 0n));
      let recovered: boolean | undefined;
      const ended = await runJob(machine, played, {
        env: { DOCKER_HOST: docker.host },
        values: { [`job.services.${name}.id`]: id },
        after: async (which) => {
          if (which === step) recovered = await isOff(docker, id, 0n);
        },
      });
      return { ended, recovered };
    } finally {
      await docker.docker("rm", "--force", id);
    }
  }

  it("tests it under a wrong clock, and gives it its time back", async (context) => {
    const { ended, recovered } = await play(context);
    expect(codes(ended), words(ended)).toEqual([0, 0, 0]);
    expect(recovered).toBe(true);
  });

  it("fails where the clock is not as wrong, as the session is there then", async (context) => {
    const { ended, recovered } = await play(
      context,
      changed(job, step, (run) => run.replace("2h", "2s")),
    );
    expect(codes(ended), words(ended)).toEqual([0, 1, 0]);
    expect(recovered).toBe(true);
  });
});

describe("compose.yaml", () => {
  async function project(context: TestContext, override: object = OVERRIDE) {
    const { docker } = await runtime(context);
    const command = needCompose(context);
    return assemble(async (own) => {
      const { path: folder } = own(await temporaryFolder("ci-compose"));
      const recipe = join(RECIPES, "compose.yaml");
      const compose = own(await composeProject(command, { folder, recipe, host: docker.host, override }));
      return { docker, compose };
    });
  }

  it("ends as its test does", async (context) => {
    await using it = await project(context);
    const { code, output } = await it.compose.run("up", "--exit-code-from", "test");
    expect(code, output).toBe(0);
  });

  it("fails with its test where the clock is right", async (context) => {
    const command = "/timeskew inject --pid 1 --tree --offset 2s --wait";
    const { services } = OVERRIDE;
    await using it = await project(context, {
      services: { ...services, timeskew: { ...services.timeskew, command } },
    });
    const { code, output } = await it.compose.run("up", "--exit-code-from", "test");
    expect(code, output).toBe(1);
    expect(output).not.toContain("unhealthy");
  });

  it("stopped, the service has its time again; killed, it has it by the command that the page names", async (context) => {
    await using it = await project(context);
    const { compose, docker } = it;
    expect(await compose.run("up", "--detach", "timeskew")).toMatchObject({ code: 0 });
    const redis = await compose.container("redis");
    await waitFor("the skew", () => isOff(docker, redis, AHEAD));
    expect(await compose.run("stop", "timeskew")).toMatchObject({ code: 0 });
    expect(await isOff(docker, redis, 0n)).toBe(true);

    expect(await compose.run("start", "timeskew")).toMatchObject({ code: 0 });
    await waitFor("the skew", () => isOff(docker, redis, AHEAD));
    await docker.docker("kill", await compose.container("timeskew"));
    expect(await isOff(docker, redis, AHEAD)).toBe(true);
    const recovered = await compose.run(..."run --rm timeskew /timeskew recover --pid 1 --tree".split(" "));
    expect(recovered, recovered.output).toMatchObject({ code: 0 });
    expect(await isOff(docker, redis, 0n)).toBe(true);
  });
});
