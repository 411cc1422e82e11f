/** Which container a process is in, for reports, without asking anybody; and how a paused one is told of. */
import { expect, test } from "vitest";
import { containerOf, learnNames, unpauseCommand } from "../../../../src/target/container/of.ts";
import { frozenReason } from "../../../../src/target/frozen.ts";
import type { Selected } from "../../../../src/target/select.ts";
import { Machine } from "../select/machine.ts";

const UID = "3f1c9a52-7d04-4e6b-9a01-5c0e8f7a2b3d";
const P = 8_000_000;

/** Names that were learnt once are kept: each test has ids of its own. */
let last = 0;
const newId = () => (++last).toString(16).padStart(64, "0d");

test("by its path, whatever else can be told", async () => {
  await using machine = new Machine();
  const id = newId();
  machine.add({ pid: P + 1, cgroup: `/docker/${id}` });
  machine.add({ pid: P + 2, cgroup: "/user.slice" });
  expect(containerOf(P + 1, machine.host)).toEqual({
    kind: "container",
    words: `container ${id.slice(0, 12)} (docker)`,
    runtime: "docker",
    id,
  });
  expect(containerOf(P + 2, machine.host)).toBeUndefined();
  expect(containerOf(P + 3, machine.host)).toBeUndefined();
});

test("with the name that Docker's files have", async () => {
  await using machine = new Machine();
  const id = newId();
  machine.add({ pid: P + 1, cgroup: `/docker/${id}` });
  machine.json(`/var/lib/docker/containers/${id}/config.v2.json`, { ID: id, Name: "/web" });
  expect(containerOf(P + 1, machine.host)).toMatchObject({
    words: `container web (docker ${id.slice(0, 12)})`,
    name: "web",
  });
});

test("with the name that its shim's files have", async () => {
  await using machine = new Machine();
  const [first, id] = [newId(), newId()];
  const state = "/run/k3s/io.containerd.runtime.v2.task/k8s.io";
  machine.file(`${state}/${first}/init.pid`, "1");
  machine.json(`${state}/${id}/config.json`, {
    annotations: {
      "io.kubernetes.cri.container-name": "app",
      "io.kubernetes.cri.sandbox-name": "cart",
      "io.kubernetes.cri.sandbox-namespace": "shop",
    },
  });
  machine.add({ pid: P + 9, command: "containerd-shim", cwd: `${state}/${first}` });
  machine.add({ pid: P + 1, ppid: P + 9, cgroup: `/kubepods/pod${UID}/${id}` });
  machine.add({ pid: P + 2, ppid: P + 1, cgroup: `/kubepods/pod${UID}/${id}` });
  expect(containerOf(P + 2, machine.host)).toMatchObject({
    words: `container app of pod shop/cart (containerd ${id.slice(0, 12)})`,
    pod: { namespace: "shop", name: "cart", uid: UID },
    runtime: "containerd",
  });
});

test("with the name that who watches over it was told, even without a cgroup of its own", async () => {
  await using machine = new Machine();
  const [id, other] = [newId(), newId()];
  machine.add({ pid: P + 9, command: "conmon", arguments: ["conmon", "-c", id, "-n", "web"] });
  machine.add({ pid: P + 1, ppid: P + 9, cgroup: `/libpod_parent/libpod-${id}` });
  machine.add({ pid: P + 2, ppid: P + 9 });
  machine.add({ pid: P + 3, ppid: P + 9, cgroup: `/libpod_parent/libpod-${other}` });
  const words = `container web (podman ${id.slice(0, 12)})`;
  expect(containerOf(P + 1, machine.host)?.words).toBe(words);
  expect(containerOf(P + 2, machine.host)?.words).toBe(words);
  // It speaks of its own only.
  expect(containerOf(P + 3, machine.host)?.words).toBe(`container ${other.slice(0, 12)} (podman)`);
});

test("another user's process that is called conmon names nobody", async () => {
  await using machine = new Machine();
  machine.add({
    pid: P + 9,
    command: "conmon",
    uid: 1000,
    arguments: ["conmon", "-c", newId(), "-n", "web"],
  });
  machine.add({ pid: P + 1, ppid: P + 9 });
  expect(containerOf(P + 1, machine.host)).toBeUndefined();
});

test("with the name that a daemon has told", async () => {
  await using machine = new Machine();
  const id = newId();
  machine.add({ pid: P + 1, cgroup: `/docker/${id}` });
  await machine.docker("/run/docker.sock", [{ Id: id, Names: ["/web"] }]);
  await learnNames(machine.host);
  expect(containerOf(P + 1, machine.host)?.words).toBe(`container web (docker ${id.slice(0, 12)})`);
});

const ID = "ab".repeat(32);
test.each([
  [{ runtime: "docker", id: ID, name: "web" }, "docker unpause web"],
  [{ runtime: "docker", id: ID }, `docker unpause ${ID.slice(0, 12)}`],
  [{ runtime: "podman", id: ID, name: "-rf" }, `podman unpause ${ID.slice(0, 12)}`],
  [{ runtime: "podman", id: ID, name: "a;b\u001b[2J" }, `podman unpause ${ID.slice(0, 12)}`],
  [{ runtime: "lxc", id: "box" }, "lxc-unfreeze -n box"],
  [{ runtime: "runc", id: "box" }, "runc resume box"],
  [{ runtime: "containerd", id: ID }, undefined],
  [{ runtime: "lxc", id: "$(x)" }, undefined],
])("how %j goes on: %s", (known, command) => {
  expect(unpauseCommand({ kind: "container", words: "", ...known })).toBe(command);
});

test("a paused container is told of by its name", () => {
  const container: Selected = {
    kind: "container",
    words: "container web (docker abababababab)",
    runtime: "docker",
    id: ID,
    name: "web",
  };
  expect(frozenReason(12, "pid 12 (redis)", container)).toEqual({
    message: "pid 12 (redis): container web (docker abababababab) is paused",
    hint: "docker unpause web, then try again",
  });
  const unknown: Selected = {
    kind: "container",
    words: "container box (garden)",
    runtime: "garden",
    id: "box",
  };
  expect(frozenReason(12, "pid 12 (redis)", unknown).hint).toBe("let it go on, then try again");
  expect(frozenReason(8_999_999, "pid 12 (redis)")).toEqual({
    message: "pid 12 (redis) is in a frozen cgroup (a paused container?)",
    hint: "thaw it, then try again",
  });
});
