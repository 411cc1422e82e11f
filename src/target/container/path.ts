/**
 * Which containers a path in /proc/PID/cgroup leads through. No runtime is asked: each has a way of its own to name
 * cgroups, and these are documented, or were seen. Pure.
 */
import type { CgroupLine } from "../proc-cgroup.ts";

/** A container as its cgroup names it. */
export interface ContainerRef {
  /** "docker", "containerd", "kubernetes", …; undefined where the path does not tell. */
  readonly runtime: string | undefined;
  readonly id: string;
  /** Of a Kubernetes pod, with dashes; 32 hex digits for a static one. */
  readonly podUid?: string;
}

/** A container on the way along one path. */
export interface PathContainer {
  readonly ref: ContainerRef;
  /** The cgroup that is the container's, as a path: the beginning of the one that was looked at. */
  readonly cgroup: string;
  /** The cgroup that is the pod's, where it is one of its own. */
  readonly podCgroup: string | undefined;
}

/**
 * The containers that a process is in, outermost first; the last is its own. Hierarchies may disagree (a process that is
 * in a container for some controllers only): then the deepest path counts, or what most say.
 */
export function containerChain(lines: readonly CgroupLine[]): ContainerRef[] {
  const chains = distinctPaths(lines).map(({ path, count }) => ({
    refs: containersIn(path).map(({ ref }) => ref),
    count,
  }));
  const [first, ...others] = chains.sort((a, b) => b.refs.length - a.refs.length || b.count - a.count);
  const known = others.flatMap(({ refs }) => refs);
  return (first?.refs ?? []).map((ref) => completed(ref, known));
}

function distinctPaths(lines: readonly CgroupLine[]): { path: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { path } of lines) counts.set(path, (counts.get(path) ?? 0) + 1);
  return [...counts].map(([path, count]) => ({ path, count }));
}

/** One hierarchy's path may tell what another's leaves out. */
function completed(ref: ContainerRef, others: readonly ContainerRef[]): ContainerRef {
  if (ref.runtime !== undefined && ref.podUid !== undefined) return ref;
  const same = others.filter(({ id }) => id === ref.id);
  const runtime = ref.runtime ?? same.find((each) => each.runtime !== undefined)?.runtime;
  const podUid = ref.podUid ?? same.find((each) => each.podUid !== undefined)?.podUid;
  return { runtime, id: ref.id, ...(podUid !== undefined && { podUid }) };
}

/** The containers along one path, outermost first. */
export function containersIn(path: string): PathContainer[] {
  const segments = path
    .replace(/ \(deleted\)$/, "")
    .split("/")
    .slice(1);
  const found: PathContainer[] = [];
  let pod: { uid: string; end: number } | undefined;
  /** Where the innermost runtime's own tree begins. */
  let base = 0;
  const upTo = (end: number) => `/${segments.slice(0, end).join("/")}`;
  for (const [at, segment] of segments.entries()) {
    if (segment === ".." && at === base) base++;
    const uid = podUidIn(segment);
    const match = containerAt(segments, at, base, pod !== undefined);
    if (uid !== undefined) pod = { uid, end: at + 1 };
    if (match === undefined) continue;
    found.push({
      ref: { ...match, ...(pod !== undefined && { podUid: pod.uid }) },
      cgroup: upTo(at + 1),
      podCgroup: pod === undefined || pod.end === at + 1 ? undefined : upTo(pod.end),
    });
    pod = undefined;
    base = at + 1;
  }
  return found;
}

const POD_UID = /^([0-9a-f]{8})[-_]([0-9a-f]{4})[-_]([0-9a-f]{4})[-_]([0-9a-f]{4})[-_]([0-9a-f]{12})$/;
/** "pod<uid>", "kubepods-burstable-pod<uid>.slice", "…-pod<uid>.slice:cri-containerd:<id>". */
const POD = /(?:^|-)pod([0-9a-f_-]{32,36})(?:\.slice(?::.*)?)?$/s;

function podUidIn(segment: string): string | undefined {
  const [, uid] = POD.exec(segment) ?? [];
  return uid === undefined ? undefined : podUid(uid);
}

/** A pod's uid as Kubernetes writes it, whichever way it was spelt; undefined if it is none. */
export function podUid(text: string): string | undefined {
  const lower = text.toLowerCase();
  const [, ...parts] = POD_UID.exec(lower) ?? [];
  if (parts.length > 0) return parts.join("-");
  return /^[0-9a-f]{32}$/.test(lower) ? lower : undefined;
}

const ID = /^[0-9a-f]{64}$/;
/** "docker-<id>.scope", "crio-<id>", "libpod-payload-<id>": what made it, and its id. */
const PREFIXED = /^([a-z][a-z0-9_.-]*)-([0-9a-f]{64})(?:\.scope)?$/;
/** systemd's way to say "parent, prefix, id", where the cgroupfs driver took it for a path. */
const TRIPLE = /:([a-z][a-z0-9_.-]*):([0-9a-f]{64})$/;
const FARGATE = /^[0-9a-f]{32}-\d{9,10}$/;
const GARDEN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){4}$/;

const RUNTIMES: Readonly<Record<string, string>> = {
  docker: "docker",
  "cri-containerd": "containerd",
  nerdctl: "containerd",
  crio: "cri-o",
  libpod: "podman",
  "libpod-payload": "podman",
};

type Match = Pick<ContainerRef, "runtime" | "id">;

/** The container that a segment begins, if it does; `base` is where the paths of its runtime begin. */
function containerAt(
  segments: readonly string[],
  at: number,
  base: number,
  inPod: boolean,
): Match | undefined {
  const segment = segments[at]!;
  const parent = at > base ? segments[at - 1] : undefined;
  if (ID.test(segment)) {
    if (parent === "libpod_parent") return undefined; // a pod of Podman's
    return { runtime: runtimeOfBare(segments, at, base, inPod), id: segment };
  }
  const [, prefix, id] = PREFIXED.exec(segment) ?? TRIPLE.exec(segment) ?? [];
  if (prefix !== undefined && id !== undefined)
    return prefix.endsWith("conmon") ? undefined : { runtime: ownValue(RUNTIMES, prefix), id };
  return lxcAt(segment, parent) ?? nspawnAt(segment, parent, segments[at + 1]) ?? namedAt(segments, at, base);
}

/** Of an id without a prefix, by what is above it. */
function runtimeOfBare(
  segments: readonly string[],
  at: number,
  base: number,
  inPod: boolean,
): string | undefined {
  const above = segments.slice(base, at);
  if (inPod) return "kubernetes";
  if (above[0] === "ecs") return "ecs";
  if (above.length === 1 && (above[0] === "default" || above[0] === "k8s.io")) return "containerd";
  // A neighbour's, seen from another cgroup namespace: what is above it is not told.
  return above.length === 0 && segments[base - 1] === ".." ? undefined : "docker";
}

function lxcAt(segment: string, parent: string | undefined): Match | undefined {
  const [, name] = /^lxc\.payload\.(.+)$/s.exec(segment) ?? [];
  if (name !== undefined) return { runtime: "lxc", id: name };
  const isName = (parent === "lxc" || parent === "lxc.payload") && segment !== "";
  return isName ? { runtime: "lxc", id: segment } : undefined;
}

/** systemd-nspawn; libvirt's virtual machines have scopes of the same kind, and are no containers. */
function nspawnAt(segment: string, parent: string | undefined, next: string | undefined): Match | undefined {
  if (parent !== "machine.slice" || next === "supervisor") return undefined;
  const [, scope, service] = /^(?:machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/s.exec(segment) ?? [];
  const name = unescapeUnit(scope ?? service ?? "");
  return name === "" || /^qemu-\d/.test(name) ? undefined : { runtime: "systemd-nspawn", id: name };
}

/** systemd writes bytes that a unit's name may not have as "\x2d". */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function namedAt(segments: readonly string[], at: number, base: number): Match | undefined {
  const segment = segments[at]!;
  const above = segments.slice(base, at);
  if (above[0] === "ecs" && FARGATE.test(segment)) return { runtime: "ecs", id: segment };
  if (GARDEN.test(segment) && above.includes("garden")) return { runtime: "garden", id: segment };
  // containerd's default: /namespace/id. Other namespaces look like anybody's cgroups; their containers are told by files.
  const isCtr = above.length === 1 && above[0] === "default" && segment !== "";
  return isCtr ? { runtime: "containerd", id: segment } : undefined;
}

function ownValue(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
