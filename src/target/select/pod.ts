/** A Kubernetes pod: the processes of all its containers, the one that holds its namespaces included. */
import { TimeskewError } from "../../errors.ts";
import { type Book, type Container, openBook } from "../container/book.ts";
import { keyed, type Seen } from "../container/census.ts";
import type { Pod } from "../container/known.ts";
import { podUid } from "../container/path.ts";
import { podWords } from "../container/words.ts";
import { foremost } from "./container.ts";
import { hierarchiesOf } from "./hierarchies.ts";
import type { Host } from "./host.ts";
import { membersOf, type Within } from "./members.ts";
import { noneFound } from "./none-found.ts";
import type { Resolved } from "./resolved.ts";

/** @throws TimeskewError E_USAGE, E_NO_TARGET, E_AMBIGUOUS, E_PERMISSION */
export async function selectPod(
  host: Host,
  { namespace, name }: { namespace: string; name: string },
): Promise<Resolved> {
  const book = await openBook(host);
  const wanted = foremost(
    book.containers.filter(({ pod }) => pod?.namespace === namespace && pod.name === name),
  );
  const uids = new Set(wanted.flatMap(({ pod }) => pod?.uid ?? []));
  const typed = `${namespace}/${name}`;
  if (uids.size > 1) {
    throw new TimeskewError("E_AMBIGUOUS", `${typed} may mean ${uids.size} pods: ${[...uids].join(", ")}`, {
      hint: `say it by its uid: --pod-uid ${[...uids][0]}`,
    });
  }
  if (wanted.length === 0) throw noneFound(book, `pod ${typed}`, typed, podsIn(book));
  return resolved(host, wanted, ["--pod", typed], "pod");
}

function podsIn({ containers }: Book): string[] {
  return containers.flatMap(({ pod }) => (pod?.name === undefined ? [] : `${pod.namespace}/${pod.name}`));
}

/**
 * @param text with dashes, or with underscores as in a cgroup's name
 * @throws TimeskewError E_USAGE, E_NO_TARGET, E_PERMISSION
 */
export async function selectPodUid(host: Host, text: string): Promise<Resolved> {
  const uid = podUid(text);
  if (uid === undefined) {
    throw new TimeskewError("E_USAGE", `${text} is no pod's uid`, {
      hint: "it has 32 hexadecimal digits: kubectl get pod NAME -o jsonpath='{.metadata.uid}'",
    });
  }
  const book = await openBook(host);
  const wanted = foremost(book.containers.filter(({ pod }) => pod?.uid === uid));
  const known = book.containers.flatMap(({ pod }) => pod?.uid ?? []);
  if (wanted.length === 0) throw noneFound(book, `pod ${uid}`, uid, known);
  return resolved(host, wanted, ["--pod-uid", uid], "podUid");
}

function resolved(
  host: Host,
  containers: readonly Container[],
  flags: readonly string[],
  kind: "pod" | "podUid",
): Resolved {
  const pod: Pod = Object.assign({}, ...containers.map((each) => each.pod));
  const runtime = containers.find((each) => each.runtime !== undefined)?.runtime;
  const uid = pod.name !== undefined && pod.uid !== undefined ? ` (uid ${pod.uid})` : "";
  return {
    selected: {
      kind,
      words: `${podWords(pod)}${uid}`,
      pod,
      ...(runtime !== undefined && { runtime }),
    },
    flags,
    lasts: true,
    members: membersOf(host, hierarchiesOf(host), { within: withinPod(containers, pod.uid), siblings: true }),
  };
}

/** Its containers by the pod's uid in their paths, so that those are found which start later; by their ids where there is none. */
function withinPod(containers: readonly Container[], uid: string | undefined): Within {
  const keys = new Set(containers.map(({ key }) => key));
  const above = new Set(containers.map(({ key }) => aboveOf(key)));
  const isIn = ({ key, ref: { podUid: its } }: Seen) =>
    its === undefined ? keys.has(key) : its === uid && above.has(aboveOf(key));
  return (path) => keyed(path).find(isIn)?.cgroup;
}

/** The key of what a container is in. */
function aboveOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/"));
}
