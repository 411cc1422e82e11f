/**
 * Whom the user means: a selector is what was typed, a selection is what it comes to, and can be listed again and again.
 */
import { refuseForeignProc } from "./process.ts";
import { type Host, thisHost } from "./select/host.ts";
import type { Resolved } from "./select/resolved.ts";

/** One of the flags that name targets. Several of them together mean everybody whom any of them means. */
export type Selector =
  | { readonly kind: "pid"; readonly pid: number }
  /** A process and its descendants. */
  | { readonly kind: "tree"; readonly pid: number }
  /** Name, id, or the beginning of an id. */
  | { readonly kind: "container"; readonly name: string }
  /** A path in a cgroup hierarchy, as /proc/PID/cgroup has it, or of a directory below /sys/fs/cgroup. */
  | { readonly kind: "cgroup"; readonly path: string }
  | { readonly kind: "pod"; readonly namespace: string; readonly name: string }
  | { readonly kind: "podUid"; readonly uid: string }
  /** Name or number. */
  | { readonly kind: "user"; readonly user: string }
  /** As /proc/PID/comm has it. */
  | { readonly kind: "comm"; readonly comm: string };

/** What a selector was resolved to, for reports. */
export interface Selected {
  /** Which selector it was. */
  readonly kind: Selector["kind"];
  /** For people: "container web (docker 3f2a91c07d1e)". */
  readonly words: string;
  /** Of a container, a pod: what is known of it. */
  readonly runtime?: string | undefined;
  /** In full, as its runtime has it. */
  readonly id?: string | undefined;
  /** As its runtime has it. */
  readonly name?: string | undefined;
  /** The pod that it is, or that it belongs to. */
  readonly pod?: { readonly namespace?: string; readonly name?: string; readonly uid?: string } | undefined;
}

export interface Selection {
  /** One for each selector, in the order given. */
  readonly selected: readonly Selected[];
  /** "container web (docker 3f2a91c07d1e)", or "pid 12 and container web (…)". */
  readonly words: string;
  /** The flags that mean the same again: ["--container", "web"]. */
  readonly flags: readonly string[];
  /** Whether new processes may come to belong to it while no old one is there: not so for pids and trees. */
  readonly lasts: boolean;
  /**
   * The processes that belong to it now: parents before their children; no zombies, no kernel threads, not ourselves. Pids
   * that were named are always among them, whatever they are. Quick enough to be called a hundred times a second.
   */
  list(): number[];
}

/**
 * @param o for tests: another machine than this one
 * @throws TimeskewError E_NO_TARGET, E_AMBIGUOUS, E_PERMISSION, E_USAGE, E_FAILED (/proc is another namespace's)
 */
export async function select(selectors: readonly Selector[], o: Partial<Host> = {}): Promise<Selection> {
  // What only few commands need is loaded when it is needed.
  const { selectionOf } = await import("./select/selection.ts");
  const host = { ...thisHost(), ...o };
  const resolved: Resolved[] = [];
  for (const selector of selectors) resolved.push(await resolve(host, selector));
  return selectionOf(host, resolved);
}

async function resolve(host: Host, selector: Selector): Promise<Resolved> {
  if (selector.kind === "pid") return onePid(selector.pid);
  if (host.root === "") refuseForeignProc();
  switch (selector.kind) {
    case "tree":
      return (await import("./select/tree.ts")).selectTree(host, selector.pid);
    case "cgroup":
      return (await import("./select/cgroup.ts")).selectCgroup(host, selector.path);
    case "user":
      return await (await import("./select/owner.ts")).selectUser(host, selector.user);
    case "comm":
      return (await import("./select/owner.ts")).selectComm(host, selector.comm);
    case "container":
      return await (await import("./select/container.ts")).selectContainer(host, selector.name);
    case "pod":
      return await (await import("./select/pod.ts")).selectPod(host, selector);
    case "podUid":
      return await (await import("./select/pod.ts")).selectPodUid(host, selector.uid);
  }
}

function onePid(pid: number): Resolved {
  return {
    selected: { kind: "pid", words: `pid ${pid}` },
    flags: ["--pid", `${pid}`],
    lasts: false,
    named: pid,
    members: () => [pid],
  };
}
