/**
 * containerd's task directories, STATE/NAMESPACE/ID: each has the container's config.json, in whose annotations CRI and nerdctl
 * keep their names. The state's folder may be anywhere, but a running shim works in the directory of its first container.
 */
import { parseMountinfo } from "../proc.ts";
import { below } from "../select/hierarchies.ts";
import type { Host } from "../select/host.ts";
import { statOf, tryRead } from "../select/processes.ts";
import { type Census, type Runtime, tryLink } from "./census.ts";
import { namesIn, tryNamesIn, tryReadRegular, Unreadable } from "./files.ts";
import { answered, field, type Inquiry, type Known, nameIn, parseJson, podIn, unanswered } from "./known.ts";

const STATE = "/run/containerd/io.containerd.runtime.v2.task";
/** Where a shim works. */
const BUNDLE = /^(.*\/io\.containerd\.runtime\.[^/]+)\/([^/]+)\/[^/]+$/s;
/** Docker keeps its containers in a namespace of its own, without names. */
const DOCKERS = "moby";
/** A container's root may make as many as he likes. */
const MOST_BUNDLES = 5000;
const MOST_CONFIG = 4 << 20;

export function readContainerd(host: Host, census: Census): Inquiry[] {
  const shims = census.runtimes.filter(({ command }) => command === "containerd-shim");
  const isFirst = (pid: number) => shims.some((shim) => shim.pid === statOf(host, pid)?.ppid);
  const inquiries = new Map([[STATE, readState(STATE, `${host.root}${STATE}`, isFirst)]]);
  let left = MOST_BUNDLES;
  for (const shim of shims) {
    const [, state] = BUNDLE.exec(cwdOf(host, shim)) ?? [];
    if (state === undefined || !mayBeRead(host, shim, state)) continue;
    const place = shim.within === "" ? state : `${state} in ${shim.within}`;
    if (inquiries.has(place) || left <= 0) continue;
    const inquiry = readState(place, `${host.root}/proc/${shim.pid}/cwd/../..`, isFirst, left);
    left -= inquiry.known.length;
    inquiries.set(place, { ...inquiry, within: shim.within });
  }
  return [...inquiries.values()];
}

function cwdOf(host: Host, { pid }: Runtime): string {
  return tryLink(`${host.root}/proc/${pid}/cwd`) ?? "";
}

/** File systems that somebody else answers for, who may never do so. */
const FOREIGN = /^(?:fuse|nfs|cifs|smb|9p|ceph|afs|coda)/;

/** A container's own shim (Kubernetes in Docker) works on what the container has mounted. */
function mayBeRead(host: Host, { pid, within }: Runtime, path: string): boolean {
  if (within === "") return true;
  const mounts = parseMountinfo(tryRead(`${host.root}/proc/${pid}/mountinfo`) ?? "");
  return !mounts.some(({ type, point }) => FOREIGN.test(type) && below(path, point) !== undefined);
}

/** @param isFirst whether a process is a container's first: a pid in a file may long be somebody else's */
function readState(
  place: string,
  folder: string,
  isFirst: (pid: number) => boolean,
  most = MOST_BUNDLES,
): Inquiry {
  try {
    const bundles = namesIn(folder).flatMap((namespace) =>
      tryNamesIn(`${folder}/${namespace}`).map((id) => ({ namespace, id })),
    );
    const known = bundles.slice(0, most).flatMap(({ namespace, id }) => {
      const bundle = `${folder}/${namespace}/${id}`;
      const known = readBundle(bundle, namespace, id);
      const pid = known === undefined ? 0 : Number(tryReadRegular(`${bundle}/init.pid`, 20));
      return known === undefined ? [] : [pid > 0 && isFirst(pid) ? { ...known, pid } : known];
    });
    return answered(place, known);
  } catch (error) {
    if (error instanceof Unreadable) return unanswered(place, error.code, error.code);
    throw error;
  }
}

/** Undefined where there is none, or no longer. */
function readBundle(bundle: string, namespace: string, id: string): Known | undefined {
  const config = tryReadRegular(`${bundle}/config.json`, MOST_CONFIG);
  if (config === undefined) return undefined;
  return { runtime: namespace === DOCKERS ? "docker" : "containerd", id, ...parseAnnotations(config) };
}

/** What a shim's directory, or the one next to it, says of a container. */
export function namedByShim(host: Host, shim: Runtime, id: string): Known | undefined {
  const [, state, namespace] = BUNDLE.exec(cwdOf(host, shim)) ?? [];
  if (state === undefined || namespace === undefined || !mayBeRead(host, shim, state)) return undefined;
  return readBundle(`${host.root}/proc/${shim.pid}/cwd/../${id}`, namespace, id);
}

/** Names in the annotations of an OCI config.json; none if it is not that. */
export function parseAnnotations(text: string): Pick<Known, "name" | "pod"> {
  const annotations = field(parseJson(text), "annotations");
  const name =
    nameIn(annotations, "io.kubernetes.cri.container-name") ??
    nameIn(annotations, "io.kubernetes.container.name") ??
    nameIn(annotations, "nerdctl/name");
  return { name, pod: podIn(annotations) };
}
