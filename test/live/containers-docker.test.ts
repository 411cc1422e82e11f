/** Docker's containers: skewed by name, id and prefix, and back; paused ones; restarted ones; those that are not there. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, type TestContext, test } from "vitest";
import { EXIT_CODES } from "../../src/errors.ts";
import { refusal, report, timeskew } from "../support/cli.ts";
import { needDocker, startDocker } from "../support/containers/docker.ts";
import { BACK, SKEW, showPaused, showSkew, states, unique, wrongIn } from "../support/containers/scene.ts";
import { asUser } from "../support/namespaces.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { shared } from "../support/shared.ts";
import { startClocks } from "../support/victims.ts";

const pair = shared(
  (context: TestContext) => {
    needTracing(context);
    return needDocker(context);
  },
  (programs) =>
    assemble(async (own) => {
      const docker = own(await startDocker(programs));
      const web = await docker.run(unique("web"));
      const neighbour = await docker.run(unique("neighbour"), "distroless");
      const host = own(await startClocks());
      return { docker, web, neighbour, scene: { skewed: [web], true: [neighbour, host], runtime: docker } };
    }),
);

test("by name, by id, by the beginning of the id", async (context) => {
  const { web, scene } = await pair(context);
  for (const named of [web.name, web.id, web.id.slice(0, 12)]) await showSkew(["--container", named], scene);
});

test("two containers at once, one skew", async (context) => {
  const { docker, web, neighbour, scene } = await pair(context);
  const flags = ["--container", web.name, "--container", neighbour.id];
  await showSkew(flags, { ...scene, skewed: [web, neighbour], true: scene.true.slice(1) });
  const injected = await timeskew("inject", "--json", ...SKEW, ...flags);
  expect(injected).toMatchObject({ code: 0 });
  const { skewId } = report(injected) as unknown as { skewId: string };
  expect(await timeskew("recover", "--skew", skewId)).toMatchObject({ code: 0 });
  expect(await wrongIn({ skewed: [], true: [web, neighbour], runtime: docker }, true)).toEqual([]);
});

test("a paused container is refused, and is as it was", async (context) => {
  const { docker, web, scene } = await pair(context);
  await docker.docker("pause", web.name);
  try {
    await showPaused(["--container", web.name], new RegExp(`container ${web.name} .*is paused`));
  } finally {
    await docker.docker("unpause", web.name);
  }
  expect(await wrongIn(scene, false)).toEqual([]);
});

test("one of two containers is paused: the other one is skewed, and the report tells them apart", async (context) => {
  const { docker, web, neighbour } = await pair(context);
  const flags = ["--container", web.name, "--container", neighbour.name];
  await docker.docker("pause", web.name);
  try {
    const run = await timeskew("inject", "--json", ...SKEW, ...flags);
    expect(run, run.stdout).toMatchObject({ code: EXIT_CODES.E_SOME_FAILED });
    const outcomes = report(run).targets!.map((target) => (target as { ok: boolean }).ok);
    expect(outcomes.toSorted()).toEqual([false, false, true, true]);
    expect(await neighbour.complaints(BACK)).toEqual([]);
    expect(await timeskew("doctor", ...flags)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/is paused/),
    });
  } finally {
    await docker.docker("unpause", web.name);
  }
  expect(await web.complaints({})).toEqual([]);
  expect(await timeskew("doctor", ...flags)).toMatchObject({ code: 0 });
  expect(await timeskew("recover", ...flags)).toMatchObject({ code: 0 });
  expect([...(await web.complaints({})), ...(await neighbour.complaints({}))]).toEqual([]);
});

test("restarted in between, it is found anew", async (context) => {
  const { docker, web, scene } = await pair(context);
  expect(await timeskew("inject", "--container", web.name, ...SKEW)).toMatchObject({ code: 0 });
  expect(await states("--container", web.name)).toEqual(["skewed", "skewed"]);
  await docker.docker("restart", "--time=10", web.name);
  await web.ready();
  expect(await states("--container", web.name)).toEqual(["unskewed", "unskewed"]);
  expect(await web.complaints({})).toEqual([]);
  await showSkew(["--container", web.name], scene);
});

test("a container that has ended has no processes; one that never was is not known", async (context) => {
  const { docker, web } = await pair(context);
  await docker.docker("stop", "--time=10", web.name);
  expect((await refusal("E_NO_TARGET", ["inject", "--container", web.name, ...SKEW])).message).toContain(
    web.name,
  );
  await docker.docker("start", web.name);
  await web.ready();
  const unknown = unique("nobody");
  const { message, hint } = await refusal("E_NO_TARGET", ["inject", "--container", unknown, ...SKEW]);
  expect(message).toContain(unknown);
  expect(`${message} ${hint}`).toContain("docker.sock");
});

/** This package, node and the libraries that it needs, as a container may have them: at the same places, read-only. */
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const TOOL = [process.execPath, PACKAGE, "/usr", "/lib", "/lib64"].map(
  (path) => `--volume=${path}:${path}:ro`,
);

test.for(["host", "private"])(
  "a tool that is in a container itself, with the host's processes, cgroup namespace %s",
  async (cgroups, context) => {
    const { docker, web, scene } = await pair(context);
    const rights = ["--cap-add=SYS_PTRACE", "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined"];
    const flags = ["--rm", "--network=none", "--pid=host", `--cgroupns=${cgroups}`, ...rights, ...TOOL];
    const inside = (...args: string[]) =>
      docker.docker(
        "run",
        ...flags,
        "distroless:1",
        process.execPath,
        join(PACKAGE, "bin/timeskew.js"),
        ...args,
      );
    await inside("inject", ...SKEW, "--container", web.id.slice(0, 12));
    expect(await wrongIn(scene, true)).toEqual([]);
    await inside("recover", "--container", web.id);
    expect(await wrongIn(scene, false)).toEqual([]);
  },
);

test("without the right to look into containers, the reason is told", async (context) => {
  const { web, scene } = await pair(context);
  needPrograms(context, "setpriv");
  const by = asUser();
  await refusal("E_PERMISSION", ["inject", ...SKEW, "--container", web.id], { by });
  // Its name is the daemon's to tell.
  const { hint } = await refusal("E_PERMISSION", ["inject", ...SKEW, "--container", web.name], { by });
  expect(hint).toContain("sudo");
  expect(await wrongIn(scene, false)).toEqual([]);
});
