/**
 * Which container a process is in, for reports. No daemon is asked: names are those that were learnt before, and what the
 * runtimes' own files and the arguments of who watches over a container say.
 */

import { type Host, thisHost } from "../select/host.ts";
import { cgroupsOf, statOf } from "../select/processes.ts";
import type { Selected } from "../select.ts";
import { asRuntime, ownContainer, type Runtime } from "./census.ts";
import { namedByShim } from "./containerd.ts";
import { dockerKnows } from "./docker.ts";
import type { Known, Pod } from "./known.ts";
import { watchedBy } from "./podman.ts";
import { selectedContainer, shortId } from "./words.ts";

interface Called {
  readonly id: string;
  readonly runtime: string | undefined;
  readonly names: readonly string[];
  readonly pod: Pod | undefined;
}

/** By key, as in Seen: what is known of each. */
const learnt = new Map<string, Called>();

/** Keeps the names for reports. */
export function remember(containers: readonly (Called & { readonly key: string })[]): void {
  for (const each of containers) if (each.names.length > 0) learnt.set(each.key, each);
}

/** Asks the runtimes once, so that `containerOf` knows their names; a second if one does not answer. */
export async function learnNames(host: Host = thisHost()): Promise<void> {
  const { openBook } = await import("./book.ts");
  await openBook(host);
}

/** Undefined for a process in none; the innermost otherwise. */
export function containerOf(pid: number, host: Host = thisHost()): Selected | undefined {
  const here = ownContainer(cgroupsOf(host, pid) ?? []);
  const known = here === undefined ? undefined : learnt.get(here.key);
  if (known !== undefined) return selectedContainer(known);
  const told = askAround(host, pid, here);
  if (here === undefined) return told === undefined ? undefined : selectedContainer(calledBy(told));
  const { id, runtime, podUid } = here.ref;
  const called = {
    id,
    runtime: runtime === undefined || runtime === "kubernetes" ? (told?.runtime ?? runtime) : runtime,
    names: told?.name === undefined ? [] : [told.name],
    pod: podUid === undefined ? told?.pod : { ...told?.pod, uid: podUid },
  };
  remember([{ ...called, key: here.key }]);
  return selectedContainer(called);
}

function calledBy({ id, runtime, name, pod }: Known): Called {
  return { id, runtime, names: name === undefined ? [] : [name], pod };
}

/** What is said of a container by who watches over it, above its processes, or by Docker's files. */
function askAround(host: Host, pid: number, here: ReturnType<typeof ownContainer>): Known | undefined {
  const watcher = watcherOf(host, pid);
  const said = watcher === undefined ? undefined : askWatcher(host, watcher, here?.ref.id);
  if (here === undefined || said?.name !== undefined || here.depth > 0) return said;
  return (
    (here.ref.runtime === "docker" || said?.runtime === "docker" ? dockerKnows(host, here.ref.id) : said) ??
    said
  );
}

function askWatcher(host: Host, watcher: Runtime, id: string | undefined): Known | undefined {
  if (watcher.command === "conmon") {
    const known = watchedBy(host, watcher)?.known;
    return id === undefined || known?.id === id ? known : undefined;
  }
  return id === undefined ? undefined : namedByShim(host, watcher, id);
}

/** So many processes are at most between a container's and who watches over it. */
const MOST_STEPS = 64;

/** The conmon or the shim that a process descends from. */
function watcherOf(host: Host, pid: number): Runtime | undefined {
  let at = statOf(host, pid)?.ppid ?? 0;
  for (let step = 0; step < MOST_STEPS && at > 1; step++) {
    const stat = statOf(host, at);
    if (stat === undefined) return undefined;
    const runtime = asRuntime(host, stat, cgroupsOf(host, at) ?? []);
    if (runtime?.command === "conmon" || runtime?.command === "containerd-shim") return runtime;
    at = stat.ppid;
  }
  return undefined;
}

/** How a paused container is made to go on; undefined where nobody knows. */
export function unpauseCommand({ runtime, id, name }: Selected): string | undefined {
  const called = [name, shortId(id ?? "")].find((each) => each !== undefined && /^\w[\w.-]*$/.test(each));
  if (called === undefined) return undefined;
  switch (runtime) {
    case "docker":
    case "podman":
      return `${runtime} unpause ${called}`;
    case "lxc":
      return `lxc-unfreeze -n ${called}`;
    case "runc":
    case "crun":
      return `${runtime} resume ${called}`;
    default:
      return undefined;
  }
}
