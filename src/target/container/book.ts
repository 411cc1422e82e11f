/** All containers that are known here: those with processes, as /proc shows them, with what the runtimes say of them. */
import { parseStatus } from "../proc.ts";
import type { Host } from "../select/host.ts";
import { cgroupsOf, statOf, tryRead } from "../select/processes.ts";
import { type Census, ownContainer, takeCensus } from "./census.ts";
import { readContainerd } from "./containerd.ts";
import { askDocker } from "./docker.ts";
import type { Inquiry, Known, Pod } from "./known.ts";
import { readRuntimes } from "./oci.ts";
import { remember } from "./of.ts";
import { askPodman, readPodman } from "./podman.ts";

export interface Container {
  readonly id: string;
  /** As in Seen. */
  readonly key: string;
  readonly runtime: string | undefined;
  readonly names: readonly string[];
  readonly pod: Pod | undefined;
  /**
   * How its processes are found: by the ids in their cgroups; as those in one cgroup; by its first one, if cgroups tell
   * nothing; or there are none.
   */
  readonly by: "id" | "cgroup" | "process" | "none";
  /** That cgroup. */
  readonly cgroup: string | undefined;
  readonly init: number | undefined;
}

export interface Book {
  readonly containers: readonly Container[];
  readonly inquiries: readonly Inquiry[];
  readonly census: Census;
}

/** Asks every runtime that there may be. Takes a second if one does not answer. */
export async function openBook(host: Host): Promise<Book> {
  const census = takeCensus(host);
  const asked = await Promise.all([askDocker(host, census), askPodman(host, census)]);
  const inquiries = [...asked.flat(), ...readFiles(host, census)];
  const containers = bind(host, census, inquiries);
  remember(containers);
  return { containers, inquiries, census };
}

/** The first process that a container has now, if files or arguments tell. */
export function firstProcess(host: Host, key: string): number | undefined {
  const census = takeCensus(host);
  return bind(host, census, readFiles(host, census)).find((each) => each.key === key)?.init;
}

function readFiles(host: Host, census: Census): Inquiry[] {
  return [...readPodman(host, census), ...readContainerd(host, census), ...readRuntimes(host)];
}

type Draft = { -readonly [K in keyof Container]: Container[K] } & { names: string[] };

export function bind(host: Host, census: Census, inquiries: readonly Inquiry[]): Container[] {
  const drafts = new Map<string, Draft>();
  for (const { key, ref } of census.seen.values()) {
    const pod = ref.podUid === undefined ? undefined : { uid: ref.podUid };
    drafts.set(key, { id: ref.id, key, runtime: ref.runtime, names: [], pod, ...BY_ID, init: undefined });
  }
  for (const { known, within } of inquiries) {
    for (const each of known) enter(drafts, each, placeOf(host, census, each, within));
  }
  return [...drafts.values()];
}

type Place = Pick<Container, "key" | "by" | "cgroup">;

const BY_ID = { by: "id", cgroup: undefined } as const;

/** Which of the containers that have processes is meant; or a new one. */
function placeOf(host: Host, { seen, own }: Census, { id, pid }: Known, within: string | undefined): Place {
  const keys = within ? [`${within}/${id}`] : [`/${id}`, `${own}/${id}`];
  const key = keys.find((each) => seen.has(each));
  if (key !== undefined) return { key, ...BY_ID };
  const unseen = { key: keys[0]!, cgroup: undefined };
  // What a runtime in a container says of pids, it says of others than ours.
  if (pid === undefined || within || !isFirst(host, pid)) return { ...unseen, by: "none" };
  const lines = cgroupsOf(host, pid) ?? [];
  const other = ownContainer(lines)?.key ?? "";
  if (other !== own) return { key: other, ...BY_ID };
  const cgroup = lines.map(({ path }) => cgroupCalled(path, id)).find((path) => path !== undefined);
  return cgroup === undefined ? { ...unseen, by: "process" } : { ...unseen, by: "cgroup", cgroup };
}

/** The cgroup on a path that has a container's id as its name, as runc and crun would call it: "/web", "/space/web", "/crun-web.scope". */
function cgroupCalled(path: string, id: string): string | undefined {
  const segments = path.split("/");
  const at = segments.findIndex((segment) => segment === id || segment.endsWith(`-${id}.scope`));
  return at < 0 ? undefined : segments.slice(0, at + 1).join("/");
}

function enter(drafts: Map<string, Draft>, known: Known, { key, by, cgroup }: Place): void {
  const draft = drafts.get(key);
  if (draft === undefined) {
    const { id, runtime, name, pod, pid } = known;
    drafts.set(key, {
      id,
      key,
      runtime,
      names: name === undefined ? [] : [name],
      pod,
      by,
      cgroup,
      init: pid,
    });
    return;
  }
  // One that goes by another id in its cgroup.
  const name = known.name ?? (known.id === draft.id ? undefined : known.id);
  if (name !== undefined && !draft.names.includes(name)) draft.names.push(name);
  if (draft.runtime === undefined || draft.runtime === "kubernetes") draft.runtime = known.runtime;
  if (known.pod !== undefined) draft.pod = { ...known.pod, ...draft.pod };
  if (draft.by === "none") Object.assign(draft, { by, cgroup });
  draft.init ??= known.pid;
}

/** Whether a process is the first of a pid namespace, as containers have: the runtime itself is not, which becomes it. */
function isFirst(host: Host, pid: number): boolean {
  if (statOf(host, pid) === undefined) return false;
  const text = tryRead(`${host.root}/proc/${pid}/status`);
  const pids = text === undefined ? undefined : parseStatus(text).nsPid;
  return pids !== undefined && pids.length > 1 && pids.at(-1) === 1;
}
