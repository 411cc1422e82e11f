/** What is known by its cgroups: containers by id, pods by uid, and cgroups themselves; how they are listed again and again. */
import { expect, test } from "vitest";
import { Machine, type Version } from "./machine.ts";

const A = "a1".repeat(32);
const B = "a2".repeat(32);
const UID = "3f1c9a52-7d04-4e6b-9a01-5c0e8f7a2b3d";
const VERSIONS: readonly Version[] = ["v1", "v2", "hybrid", "none"];

/** Pids that nobody has here. */
const P = 8_000_000;

function docker(machine: Machine, id: string, ...pids: number[]): void {
  for (const pid of pids) machine.add({ pid, cgroup: `/docker/${id}` });
  machine.cgroup(`/docker/${id}`, pids);
}

test.each(VERSIONS)("a container's processes, by cgroup %s", async (version) => {
  await using machine = new Machine(version);
  docker(machine, A, P + 2, P + 1);
  docker(machine, B, P + 3);
  const selection = await machine.select({ kind: "container", name: A });
  expect(selection).toMatchObject({
    words: `container ${A.slice(0, 12)} (docker)`,
    flags: ["--container", A],
    lasts: true,
    selected: [{ kind: "container", runtime: "docker", id: A }],
  });
  expect(selection.list().sort()).toEqual([P + 1, P + 2]);
  // Newcomers, also in cgroups that the container has made for itself.
  docker(machine, A, P + 1, P + 2, P + 7);
  machine.add({ pid: P + 8, cgroup: `/docker/${A}/sub/below` });
  machine.cgroup(`/docker/${A}/sub/below`, [P + 8]);
  machine.cgroup(`/docker/${A}/sub`, []);
  expect(selection.list().sort()).toEqual([P + 1, P + 2, P + 7, P + 8]);
  expect((await machine.select({ kind: "container", name: A })).list()).toHaveLength(4);
});

test("directories are believed, and no other process is looked at", async () => {
  await using machine = new Machine();
  docker(machine, A, P + 1);
  const selection = await machine.select({ kind: "container", name: A });
  machine.add({ pid: P + 2, cgroup: `/docker/${A}` });
  expect(selection.list()).toEqual([P + 1]);
});

test.each(["v2", "none"] as const)("a container that starts again, by cgroup %s", async (version) => {
  await using machine = new Machine(version);
  docker(machine, A, P + 1);
  const selection = await machine.select({ kind: "container", name: A });
  expect(selection.list()).toEqual([P + 1]);
  machine.end(P + 1);
  machine.removeCgroup(`/docker/${A}`);
  expect(selection.list()).toEqual([]);
  docker(machine, A, P + 5);
  await expect.poll(() => selection.list(), { timeout: 30_000 }).toEqual([P + 5]);
});

test("a container that starts again with another cgroup above it", async () => {
  await using machine = new Machine();
  docker(machine, A, P + 1);
  const selection = await machine.select({ kind: "container", name: A });
  machine.end(P + 1);
  machine.removeCgroup(`/docker/${A}`);
  machine.add({ pid: P + 5, cgroup: `/other/parent/${A}` });
  machine.cgroup(`/other/parent/${A}`, [P + 5]);
  await expect.poll(() => selection.list(), { timeout: 30_000 }).toEqual([P + 5]);
});

test("who is in it for one controller only belongs to it", async () => {
  await using machine = new Machine("v1");
  docker(machine, A, P + 1);
  machine.add({ pid: P + 2, cgroup: `1:memory:/docker/${A}\n2:pids:/elsewhere\n` });
  machine.file(`/sys/fs/cgroup/memory/docker/${A}/cgroup.procs`, `${P + 1}\n${P + 2}\n`);
  const selection = await machine.select({ kind: "container", name: A });
  expect(selection.list().sort()).toEqual([P + 1, P + 2]);
});

test("the beginning of an id, if it is the only one", async () => {
  await using machine = new Machine();
  docker(machine, A, P + 1);
  docker(machine, B, P + 2);
  expect((await machine.select({ kind: "container", name: "a1a" })).list()).toEqual([P + 1]);
  await expect(machine.select({ kind: "container", name: "a" })).rejects.toMatchObject({
    code: "E_AMBIGUOUS",
    message: `a may mean 2 containers: ${A.slice(0, 12)} (docker), ${B.slice(0, 12)} (docker)`,
    hint: `say it by its id: --container ${A.slice(0, 12)}`,
  });
  await expect(machine.select({ kind: "container", name: "" })).rejects.toMatchObject({ code: "E_USAGE" });
});

test("a zombie of a container that has ended is none of its processes, and no container", async () => {
  await using machine = new Machine();
  machine.add({ pid: P + 1, cgroup: `/docker/${A}`, state: "Z" });
  machine.add({ pid: P + 2, cgroup: `/kubepods/pod${UID}/${A}` });
  machine.cgroup(`/kubepods/pod${UID}/${A}`, [P + 2]);
  machine.add({ pid: P + 3, cgroup: `/docker/${B}`, state: "Z" });
  const selection = await machine.select({ kind: "container", name: "a" });
  expect(selection.list()).toEqual([P + 2]);
  expect(selection.words).toBe(`container ${A.slice(0, 12)} (kubernetes)`);
  await expect(machine.select({ kind: "container", name: B })).rejects.toMatchObject({ code: "E_NO_TARGET" });
});

test("a container in a container belongs to both", async () => {
  await using machine = new Machine();
  docker(machine, A, P + 1);
  machine.add({ pid: P + 2, cgroup: `/docker/${A}/docker/${B}` });
  machine.cgroup(`/docker/${A}/docker/${B}`, [P + 2]);
  machine.cgroup(`/docker/${A}/docker`, []);
  expect((await machine.select({ kind: "container", name: A })).list().sort()).toEqual([P + 1, P + 2]);
  expect((await machine.select({ kind: "container", name: B })).list()).toEqual([P + 2]);
});

test("nobody in a container can pass for a container outside of it", async () => {
  await using machine = new Machine();
  docker(machine, A, P + 1);
  docker(machine, B, P + 2);
  // Whoever may make cgroups in A has named one like B.
  machine.add({ pid: P + 3, cgroup: `/docker/${A}/docker-${B}.scope` });
  expect((await machine.select({ kind: "container", name: B })).list()).toEqual([P + 2]);
  expect((await machine.select({ kind: "container", name: "a2" })).list()).toEqual([P + 2]);
});

test("cgroups without end, made by somebody in the container", async () => {
  await using machine = new Machine();
  docker(machine, A, P + 1);
  const selection = await machine.select({ kind: "container", name: A });
  for (let i = 0; i < 1100; i++) machine.cgroup(`/docker/${A}/${i}`, []);
  machine.add({ pid: P + 2, cgroup: `/docker/${A}/7` });
  expect(selection.list().sort()).toEqual([P + 1, P + 2]);
});

test("a tool that sees its neighbours from a cgroup namespace of its own", async () => {
  await using machine = new Machine();
  machine.add({ pid: P + 1, cgroup: `/../${A}` });
  machine.add({ pid: P + 2, cgroup: "/../.." });
  // That is not what the path means.
  machine.file(`/sys/fs/cgroup/../${A}/cgroup.procs`, `${P + 3}\n`);
  const selection = await machine.select({ kind: "container", name: "a1" });
  expect(selection.list()).toEqual([P + 1]);
  expect(selection.words).toBe(`container ${A.slice(0, 12)}`);
});

test("a hierarchy of which only a part is mounted", async () => {
  await using machine = new Machine("none");
  machine.file("/proc/self/mountinfo", `30 24 0:25 /docker /mnt/my\\040cgroup rw - cgroup2 cgroup2 rw\n`);
  machine.add({ pid: P + 1, cgroup: `/docker/${A}` });
  machine.file(`/mnt/my cgroup/${A}/cgroup.procs`, `${P + 1}\n0\n`);
  const selection = await machine.select({ kind: "container", name: A });
  machine.file(`/mnt/my cgroup/${A}/cgroup.procs`, `${P + 1}\n${P + 9}\n0\n`);
  machine.add({ pid: P + 9 });
  expect(selection.list()).toEqual([P + 1, P + 9]);
});

test.each(VERSIONS)("a cgroup by its path, %s", async (version) => {
  await using machine = new Machine(version);
  machine.add({ pid: P + 1, cgroup: "/app.slice" });
  machine.add({ pid: P + 2, cgroup: "/app.slice/web" });
  machine.add({ pid: P + 3, cgroup: "/app.slice2" });
  machine.cgroup("/app.slice", [P + 1]);
  machine.cgroup("/app.slice/web", [P + 2]);
  for (const path of ["/app.slice", "app.slice/", "//app.slice"]) {
    const selection = await machine.select({ kind: "cgroup", path });
    expect(selection.list().sort()).toEqual([P + 1, P + 2]);
    expect(selection).toMatchObject({ words: "cgroup /app.slice", flags: ["--cgroup", path], lasts: true });
  }
  await expect(machine.select({ kind: "cgroup", path: "/app" })).rejects.toMatchObject({
    code: "E_NO_TARGET",
    message: expect.stringMatching(/^no cgroup is called \/app: /),
  });
  await expect(machine.select({ kind: "cgroup", path: "" })).rejects.toMatchObject({ code: "E_USAGE" });
});

test("a cgroup's directory means this hierarchy", async () => {
  await using machine = new Machine("hybrid");
  machine.add({ pid: P + 1, cgroup: "1:memory:/app\n2:pids:/\n0::/\n" });
  machine.add({ pid: P + 2, cgroup: "1:memory:/\n2:pids:/app\n0::/\n" });
  machine.file("/sys/fs/cgroup/memory/app/cgroup.procs", `${P + 1}\n`);
  machine.file("/sys/fs/cgroup/pids/app/cgroup.procs", `${P + 2}\n`);
  const list = async (path: string) => (await machine.select({ kind: "cgroup", path })).list().sort();
  expect(await list("/sys/fs/cgroup/memory/app")).toEqual([P + 1]);
  expect(await list("/sys/fs/cgroup/pids/app/")).toEqual([P + 2]);
  expect(await list("/app")).toEqual([P + 1, P + 2]);
});

test("an empty cgroup is one, and gets processes later", async () => {
  await using machine = new Machine();
  machine.cgroup("/later", []);
  const selection = await machine.select({ kind: "cgroup", path: "/later" });
  expect(selection.list()).toEqual([]);
  machine.add({ pid: P + 1, cgroup: "/later" });
  machine.cgroup("/later", [P + 1]);
  expect(selection.list()).toEqual([P + 1]);
});

test.each([
  ["cgroupfs", (id: string) => `/kubepods/burstable/pod${UID}/${id}`],
  [
    "systemd",
    (id: string) =>
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll("-", "_")}.slice/cri-containerd-${id}.scope`,
  ],
  [
    "slices under cgroupfs",
    (id: string) => `/kubepods-burstable-pod${UID.replaceAll("-", "_")}.slice:cri-containerd:${id}`,
  ],
])("a pod by its uid, %s", async (_, path) => {
  await using machine = new Machine();
  const add = (id: string, pid: number) => {
    machine.add({ pid, cgroup: path(id) });
    machine.cgroup(path(id), [pid]);
  };
  add(A, P + 1);
  add(B, P + 2);
  add(A.replaceAll("a", "c"), P + 3);
  machine.add({ pid: P + 9, cgroup: `/kubepods/burstable/pod${UID.replace("3", "4")}/${A}` });
  for (const uid of [UID, UID.replaceAll("-", "_"), UID.toUpperCase()]) {
    const selection = await machine.select({ kind: "podUid", uid });
    expect(selection.list().sort()).toEqual([P + 1, P + 2, P + 3]);
    expect(selection).toMatchObject({ words: `pod ${UID}`, flags: ["--pod-uid", UID], lasts: true });
  }
  const selection = await machine.select({ kind: "podUid", uid: UID });
  // A container that starts again is another one; who watches over it from its pod's cgroup is not in it.
  add(A.replaceAll("a", "d"), P + 4);
  const beside = path(A).replace(/[^/]*$/, `crio-conmon-${B}.scope`);
  machine.add({ pid: P + 5, cgroup: beside });
  machine.cgroup(beside, [P + 5]);
  expect(selection.list().sort()).toEqual([P + 1, P + 2, P + 3, P + 4]);
});

test("a pod's uid that nobody has, and what is none", async () => {
  await using machine = new Machine();
  machine.add({ pid: P + 1, cgroup: `/kubepods/pod${UID}/${A}` });
  await expect(machine.select({ kind: "podUid", uid: UID.replace("3", "4") })).rejects.toMatchObject({
    code: "E_NO_TARGET",
    hint: `did you mean ${UID}?`,
  });
  await expect(machine.select({ kind: "podUid", uid: "web" })).rejects.toMatchObject({ code: "E_USAGE" });
});
