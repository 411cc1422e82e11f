/** Podman's containers, as root: skewed by name, id and prefix, and back; paused ones; restarted ones. */
import { expect, type TestContext, test } from "vitest";
import { timeskew } from "../support/cli.ts";
import { needPodman, startPodman } from "../support/containers/podman.ts";
import { SKEW, showPaused, showSkew, states, unique, wrongIn } from "../support/containers/scene.ts";
import { needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { shared } from "../support/shared.ts";
import { startClocks } from "../support/victims.ts";

const pair = shared(
  (context: TestContext) => {
    needTracing(context);
    return needPodman(context);
  },
  (programs) =>
    assemble(async (own) => {
      const podman = own(await startPodman(programs));
      const web = await podman.run(unique("web"));
      const neighbour = await podman.run(unique("neighbour"));
      const host = own(await startClocks());
      return { podman, web, scene: { skewed: [web], true: [neighbour, host], runtime: podman } };
    }),
);

test("by name, by id, by the beginning of the id", async (context) => {
  const { web, scene } = await pair(context);
  for (const named of [web.name, web.id, web.id.slice(0, 12)]) await showSkew(["--container", named], scene);
});

test("a paused container is refused, and is as it was", async (context) => {
  const { podman, web, scene } = await pair(context);
  await podman.podman("pause", web.name);
  try {
    await showPaused(["--container", web.name], new RegExp(`container ${web.name} .*is paused`));
  } finally {
    await podman.podman("unpause", web.name);
  }
  expect(await wrongIn(scene, false)).toEqual([]);
});

test("restarted in between, it is found anew", async (context) => {
  const { podman, web, scene } = await pair(context);
  expect(await timeskew("inject", "--container", web.name, ...SKEW)).toMatchObject({ code: 0 });
  expect(await states("--container", web.name)).toEqual(["skewed", "skewed"]);
  await podman.podman("restart", web.name);
  await web.ready();
  expect(await states("--container", web.name)).toEqual(["unskewed", "unskewed"]);
  expect(await web.complaints({})).toEqual([]);
  await showSkew(["--container", web.name], scene);
});
