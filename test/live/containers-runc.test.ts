/** Every way in which a runtime names its containers' cgroups, each with a live container in it, started by runc alone. */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { needCgroup } from "../support/cgroups.ts";
import { refusal, report, start, timeskew } from "../support/cli.ts";
import { hierarchies, premises } from "../support/containers/premises.ts";
import { needRunc, type RuncContainer, startRunc } from "../support/containers/runc.ts";
import { BACK, SKEW, showPaused, unique } from "../support/containers/scene.ts";
import { needCommand } from "../support/namespaces.ts";
import { needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { shared } from "../support/shared.ts";
import { waitFor } from "../support/wait.ts";

/** What Docker, containerd, CRI-O and Podman call their containers. */
function makeId(): string {
  return randomBytes(32).toString("hex");
}

const UID = randomUUID();
const UID_ = UID.replaceAll("-", "_");
const TASK = makeId().slice(0, 32);
const STATIC_POD = makeId().slice(0, 32);
const NAME = unique("box");

/** A container's id, where its cgroup is (ID stands for the id), and the runtime that the path tells. */
type Row = readonly [id: string, cgroup: string, runtime?: string];

const BURSTABLE = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod";

const ROWS: readonly Row[] = [
  [makeId(), "/docker/ID", "docker"],
  [makeId(), `/${unique("parent")}/ID`, "docker"],
  [makeId(), "/system.slice/docker-ID.scope", "docker"],
  [makeId(), "/ID", "docker"],
  [NAME, "/default/ID", "containerd"],
  [makeId(), `/kubepods/pod${randomUUID()}/ID`],
  [makeId(), `/kubepods/besteffort/pod${UID}/ID`],
  [makeId(), `${BURSTABLE}${UID_}.slice/cri-containerd-ID.scope`, "containerd"],
  [makeId(), `${BURSTABLE}${UID_}.slice/docker-ID.scope`, "docker"],
  [makeId(), `${BURSTABLE}${UID_}.slice/crio-ID.scope`, "cri-o"],
  [makeId(), `${BURSTABLE}${UID_}.slice/crio-ID.scope/container`, "cri-o"],
  [makeId(), `/kubepods/pod${randomUUID()}/crio-ID`, "cri-o"],
  [makeId(), `/kubepods-burstable-pod${UID_}.slice:cri-containerd:ID`, "containerd"],
  [makeId(), `/system.slice/containerd.service/kubepods-pod${UID_}.slice:cri-containerd:ID`, "containerd"],
  [makeId(), `/kubepods/burstable/pod${STATIC_POD}/ID`],
  [
    makeId(),
    `/docker/${makeId()}/kubelet.slice/kubelet-kubepods.slice/cri-containerd-ID.scope`,
    "containerd",
  ],
  [makeId(), "/libpod_parent/libpod-ID", "podman"],
  [makeId(), "/machine.slice/libpod-ID.scope/container", "podman"],
  [makeId(), "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", "podman"],
  [makeId(), "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-payload-ID", "podman"],
  // Each is the beginning of the next one: an exact id is no prefix.
  [`${NAME}-lxc`, "/lxc/ID", "lxc"],
  [`${NAME}-lxc-2`, "/lxc.payload/ID", "lxc"],
  [`${NAME}-lxc-22`, "/lxc.payload.ID", "lxc"],
  [`${NAME}-nspawn`, `/machine.slice/machine-${escaped(NAME)}\\x2dnspawn.scope/payload`, "systemd-nspawn"],
  [makeId(), `/ecs/${randomUUID()}/ID`, "ecs"],
  [`${TASK}-1234567890`, `/ecs/${TASK}/ID`, "ecs"],
  [randomUUID().slice(0, 28), "/system.slice/garden.service/garden/good/ID", "garden"],
];

/** As systemd writes a name in that of a unit. */
function escaped(name: string): string {
  return name.replaceAll("-", "\\x2d");
}

/** They have ids in their paths, and are none. */
const NO_CONTAINERS: readonly Row[] = [
  [makeId(), `${BURSTABLE}${UID_}.slice/crio-conmon-ID.scope`],
  [`${NAME}-monitor`, "/lxc.monitor.ID"],
];

interface Live {
  row: Row;
  container: RuncContainer;
}

const live = shared(
  (context: TestContext) => {
    needTracing(context);
    return needRunc(context);
  },
  (program) =>
    assemble(async (own) => {
      const runc = own(await startRunc(program));
      const run = async (rows: readonly Row[]) => {
        const started: Live[] = [];
        for (const row of rows) {
          const [id, cgroup] = row;
          started.push({ row, container: await runc.run(id, cgroup.replace("ID", id)) });
        }
        return started;
      };
      return { runc, run, containers: await run(ROWS), others: await run(NO_CONTAINERS) };
    }),
);

/** What is wrong, by cgroup, if these containers are to be skewed and the others are not. */
async function wrong(all: readonly Live[], skewed: ReadonlySet<string>): Promise<string[]> {
  const found: string[] = [];
  for (const { row, container } of all) {
    const complaints = await container.complaints(skewed.has(row[0]) ? BACK : {});
    found.push(...complaints.map((complaint) => `${container.cgroup}: ${complaint}`));
  }
  return found;
}

/** The ids of most are so long that nobody types them. */
function beginning(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
}

/** How many at a time: each command looks at the whole machine. */
const BATCH = 9;

test("each by its id or the beginning of its id, and nobody else; all back by one command", async (context) => {
  const { containers, others } = await live(context);
  const skewed = new Set<string>();
  for (let from = 0; from < containers.length; from += BATCH) {
    const rows = containers.slice(from, from + BATCH).map(({ row }) => row);
    const flags = rows.flatMap(([id]) => ["--container", beginning(id)]);
    const injected = await timeskew("inject", "--json", ...SKEW, ...flags);
    expect(injected.code, injected.stdout).toBe(0);
    const { selection } = report(injected) as unknown as { selection: object[] };
    const expected = rows.map(([id, , runtime]) => ({ kind: "container", id, ...(runtime && { runtime }) }));
    expect(selection).toMatchObject(expected);
    for (const [id] of rows) skewed.add(id);
    expect(await wrong([...containers, ...others], skewed)).toEqual([]);
  }
  const flags = containers.flatMap(({ row: [id] }) => ["--container", id]);
  expect(await timeskew("recover", ...flags)).toMatchObject({ code: 0 });
  expect(await wrong(containers, new Set())).toEqual([]);
});

test("a pod's uid means all its containers, however their paths write it", async (context) => {
  const { containers } = await live(context);
  const inPod = containers.filter(({ row: [, cgroup] }) => cgroup.includes(UID) || cgroup.includes(UID_));
  const ids = new Set(inPod.map(({ row: [id] }) => id));
  expect(await timeskew("inject", ...SKEW, "--pod-uid", UID)).toMatchObject({ code: 0 });
  expect(await wrong(containers, ids)).toEqual([]);
  expect(await timeskew("recover", "--pod-uid", UID_)).toMatchObject({ code: 0 });
  expect(await wrong(containers, new Set())).toEqual([]);
});

test("a cgroup, with what is below it", async (context) => {
  const { containers } = await live(context);
  const below = "/kubepods.slice/kubepods-burstable.slice";
  const ids = new Set(containers.filter(({ row }) => row[1].startsWith(below)).map(({ row }) => row[0]));
  expect(await timeskew("inject", ...SKEW, "--cgroup", below)).toMatchObject({ code: 0 });
  expect(await wrong(containers, ids)).toEqual([]);
  const folder = join(hierarchies()[0]!, below);
  expect(await timeskew("recover", "--cgroup", folder)).toMatchObject({ code: 0 });
  expect(await wrong(containers, new Set())).toEqual([]);
});

test("a monitor is not the container", async (context) => {
  const { others } = await live(context);
  for (const { row } of others) {
    await refusal("E_NO_TARGET", ["inject", ...SKEW, "--container", row[0]]);
  }
  expect(await wrong(others, new Set())).toEqual([]);
});

test("a beginning that two ids have is refused, and both are named", async (context) => {
  const { run } = await live(context);
  const common = makeId().slice(0, 10);
  const ids = ["0", "1"].map((digit) => (common + digit).padEnd(64, "f"));
  const both = await run(ids.map((id) => [id, "/docker/ID"]));
  const { message, hint } = await refusal("E_AMBIGUOUS", ["inject", ...SKEW, "--container", common]);
  for (const id of ids) expect(`${message} ${hint}`).toContain(id.slice(0, 12));
  expect(await wrong(both, new Set())).toEqual([]);
  expect(await timeskew("inject", ...SKEW, "--container", `${common}1`)).toMatchObject({ code: 0 });
  expect(await wrong(both, new Set([ids[1]!]))).toEqual([]);
});

test("a paused container is refused", async (context) => {
  const { runc, containers } = await live(context);
  const id = containers[0]!.row[0];
  await runc.runc("pause", id);
  try {
    await showPaused(["--container", id], new RegExp(`${id.slice(0, 12)}.* is paused`));
  } finally {
    await runc.runc("resume", id);
  }
  expect(await wrong(containers, new Set())).toEqual([]);
});

test("a tool in a cgroup namespace of its own, to which all paths begin with /..", async (context) => {
  const { containers } = await live(context);
  await using v1 = needCgroup(context, "v1", "freezer");
  await using v2 = needCgroup(context, "v2", "freezer");
  const enter = [v1, v2].map(({ path }) => `echo $$ > ${path}/cgroup.procs`).join(" && ");
  const by = ["sh", "-c", `${enter} && exec unshare --cgroup "$@"`, "sh"];
  needCommand(context, by);
  const ids = containers.slice(0, 3).map(({ row }) => row[0]);
  for (const [command, skewed] of [
    ["inject", new Set(ids)],
    ["recover", new Set<string>()],
  ] as const) {
    const flags = command === "inject" ? SKEW : [];
    const selectors = ids.flatMap((id) => ["--container", id.slice(0, 12)]);
    const run = await start([command, ...flags, ...selectors], { by }).done;
    expect(run).toMatchObject({ code: 0 });
    expect(await wrong(containers, skewed)).toEqual([]);
  }
});

test("what a runtime leaves behind is found, taken away, and an error", async (context) => {
  needRunc(context);
  const place = await premises("leaver", 0);
  const mount = await place.folder("mount");
  const id = makeId();
  const cgroup = join(hierarchies()[0]!, `${unique("left")}-${id}`);
  const left = spawn("sh", ["-c", `mount -t tmpfs none ${mount} && mkdir ${cgroup} && exec sleep 1000`], {
    cwd: place.path,
    stdio: "ignore",
  });
  place.remember(id);
  await waitFor("the cgroup", () => existsSync(cgroup));
  mkdirSync(join(mount, "here"));
  await expect(place[Symbol.asyncDispose]()).rejects.toThrow(
    new RegExp(`process ${left.pid} \\(sleep 1000\\), mount ${mount}, cgroup ${cgroup}`),
  );
  expect([existsSync(place.path), existsSync(cgroup), left.signalCode]).toEqual([false, false, "SIGKILL"]);
});
