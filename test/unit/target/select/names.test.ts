/** Names of containers and pods: from Docker's and Podman's API, from files, and what is said when nobody knows one. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBook } from "../../../../src/target/container/book.ts";
import { unanswered } from "../../../../src/target/container/known.ts";
import { noneFound } from "../../../../src/target/select/none-found.ts";
import type { Selector } from "../../../../src/target/select.ts";
import { Machine } from "./machine.ts";

const A = "a1".repeat(32);
const B = "b2".repeat(32);
const C = "c3".repeat(32);
const UID = "3f1c9a52-7d04-4e6b-9a01-5c0e8f7a2b3d";
const P = 8_000_000;
const SOCKET = "/run/docker.sock";

const container = (name: string): Selector => ({ kind: "container", name });
const web = { Id: A, Names: ["/other/alias", "/web"], Labels: {}, State: "running" };

/** Docker's containers, one process each. */
function run(machine: Machine, ...ids: string[]): void {
  for (const [at, id] of ids.entries()) {
    machine.add({ pid: P + at, cgroup: `/docker/${id}` });
    machine.cgroup(`/docker/${id}`, [P + at]);
  }
}

test("Docker's API, by name, id and the beginning of the id", async () => {
  await using machine = new Machine();
  run(machine, A, B);
  await machine.docker(SOCKET, [web, { Id: B, Names: ["/cache"] }]);
  for (const name of ["web", A, "a1", "a"]) {
    const selection = await machine.select(container(name));
    expect(selection.list()).toEqual([P]);
    expect(selection).toMatchObject({
      words: "container web (docker a1a1a1a1a1a1)",
      flags: ["--container", name],
      selected: [{ kind: "container", name: "web", id: A, runtime: "docker" }],
    });
  }
});

test.each([
  [
    "DOCKER_HOST",
    (machine: Machine) => Object.assign(machine.env, { DOCKER_HOST: "unix:///my/own.sock" }),
    "/my/own.sock",
  ],
  [
    "a daemon's arguments",
    (machine: Machine) => {
      machine.add({
        pid: P + 50,
        command: "dockerd",
        arguments: ["dockerd", "-H", "tcp://0.0.0.0:1", "-H", "unix:///my/own.sock"],
      });
    },
    "/my/own.sock",
  ],
  [
    "a daemon's arguments, with =",
    (machine: Machine) => {
      machine.add({ pid: P + 50, command: "dockerd", arguments: ["dockerd", "--host=unix:///my/own.sock"] });
    },
    "/my/own.sock",
  ],
  [
    "an ordinary user's own daemon",
    (machine: Machine) => Object.assign(machine, { uid: 1000 }),
    "/run/user/1000/docker.sock",
  ],
  [
    "the daemon of who has called sudo",
    (machine: Machine) => Object.assign(machine.env, { SUDO_UID: "1000" }),
    "/run/user/1000/docker.sock",
  ],
])("the socket, by %s", async (_, prepare, socket) => {
  await using machine = new Machine();
  run(machine, A);
  prepare(machine);
  await machine.docker(socket, [web]);
  expect((await machine.select(container("web"))).list()).toEqual([P]);
});

test.each([
  ["in a container", { cgroup: `/docker/${B}` }],
  ["of another user", { uid: 1000 }],
])("a process %s that is called dockerd is not asked", async (_, made) => {
  await using machine = new Machine();
  run(machine, A);
  machine.add({
    pid: P + 50,
    command: "dockerd",
    arguments: ["dockerd", "-H", "unix:///evil.sock"],
    ...made,
  });
  await machine.docker("/evil.sock", [web]);
  await expect(machine.select(container("web"))).rejects.toMatchObject({ code: "E_NO_TARGET" });
});

test("Docker's own files, where its socket does not answer", async () => {
  await using machine = new Machine();
  run(machine, A);
  machine.json(`/var/lib/docker/containers/${A}/config.v2.json`, { ID: A, Name: "/web", State: { Pid: P } });
  machine.file(`/var/lib/docker/containers/${B}/config.v2.json`, "{");
  expect((await machine.select(container("web"))).list()).toEqual([P]);
  machine.add({ pid: P + 50, command: "dockerd", arguments: ["dockerd", "--data-root", "/data"] });
  machine.json(`/data/containers/${A}/config.v2.json`, { ID: A, Name: "/box", State: { Pid: P } });
  expect((await machine.select(container("box"))).list()).toEqual([P]);
});

test("Podman: its API, who watches over a container, and its storage", async () => {
  await using machine = new Machine();
  for (const [at, id] of [A, B, C].entries()) {
    machine.add({ pid: P + at, ppid: P + 50 + at, cgroup: `/libpod_parent/libpod-${id}` });
    machine.cgroup(`/libpod_parent/libpod-${id}`, [P + at]);
  }
  await machine.docker("/run/podman/podman.sock", [{ Id: A, Names: ["/web"] }]);
  const bundle = `/data/overlay-containers/${B}/userdata`;
  machine.add({
    pid: P + 51,
    command: "conmon",
    arguments: ["conmon", "-c", B, "-b", bundle, "-n", "cache"],
  });
  machine.json("/data/overlay-containers/containers.json", [
    { id: C, names: ["stored"] },
    { id: B },
    7,
    null,
  ]);
  for (const [at, name] of ["web", "cache", "stored"].entries()) {
    const selection = await machine.select(container(name));
    expect(selection.list()).toEqual([P + at]);
    expect(selection.words).toMatch(new RegExp(`^container ${name} \\(podman [0-9a-f]{12}\\)$`));
  }
});

test("a container without a cgroup of its own: its first process's namespace, and its descendants", async () => {
  await using machine = new Machine();
  const cgroup = "/user.slice/user-1000.slice/session-1.scope";
  machine.uid = 1000;
  machine.add({
    pid: P + 50,
    command: "conmon",
    uid: 1000,
    cgroup,
    arguments: ["conmon", "-c", A, "-n", "web"],
  });
  machine.add({
    pid: P + 51,
    command: "conmon",
    uid: 1000,
    cgroup,
    arguments: ["conmon", "-c", A, "-n", "web", "-e"],
  });
  machine.add({ pid: P + 1, ppid: P + 50, cgroup, namespace: 77 });
  machine.add({ pid: P + 2, ppid: P + 1, cgroup, inNamespace: 78 });
  machine.add({ pid: P + 3, ppid: P + 51, cgroup, inNamespace: 77 });
  machine.add({ pid: P + 4, ppid: 1, cgroup });
  const selection = await machine.select(container("web"));
  expect(selection.list().sort()).toEqual([P + 1, P + 2, P + 3]);
  expect(selection.words).toBe("container web (podman a1a1a1a1a1a1)");
  // It starts again.
  for (const pid of [50, 51, 1, 2, 3]) machine.end(P + pid);
  expect(selection.list()).toEqual([]);
  machine.add({
    pid: P + 60,
    command: "conmon",
    uid: 1000,
    cgroup,
    arguments: ["conmon", "-c", A, "-n", "web"],
  });
  machine.add({ pid: P + 61, ppid: P + 60, cgroup, namespace: 79 });
  await expect.poll(() => selection.list(), { timeout: 30_000 }).toEqual([P + 61]);
});

/** A container of a pod, as containerd's CRI keeps it. */
function bundle(machine: Machine, state: string, id: string, name: string | undefined, pid: number): void {
  const folder = `${state}/io.containerd.runtime.v2.task/k8s.io/${id}`;
  machine.json(`${folder}/config.json`, {
    annotations: {
      "io.kubernetes.cri.container-type": name === undefined ? "sandbox" : "container",
      ...(name !== undefined && { "io.kubernetes.cri.container-name": name }),
      "io.kubernetes.cri.sandbox-name": "cart",
      "io.kubernetes.cri.sandbox-namespace": "shop",
      "io.kubernetes.cri.sandbox-uid": UID,
    },
  });
  machine.file(`${folder}/init.pid`, `${pid}`);
}

test.each([
  ["at its usual place", "/run/containerd", undefined],
  ["found by its shim", "/run/k3s/containerd", P + 50],
])("pods by name, from containerd's files %s", async (_, state, shim) => {
  await using machine = new Machine();
  const path = (id: string) => `/kubepods/burstable/pod${UID}/${id}`;
  for (const [at, id] of [A, B, C].entries()) {
    machine.add({ pid: P + at, cgroup: path(id) });
    machine.cgroup(path(id), [P + at]);
    bundle(machine, state, id, [undefined, "app", "proxy"][at], P + at);
  }
  const cwd = `${state}/io.containerd.runtime.v2.task/k8s.io/${A}`;
  if (shim !== undefined) machine.add({ pid: shim, command: "containerd-shim", cwd });
  const selection = await machine.select({ kind: "pod", namespace: "shop", name: "cart" });
  expect(selection.list().sort()).toEqual([P, P + 1, P + 2]);
  expect(selection).toMatchObject({
    words: `pod shop/cart (uid ${UID})`,
    flags: ["--pod", "shop/cart"],
    lasts: true,
    selected: [{ kind: "pod", runtime: "containerd", pod: { namespace: "shop", name: "cart", uid: UID } }],
  });
  expect((await machine.select({ kind: "podUid", uid: UID })).words).toBe(`pod shop/cart (uid ${UID})`);
  const app = await machine.select(container("app"));
  expect(app.list()).toEqual([P + 1]);
  expect(app.words).toBe("container app of pod shop/cart (containerd b2b2b2b2b2b2)");
  await expect(machine.select({ kind: "pod", namespace: "shop", name: "card" })).rejects.toMatchObject({
    code: "E_NO_TARGET",
    hint: "did you mean shop/cart?",
  });
});

test("a pod whose containers' cgroups do not tell of it", async () => {
  await using machine = new Machine();
  for (const [at, id] of [A, B].entries()) {
    machine.add({ pid: P + at, cgroup: `/k8s.io/${id}` });
    machine.cgroup(`/k8s.io/${id}`, [P + at]);
    bundle(machine, "/run/containerd", id, at === 0 ? undefined : "app", P + at);
  }
  run(machine);
  machine.add({ pid: P + 8, cgroup: `/k8s.io/${C}` });
  machine.cgroup(`/k8s.io/${C}`, [P + 8]);
  const selection = await machine.select({ kind: "pod", namespace: "shop", name: "cart" });
  expect(selection.list().sort()).toEqual([P, P + 1]);
});

test("Kubernetes in Docker: the node's own shims name what is in the node, and nothing else", async () => {
  await using machine = new Machine();
  const inside = `/docker/${A}/kubelet/kubepods/pod${UID}/${B}`;
  machine.add({ pid: P + 1, cgroup: inside });
  machine.cgroup(inside, [P + 1]);
  machine.add({ pid: P + 2, cgroup: `/docker/${C}` });
  machine.cgroup(`/docker/${C}`, [P + 2]);
  bundle(machine, "/node", B, "app", P + 1);
  // Another one of the node's says that a container of the machine's is called so.
  bundle(machine, "/node", C, "mine", P + 2);
  machine.add({
    pid: P + 50,
    command: "containerd-shim",
    cgroup: `/docker/${A}/system.slice/containerd.service`,
    cwd: `/node/io.containerd.runtime.v2.task/k8s.io/${B}`,
  });
  expect((await machine.select({ kind: "pod", namespace: "shop", name: "cart" })).list()).toEqual([P + 1]);
  expect((await machine.select(container("app"))).list()).toEqual([P + 1]);
  expect((await machine.select(container("mine"))).list()).toEqual([]);
});

test("runc and crun, and containers that go by another id in their cgroup", async () => {
  await using machine = new Machine();
  machine.add({ pid: P + 1, cgroup: `/docker/${A}`, namespace: 71 });
  machine.cgroup(`/docker/${A}`, [P + 1]);
  machine.json("/run/runc/box/state.json", { id: "box", init_process_pid: P + 1, init_process_start: P + 1 });
  machine.add({ pid: P + 2, cgroup: "/some/where", namespace: 72 });
  machine.add({ pid: P + 3, cgroup: "/some/where", inNamespace: 72 });
  machine.json("/run/crun/crate/status", { pid: P + 2, "process-start-time": P + 2 });
  machine.add({ pid: P + 5, cgroup: "/space/crate-2", namespace: 73 });
  machine.add({ pid: P + 6, cgroup: "/space/crate-2/sub", inNamespace: 74 });
  machine.json("/run/crun/crate-2/status", { pid: P + 5, "process-start-time": P + 5 });
  // What was written long ago: the pid is somebody else's by now.
  machine.add({ pid: P + 4, cgroup: "/some/where", namespace: 74 });
  machine.json("/run/crun/old/status", { pid: P + 4, "process-start-time": 17 });
  expect((await machine.select(container("box"))).list()).toEqual([P + 1]);
  const crate = await machine.select(container("crate"));
  expect(crate.list()).toEqual([P + 2, P + 3]);
  expect(crate.words).toBe("container crate (crun)");
  expect((await machine.select(container("crate-2"))).list()).toEqual([P + 5, P + 6]);
  expect((await machine.select(container("old"))).list()).toEqual([]);
});

test("a container of containerd's in another namespace than its default", async () => {
  await using machine = new Machine();
  const state = "/run/containerd/io.containerd.runtime.v2.task/mine";
  for (const [at, name] of ["web", "lost"].entries()) {
    machine.json(`${state}/${name}/config.json`, {});
    machine.file(`${state}/${name}/init.pid`, `${P + at}`);
    machine.add({ pid: P + at, ppid: at === 0 ? P + 50 : 1, cgroup: `/mine/${name}`, namespace: 71 + at });
    machine.cgroup(`/mine/${name}`, [P + at]);
  }
  machine.add({ pid: P + 50, command: "containerd-shim", cwd: `${state}/web` });
  const selection = await machine.select(container("web"));
  expect(selection.list()).toEqual([P]);
  expect(selection.words).toBe("container web (containerd)");
  // Nobody watches over this one: the pid has become somebody else's.
  expect((await machine.select(container("lost"))).list()).toEqual([]);
});

test("LXC and nspawn by name, from the path alone", async () => {
  await using machine = new Machine();
  machine.add({ pid: P + 1, cgroup: "/lxc.payload.box/system.slice" });
  machine.add({ pid: P + 2, cgroup: "/lxc.monitor.box" });
  machine.add({ pid: P + 3, cgroup: "/machine.slice/machine-my\\x2ddeb.scope/payload" });
  expect((await machine.select(container("box"))).list()).toEqual([P + 1]);
  expect((await machine.select(container("box"))).words).toBe("container box (lxc)");
  expect((await machine.select(container("my-deb"))).list()).toEqual([P + 3]);
});

test("a name that several have", async () => {
  await using machine = new Machine();
  run(machine, A, B);
  await machine.docker(SOCKET, [
    { Id: A, Names: ["/web"] },
    { Id: B, Names: ["/one"] },
  ]);
  await machine.docker("/run/podman/podman.sock", [{ Id: B, Names: ["/web"] }]);
  await expect(machine.select(container("web"))).rejects.toMatchObject({
    code: "E_AMBIGUOUS",
    message: "web may mean 2 containers: web (docker a1a1a1a1a1a1), one (docker b2b2b2b2b2b2)",
  });
});

test("a name goes before the beginning of an id, and who runs before who does not", async () => {
  await using machine = new Machine();
  run(machine, A, B);
  await machine.docker(SOCKET, [
    { Id: A, Names: ["/b"] },
    { Id: C, Names: ["/b"], State: "exited" },
    { Id: B, Names: ["/other"] },
  ]);
  expect((await machine.select(container("b"))).list()).toEqual([P]);
  const stopped = await machine.select(container("c3"));
  expect(stopped.list()).toEqual([]);
  expect(stopped).toMatchObject({ words: "container b (docker c3c3c3c3c3c3)", lasts: true });
  machine.add({ pid: P + 9, cgroup: `/docker/${C}` });
  machine.cgroup(`/docker/${C}`, [P + 9]);
  await expect.poll(() => stopped.list(), { timeout: 30_000 }).toEqual([P + 9]);
});

test("what was tried is told", async () => {
  await using machine = new Machine();
  run(machine, A);
  await machine.docker(SOCKET, [web]);
  machine.file("/run/podman/podman.sock", "");
  await expect(machine.select(container("wep"))).rejects.toMatchObject({
    code: "E_NO_TARGET",
    message:
      "there is no container wep; known: web; asked: /run/docker.sock (1 container), " +
      "/run/podman/podman.sock (nobody listens); " +
      "not there: /run/containerd/io.containerd.runtime.v2.task, /run/runc, /run/crun",
    hint: "did you mean web?",
  });
});

test("a daemon that does not answer is given up", async () => {
  await using machine = new Machine();
  run(machine, A);
  await machine.silent(SOCKET);
  await machine.docker("/run/podman/podman.sock", [{ Id: A, Names: ["/web"] }]);
  expect((await machine.select(container("web"))).list()).toEqual([P]);
  await expect(machine.select(container("nobody"))).rejects.toThrow(
    "/run/docker.sock (no answer within 1 s)",
  );
});

test.each([
  ["a status", 500, "[]", "status 500"],
  ["no JSON", 200, "<html>", "an answer that is not its API's"],
  ["an object", 200, '{"message":"no"}', "an answer that is not its API's"],
  ["other things in the list", 200, '[null,7,"x",{},{"Id":7},{"Id":""},{"Id":"a","Names":7}]', "1 container"],
])("a daemon that answers %s", async (_, status, body, words) => {
  await using machine = new Machine();
  await machine.listen(SOCKET, (_request, response) => {
    response.statusCode = status;
    response.end(body);
  });
  await expect(machine.select(container("web"))).rejects.toThrow(`${SOCKET} (${words})`);
});

test("a daemon that never ends its answer", async () => {
  await using machine = new Machine();
  await machine.listen(SOCKET, (_request, response) => {
    const more = () => response.write(" ".repeat(1 << 20), more);
    more();
  });
  await expect(machine.select(container("web"))).rejects.toThrow(
    /an answer without end|no answer within 1 s/,
  );
});

test("files that are none, and links, are left alone", async () => {
  await using machine = new Machine();
  const folder = (id: string) => `/var/lib/docker/containers/${id}`;
  machine.file(`${folder(A)}/x`, "");
  execFileSync("mkfifo", [join(machine.root, folder(A), "config.v2.json")]);
  machine.json("/secret", { ID: B, Name: "/secret" });
  machine.link(`${folder(B)}/config.v2.json`, join(machine.root, "secret"));
  machine.link(`${folder(C)}/config.v2.json`, "/dev/zero");
  await expect(machine.select(container("secret"))).rejects.toThrow(
    "/var/lib/docker/containers (0 containers)",
  );
});

test("hidden processes are the reason, where there are any", async () => {
  await using machine = new Machine();
  machine.uid = 1000;
  machine.end(1);
  await expect(machine.select(container("web"))).rejects.toMatchObject({
    code: "E_PERMISSION",
    message: expect.stringMatching(/hidepid/),
    hint: "run timeskew with sudo",
  });
});

test("a place that may not be read is the reason, where there are containers without names", async () => {
  await using machine = new Machine();
  run(machine, A);
  const book = await openBook(machine.host);
  const closed = {
    ...book,
    inquiries: [unanswered("/run/docker.sock", "EACCES", ""), ...book.inquiries.slice(1)],
  };
  expect(noneFound(closed, "container web", "web", [])).toMatchObject({
    code: "E_PERMISSION",
    message: expect.stringMatching(
      /^there is no container web that we can see: .*\/run\/docker\.sock \(not permitted\)/,
    ),
    hint: "run timeskew with sudo",
  });
  const named = closed.containers.map((each) => ({ ...each, names: ["web"] }));
  expect(noneFound({ ...closed, containers: named }, "container x", "x", [])).toMatchObject({
    code: "E_NO_TARGET",
  });
});
