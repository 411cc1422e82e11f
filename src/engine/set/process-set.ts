/** Whom something is about: a set of processes, which can be listed again and again. */
import { TimeskewError } from "../../errors.ts";
import type { Selected, Selector } from "../../target/select.ts";
import type { Engine } from "../engine.ts";

/** The processes that something is about, now and later. */
export interface ProcessSet {
  /** "container web (docker 3f2a91c07d1e)"; undefined where nothing but pids was said. */
  readonly words: string | undefined;
  /** What means the same on a command line. */
  readonly flags: readonly string[];
  readonly selected: readonly Selected[];
  /** Whether somebody may come to belong to it when nobody does any more. */
  readonly lasts: boolean;
  /** Pids that the user named: where such a process is not there, that is a failure. */
  readonly named: ReadonlySet<number>;
  list(): number[] | Promise<number[]>;
}

/** The one process that selectors name by its pid; undefined: a set is meant. */
export function onlyPid(selectors: readonly Selector[]): number | undefined {
  const [first, ...others] = selectors;
  return first?.kind === "pid" && others.length === 0 ? first.pid : undefined;
}

/**
 * What selectors mean just now.
 *
 * @throws TimeskewError as `Engine.select`; E_NO_TARGET for a set that is empty
 */
export async function processSet(
  engine: Pick<Engine, "select">,
  selectors: readonly Selector[],
): Promise<ProcessSet> {
  const selection = await engine.select(selectors);
  const { words, flags, selected, lasts } = selection;
  const named = selectors.flatMap((each) => (each.kind === "pid" || each.kind === "tree" ? each.pid : []));
  const onlyPids = selectors.every(({ kind }) => kind === "pid");
  if (selection.list().length === 0) {
    throw new TimeskewError("E_NO_TARGET", `${words}: there are no processes`, {
      hint: "`timeskew status` lists the skewed ones",
    });
  }
  return {
    words: onlyPids ? undefined : words,
    flags,
    selected,
    lasts,
    named: new Set(named),
    list: () => selection.list(),
  };
}
