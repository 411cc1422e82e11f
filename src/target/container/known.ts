/** What runtimes know of containers, and what came of asking each of them. */

export interface Pod {
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
}

/** A container as a runtime knows it. Names are as they were found: whoever made the container chose them. */
export interface Known {
  readonly runtime: string;
  readonly id: string;
  readonly name?: string | undefined;
  readonly pod?: Pod | undefined;
  /** Its first process, while it runs and that is told. */
  readonly pid?: number | undefined;
}

/** One place where containers' names may be found. */
export interface Inquiry {
  /** "/run/docker.sock" */
  readonly place: string;
  /** In words: "3 containers", "not there", "no answer within 1 s". */
  readonly answer: string;
  readonly known: readonly Known[];
  readonly outcome: "answered" | "missing" | "refused" | "failed";
  /**
   * The containers in which this runtime lives itself, as a key of Seen's: it can only speak of those that are in there.
   * Undefined: it speaks of the outermost.
   */
  readonly within?: string;
}

export function answered(place: string, known: readonly Known[]): Inquiry {
  const answer = known.length === 1 ? "1 container" : `${known.length} containers`;
  return { place, answer, known, outcome: "answered" };
}

/** What an errno says about a place; `otherwise` for any other. */
export function unanswered(place: string, code: string | undefined, otherwise: string): Inquiry {
  if (code === "ENOENT" || code === "ENOTDIR")
    return { place, answer: "not there", known: [], outcome: "missing" };
  if (code === "EACCES" || code === "EPERM")
    return { place, answer: "not permitted", known: [], outcome: "refused" };
  return { place, answer: otherwise, known: [], outcome: "failed" };
}

/** Longer names and ids are nobody's. */
const MOST_NAME = 255;

/** A property that is a name or an id. */
export function nameIn(value: unknown, key: string): string | undefined {
  const text = field(value, key);
  return typeof text === "string" && text.length > 0 && text.length <= MOST_NAME ? text : undefined;
}

/** Docker's names begin with a slash; what has another in it is an alias in somebody else's. */
export function slashless(name: unknown): string | undefined {
  const [, own] = typeof name === "string" ? (/^\/?([^/]{1,255})$/s.exec(name) ?? []) : [];
  return own;
}

export function pidIn(value: unknown, key: string): number | undefined {
  const pid = field(value, key);
  return typeof pid === "number" && Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** A property of an object that may be anything; undefined if it has none of its own. */
export function field(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A pod, from labels or annotations: those of the kubelet, of containerd's CRI, and of CRI-O. */
export function podIn(labels: unknown): Pod | undefined {
  const first = (...keys: string[]) =>
    keys.map((key) => nameIn(labels, key)).find((name) => name !== undefined);
  const name = first("io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name");
  const namespace = first("io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace");
  const uid = first("io.kubernetes.pod.uid", "io.kubernetes.cri.sandbox-uid");
  if (name === undefined && uid === undefined) return undefined;
  return { ...(namespace && { namespace }), ...(name && { name }), ...(uid && { uid }) };
}
