/** Paths in /proc/PID/cgroup, as every runtime makes them: seen on real machines, or from the runtimes' documentation. */
import { describe, expect, test } from "vitest";
import { containerChain, containersIn, podUid } from "../../../../src/target/container/path.ts";
import { parseCgroup } from "../../../../src/target/proc.ts";

const A = "a1".repeat(32);
const B = "0b".repeat(32);
const UID = "3f1c9a52-7d04-4e6b-9a01-5c0e8f7a2b3d";
const UID_ = UID.replaceAll("-", "_");
const STATIC = "5d3c1b7e9f0a4c2d8e6b1a3f5c7d9e0b";
const SLICES = "/kubepods.slice/kubepods-burstable.slice";
const POD_SLICE = `kubepods-burstable-pod${UID_}.slice`;

type Row = readonly [path: string, runtime: string | undefined, id: string, uid?: string];

const ROWS: readonly Row[] = [
  [`/docker/${A}`, "docker", A],
  [`/my/parent/${A}`, "docker", A],
  [`/parent/${A}`, "docker", A],
  [`/system.slice/docker-${A}.scope`, "docker", A],
  [`/${A}`, "docker", A],
  [`/docker/${A}/init.scope`, "docker", A],
  ["/default/web", "containerd", "web"],
  ["/default/web/sub", "containerd", "web"],
  [`/default/${A}`, "containerd", A],
  [`/k8s.io/${A}`, "containerd", A],
  [`/system.slice/nerdctl-${A}.scope`, "containerd", A],
  [`/kubepods/pod${UID}/${A}`, "kubernetes", A, UID],
  [`/kubepods/burstable/pod${UID}/${A}`, "kubernetes", A, UID],
  [`/kubepods/besteffort/pod${UID}/${A}`, "kubernetes", A, UID],
  [`/kubepods/besteffort/pod${STATIC}/${A}`, "kubernetes", A, STATIC],
  [`${SLICES}/${POD_SLICE}/cri-containerd-${A}.scope`, "containerd", A, UID],
  [`/kubepods.slice/kubepods-pod${UID_}.slice/cri-containerd-${A}.scope`, "containerd", A, UID],
  [`${SLICES}/kubepods-burstable-pod${STATIC}.slice/cri-containerd-${A}.scope`, "containerd", A, STATIC],
  [`${SLICES}/${POD_SLICE}/docker-${A}.scope`, "docker", A, UID],
  [`${SLICES}/${POD_SLICE}/crio-${A}.scope`, "cri-o", A, UID],
  [`${SLICES}/${POD_SLICE}/crio-${A}.scope/container`, "cri-o", A, UID],
  [`/kubepods/pod${UID}/crio-${A}`, "cri-o", A, UID],
  [`/${POD_SLICE}:cri-containerd:${A}`, "containerd", A, UID],
  [`/system.slice/containerd.service/${POD_SLICE}:cri-containerd:${A}`, "containerd", A, UID],
  [`/libpod_parent/libpod-${A}`, "podman", A],
  [`/libpod_parent/${B}/libpod-${A}`, "podman", A],
  [`/machine.slice/libpod-${A}.scope`, "podman", A],
  [`/machine.slice/libpod-${A}.scope/container`, "podman", A],
  [`/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope/container`, "podman", A],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope`, "podman", A],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`, "podman", A],
  [`/user.slice/user-1000.slice/user@1000.service/app.slice/x.service/libpod-payload-${A}`, "podman", A],
  ["/lxc/box", "lxc", "box"],
  ["/lxc/box/init.scope", "lxc", "box"],
  ["/lxc.payload/box", "lxc", "box"],
  ["/lxc.payload.box", "lxc", "box"],
  ["/lxc.payload.box/system.slice/cron.service", "lxc", "box"],
  ["/machine.slice/machine-deb.scope/payload", "systemd-nspawn", "deb"],
  ["/machine.slice/machine-my\\x2ddeb.scope/payload", "systemd-nspawn", "my-deb"],
  ["/machine.slice/machine-deb.scope", "systemd-nspawn", "deb"],
  ["/machine.slice/systemd-nspawn@deb.service/payload/init.scope", "systemd-nspawn", "deb"],
  [`/ecs/${UID}/${A}`, "ecs", A],
  [`/ecs/cluster/${STATIC}/${A}`, "ecs", A],
  [`/ecs/${STATIC}/${STATIC}-1234567890`, "ecs", `${STATIC}-1234567890`],
  [`/ecs/${STATIC}/${STATIC}-123456789`, "ecs", `${STATIC}-123456789`],
  [`/ecstasks.slice/ecstasks-${STATIC}.slice/docker-${A}.scope`, "docker", A],
  [
    "/system.slice/garden.service/garden/good/12345678-1234-1234-1234-1234",
    "garden",
    "12345678-1234-1234-1234-1234",
  ],
  [`/../${A}`, undefined, A],
  [`/../../docker/${A}`, "docker", A],
  [`/../docker-${A}.scope`, "docker", A],
  [`/../../pod${UID}/${A}`, "kubernetes", A, UID],
  [`/system.slice/other-${A}.scope`, undefined, A],
  [`/docker/${A} (deleted)`, "docker", A],
];

test.each(ROWS)("%s", (path, runtime, id, podUid) => {
  const ref = { runtime, id, ...(podUid !== undefined && { podUid }) };
  expect(containerChain(parseCgroup(`0::${path}\n`))).toEqual([ref]);
  expect(containerChain(parseCgroup(`4:memory:${path}\n3:cpu,cpuacct:${path}\n0::/\n`))).toEqual([ref]);
});

test.each([
  "/",
  "/../..",
  "/..",
  "/init.scope",
  "/user.slice/user-0.slice/session-3.scope",
  "/system.slice/cron.service",
  "/process_api/35fd04a6dddcec29abdb899a2844f45b",
  "/foo/bar",
  "/docker",
  "/lxc",
  "/lxc.payload",
  "/lxc.monitor/box",
  "/lxc.monitor.box",
  "/default",
  "/default/",
  "/here/default/web",
  `/kubepods/burstable/pod${UID}`,
  `${SLICES}/${POD_SLICE}`,
  `${SLICES}/${POD_SLICE}/crio-conmon-${A}.scope`,
  `/machine.slice/libpod-conmon-${A}.scope`,
  `/libpod_parent/${A}`,
  "/libpod_parent/conmon",
  `/system.slice/var-lib-docker-containers-${A}-mounts-shm.mount`,
  `/system.slice/docker-${A}.mount`,
  `/docker/${A}0`,
  `/docker/${A.slice(1)}`,
  `/docker/${A.toUpperCase()}`,
  "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
  "/machine.slice/machine-deb.scope/supervisor",
  "/machine.slice/machine-.scope",
  `/system.slice/cri-containerd:${A}`,
  "/garden/12345678-1234-1234-1234",
])("%s leads into no container", (path) => {
  expect(containerChain(parseCgroup(`0::${path}\n`))).toEqual([]);
});

describe("a container in a container", () => {
  const docker = { runtime: "docker", id: A };
  test.each([
    ["Docker in Docker", `/docker/${A}/docker/${B}`, { runtime: "docker", id: B }],
    ["by systemd in Docker", `/docker/${A}/system.slice/docker-${B}.scope`, { runtime: "docker", id: B }],
    [
      "kind",
      `/docker/${A}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-${POD_SLICE}/cri-containerd-${B}.scope`,
      { runtime: "containerd", id: B, podUid: UID },
    ],
    [
      "kind, cgroupfs",
      `/docker/${A}/kubelet/kubepods/pod${UID}/${B}`,
      { runtime: "kubernetes", id: B, podUid: UID },
    ],
    ["ctr in Docker", `/docker/${A}/default/web`, { runtime: "containerd", id: "web" }],
    ["LXC in Docker", `/docker/${A}/lxc.payload.box`, { runtime: "lxc", id: "box" }],
  ])("%s", (_, path, inner) => {
    expect(containerChain(parseCgroup(`0::${path}\n`))).toEqual([docker, inner]);
  });

  test("three of them", () => {
    const path = `/lxc.payload.box/docker/${A}/default/web/init.scope`;
    expect(containersIn(path)).toEqual([
      { ref: { runtime: "lxc", id: "box" }, cgroup: "/lxc.payload.box", podCgroup: undefined },
      { ref: docker, cgroup: `/lxc.payload.box/docker/${A}`, podCgroup: undefined },
      {
        ref: { runtime: "containerd", id: "web" },
        cgroup: `/lxc.payload.box/docker/${A}/default/web`,
        podCgroup: undefined,
      },
    ]);
  });

  test("a pod is that of the containers in it only", () => {
    const path = `/kubepods/pod${UID}/${A}/docker/${B}`;
    expect(containersIn(path).map(({ ref }) => ref)).toEqual([
      { runtime: "kubernetes", id: A, podUid: UID },
      { runtime: "docker", id: B },
    ]);
  });
});

describe("lines that disagree", () => {
  test("a container for some controllers only", () => {
    const text = `9:name=systemd:/user.slice/session-1.scope\n6:freezer:/docker/${A}\n0::/user.slice/session-1.scope\n`;
    expect(containerChain(parseCgroup(text))).toEqual([{ runtime: "docker", id: A }]);
  });

  test("the inner container for some only", () => {
    const text = `3:cpu:/docker/${A}\n2:memory:/docker/${A}\n1:name=systemd:/docker/${A}/docker/${B}\n`;
    expect(containerChain(parseCgroup(text)).map(({ id }) => id)).toEqual([A, B]);
  });

  test("two containers: what most say", () => {
    const text = `4:pids:/docker/${B}\n3:cpu:/docker/${A}\n2:memory:/docker/${A}\n`;
    expect(containerChain(parseCgroup(text)).map(({ id }) => id)).toEqual([A]);
  });

  test("one tells what another leaves out", () => {
    const text = `4:pids:/../${A}\n3:cpu:/../${A}\n2:memory:${SLICES}/${POD_SLICE}/cri-containerd-${A}.scope\n`;
    expect(containerChain(parseCgroup(text))).toEqual([{ runtime: "containerd", id: A, podUid: UID }]);
  });

  test("a hybrid machine's v2 line says nothing", () => {
    const text = `12:devices:/docker/${A}\n1:name=systemd:/docker/${A}\n0::/system.slice/containerd.service\n`;
    expect(containerChain(parseCgroup(text))).toEqual([{ runtime: "docker", id: A }]);
  });
});

test("the pod's own cgroup, where it has one", () => {
  expect(containersIn(`/kubepods/pod${UID}/${A}`)[0]).toMatchObject({ podCgroup: `/kubepods/pod${UID}` });
  expect(containersIn(`/${POD_SLICE}:cri-containerd:${A}`)[0]).toMatchObject({ podCgroup: undefined });
});

test("a pod's uid, spelt in any way", () => {
  expect(podUid(UID)).toBe(UID);
  expect(podUid(UID_)).toBe(UID);
  expect(podUid(UID.toUpperCase())).toBe(UID);
  expect(podUid(STATIC)).toBe(STATIC);
  for (const none of ["", "x", UID.slice(1), `${UID}0`, UID.replaceAll("-", " ")])
    expect(podUid(none)).toBeUndefined();
});

test("names that mean something to JavaScript", () => {
  expect(containerChain(parseCgroup(`0::/system.slice/constructor-${A}.scope\n`))).toEqual([
    { runtime: undefined, id: A },
  ]);
  expect(containerChain(parseCgroup("0::/default/__proto__\n"))).toEqual([
    { runtime: "containerd", id: "__proto__" },
  ]);
});
