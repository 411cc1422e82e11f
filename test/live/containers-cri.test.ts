/** A pod of two containers, by containerd's CRI plugin: each by name, id and prefix, the pod as a whole, paused ones. */
import { expect, type TestContext, test } from "vitest";
import { refusal, start } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { needContainerd, startContainerd } from "../support/containers/containerd.ts";
import { NEWCOMER } from "../support/containers/rootfs.ts";
import { SKEW, showPaused, showSkew, unique, wrongIn } from "../support/containers/scene.ts";
import { needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { shared } from "../support/shared.ts";
import { startClocks } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const NAMESPACE = unique("shop");

const pods = shared(
  (context: TestContext) => {
    needTracing(context);
    return needContainerd(context);
  },
  (programs) =>
    assemble(async (own) => {
      const containerd = own(await startContainerd(programs));
      const pod = await containerd.runPod(NAMESPACE, "web-0", [unique("app"), unique("sidecar")]);
      const other = await containerd.runPod(NAMESPACE, "web-1", [unique("sidecar")]);
      const [app, sidecar] = [pod.containers[0]!, pod.containers[1]!];
      const neighbours = [...other.containers, own(await startClocks())];
      const one = { skewed: [app], true: [sidecar, ...neighbours], runtime: containerd };
      const both = { skewed: [app, sidecar], true: neighbours, runtime: containerd };
      return { containerd, pod, other, app, sidecar, one, both };
    }),
);

test("a container by name, by id, by the beginning of the id: the other one in its pod is not skewed", async (context) => {
  const { app, one } = await pods(context);
  for (const named of [app.name, app.id, app.id.slice(0, 12)]) await showSkew(["--container", named], one);
});

test("a pod by its name, and by its uid: both containers", async (context) => {
  const { pod, both } = await pods(context);
  await showSkew(["--pod", `${NAMESPACE}/${pod.name}`], both);
  await showSkew(["--pod-uid", pod.uid], both);
  await showSkew(["--pod-uid", pod.uid.replaceAll("-", "_")], both);
});

test("a name that containers of two pods have is refused, and both are named", async (context) => {
  const { sidecar, other, both } = await pods(context);
  const { message, hint } = await refusal("E_AMBIGUOUS", ["inject", "--container", sidecar.name, ...SKEW]);
  for (const { id } of [sidecar, ...other.containers])
    expect(`${message} ${hint}`).toContain(id.slice(0, 12));
  expect(await wrongIn(both, false)).toEqual([]);
});

test("a paused container is refused, and is as it was", async (context) => {
  const { containerd, app, one } = await pods(context);
  await containerd.ctr("task", "pause", app.id);
  try {
    await showPaused(["--container", app.name], new RegExp(`container ${app.name} .*is paused`));
  } finally {
    await containerd.ctr("task", "resume", app.id);
  }
  expect(await wrongIn(one, false)).toEqual([]);
});

test("--follow on a pod: what `kubectl exec` starts in its containers", async (context) => {
  const { containerd, pod, app, sidecar, both } = await pods(context);
  const follower = start(["inject", "--follow", "--pod", `${NAMESPACE}/${pod.name}`, ...SKEW]);
  await waitFor("the pod to be skewed", async () => (await wrongIn(both, true)).length === 0);
  for (const container of [app, sidecar]) {
    const arrival = JSON.parse(await containerd.exec(container, NEWCOMER, String(-10n * MINUTE)));
    expect(arrival).toMatchObject({ wrong: 0, ns: expect.toSatisfy((ns: number) => ns >= 0) });
  }
  process.kill(follower.pid, "SIGINT");
  expect(await follower.done).toMatchObject({ code: 0 });
  expect(await wrongIn(both, false)).toEqual([]);
});
