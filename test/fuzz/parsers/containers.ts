/** What tells of containers: paths of cgroups, mounts, and what runtimes say or keep, which whoever is in a container may have written. */
import { TimeskewError } from "../../../src/errors.ts";
import { parseContainers } from "../../../src/target/container/api.ts";
import { parseAnnotations } from "../../../src/target/container/containerd.ts";
import { parseConfig } from "../../../src/target/container/docker.ts";
import type { Known } from "../../../src/target/container/known.ts";
import { containerChain, containersIn, podUid } from "../../../src/target/container/path.ts";
import { parseConmon, parseStorage } from "../../../src/target/container/podman.ts";
import { parseMountinfo } from "../../../src/target/proc-mountinfo.ts";
import { mutateText, oddNumber, oddText } from "../mutate.ts";
import { ACCEPTED, attempt, must, recipe, same } from "../parser.ts";
import type { Random } from "../random.ts";

const ID = "a1".repeat(32);
const OTHER = "0b".repeat(32);
const UID = "3f1c9a52-7d04-4e6b-9a01-5c0e8f7a2b3d";
const UID_ = UID.replaceAll("-", "_");

const SEGMENTS = [
  ...[
    "docker",
    ID,
    OTHER,
    `docker-${ID}.scope`,
    "system.slice",
    "..",
    "",
    "default",
    "web",
    "k8s.io",
    "init.scope",
  ],
  ...[
    "kubepods",
    "burstable",
    `pod${UID}`,
    `pod${ID.slice(0, 32)}`,
    `kubepods-pod${UID_}.slice`,
    "kubepods.slice",
  ],
  ...[
    `cri-containerd-${OTHER}.scope`,
    `crio-${ID}`,
    `crio-conmon-${ID}.scope`,
    `kubepods-pod${UID_}.slice:cri-containerd:${ID}`,
  ],
  ...[
    "libpod_parent",
    `libpod-${ID}`,
    `libpod-${OTHER}.scope`,
    "container",
    "machine.slice",
    "machine-a\\x2db.scope",
  ],
  ...[
    "payload",
    "supervisor",
    "systemd-nspawn@a.service",
    "lxc",
    "lxc.payload",
    "lxc.payload.a",
    "lxc.monitor.a",
  ],
  ...["ecs", `${ID.slice(0, 32)}-1234567890`, "garden", "good", "12345678-1234-1234-1234-1234", "__proto__"],
  ...["constructor", `__proto__-${ID}`, `constructor-${ID}.scope`],
];

function madePath(random: Random): string {
  const segments = random.times(1, 8, () =>
    random.oneIn(12) ? oddText(random).slice(0, 60) : random.pick(SEGMENTS),
  );
  const path = `/${segments.join("/")}${random.oneIn(8) ? " (deleted)" : ""}`;
  return random.oneIn(4) ? `/${mutateText(random, path)}` : path;
}

function mustBePlaces(path: string): void {
  let end = 0;
  for (const [at, { ref, cgroup, podCgroup }] of containersIn(path).entries()) {
    must(path.startsWith(cgroup) && cgroup.length > end, "further down the path");
    must(
      ["", "/"].includes(path.slice(cgroup.length, cgroup.length + 1)) || path.endsWith(" (deleted)"),
      "whole names",
    );
    must(ref.id.length > 0 && !ref.id.includes("/"), "an id is a name");
    must(
      ref.podUid === undefined || podUid(ref.podUid) === ref.podUid,
      "a pod's uid as Kubernetes writes it",
    );
    must(podCgroup === undefined || cgroup.startsWith(`${podCgroup}/`), "a pod is above its containers");
    must(ref.runtime === undefined || /^[a-z][a-z-]+$/.test(ref.runtime), "a runtime that we know");
    // What is called so could as well be gone.
    const named = cgroup.endsWith(" (deleted)");
    must(named || same(containersIn(cgroup)[at]?.ref, ref), "the same, whatever is below it");
    end = cgroup.length;
  }
}

export const containers = recipe("containers", () => ({
  make: (random) => random.times(1, 4, () => madePath(random)),
  run(paths: readonly string[]) {
    for (const path of paths) mustBePlaces(path);
    const chain = containerChain(paths.map((path, hierarchy) => ({ hierarchy, controllers: [], path })));
    const chains = paths.map((path) => containersIn(path).map(({ ref }) => ref.id));
    must(chain.length === Math.max(...chains.map(({ length }) => length)), "the deepest");
    must(
      chains.some((ids) =>
        same(
          ids,
          chain.map(({ id }) => id),
        ),
      ),
      "that of a line",
    );
    return chain.length > 0 ? ACCEPTED : "E_NONE";
  },
}));

const MOUNTINFO = `36 35 98:0 / /sys/fs/cgroup rw,nosuid shared:1 master:2 - cgroup2 cgroup2 rw,nsdelegate
37 35 0:29 /docker/x /sys/fs/cgroup/my\\040cpu rw - cgroup cgroup rw,cpu,cpuacct
`;

export const mountinfo = recipe("mountinfo", () => ({
  make: (random) =>
    random.oneIn(4)
      ? random
          .times(1, 14, () =>
            random.either(
              () => oddText(random),
              () => oddNumber(random),
              () => "-",
            ),
          )
          .join(" ")
      : mutateText(random, MOUNTINFO),
  run: (text: string) =>
    attempt(
      () => parseMountinfo(text),
      (error) => (error instanceof TimeskewError && error.code === "E_INTERNAL" ? error.code : undefined),
      (mounts) => {
        must(mounts.length <= text.split("\n").length, "a line is one mount");
        for (const { root, point, type, options } of mounts)
          must(
            root.length + point.length + type.length + options.join(",").length <= text.length,
            "what is there",
          );
      },
    ),
}));

const LABELS = {
  "io.kubernetes.pod.name": "cart",
  "io.kubernetes.pod.namespace": "shop",
  "io.kubernetes.cri.sandbox-uid": UID,
  "io.kubernetes.cri.container-name": "app",
};
const ANSWERS = [
  [{ Id: ID, Names: ["/other/alias", "/web"], Labels: LABELS, State: "running" }, { Id: OTHER }],
  [{ id: ID, names: ["web"], metadata: "{}" }],
  { ID, Name: "/web", Config: { Labels: LABELS }, State: { Pid: 7, Running: true } },
  { ociVersion: "1.0.2", annotations: LABELS },
].map((answer) => JSON.stringify(answer));
const CONMON = [
  "conmon",
  "-c",
  ID,
  "-n",
  "web",
  "-b",
  `/a/overlay-containers/${ID}/userdata`,
  "--exit-command",
  "x",
];

/** Values of every kind, in place of those that are expected. */
function madeAnswer(random: Random): string {
  const value = (): unknown =>
    random.either(
      () => random.pick([null, true, 0, -1, 1.5, "", "/", [], {}, "x".repeat(300), 2 ** 40]),
      () => oddText(random),
      () =>
        random.pick([
          [oddText(random), 7],
          ["", "/", "/a/b", "/a"],
        ]),
      () => LABELS,
    );
  const keys = [
    "Id",
    "ID",
    "id",
    "Name",
    "Names",
    "names",
    "Labels",
    "Config",
    "State",
    "Pid",
    "annotations",
    "__proto__",
  ];
  const object = () => Object.fromEntries(random.times(1, 5, () => [random.pick(keys), value()]));
  return JSON.stringify(random.oneIn(2) ? random.times(0, 4, object) : object());
}

function mustBeKnown({ id, name, pod, pid }: Known): void {
  const isName = (text: unknown) =>
    text === undefined || (typeof text === "string" && text.length > 0 && text.length <= 255);
  must(id !== undefined && isName(id) && isName(name), "an id, and a name or none");
  must(pod === undefined || Object.values(pod).every(isName), "names of the pod");
  must(pid === undefined || (Number.isInteger(pid) && pid > 0), "a pid or none");
}

export const runtimes = recipe("runtimes", () => ({
  make: (random) =>
    random.either(
      () => mutateText(random, random.pick(ANSWERS)),
      () => madeAnswer(random),
      () => mutateText(random, CONMON.join(" ")),
    ),
  run(text: string) {
    const lists = [parseContainers(text, "docker"), parseStorage(text)];
    const config = parseConfig(text);
    for (const known of lists.flatMap((list) => list ?? [])) mustBeKnown(known);
    if (config !== undefined) mustBeKnown(config);
    mustBeKnown({ runtime: "containerd", id: "x", ...parseAnnotations(text) });
    const conmon = parseConmon(text.split(" "));
    must(conmon === undefined || text.includes(conmon.id), "an id that is there");
    const known =
      lists.some((list) => (list?.length ?? 0) > 0) || config !== undefined || conmon !== undefined;
    return known ? ACCEPTED : "E_NONE";
  },
}));
