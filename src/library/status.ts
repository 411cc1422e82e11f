/** `status()`: who is skewed, and how. Reads, changes nothing. */
import type { WholeEngine } from "../engine/engine.ts";
import { asTargetError, isGone } from "../engine/set/failure.ts";
import { onlyPid, processSet } from "../engine/set/process-set.ts";
import { skewedSet } from "../engine/set/skewed.ts";
import type { Selector } from "../target/select.ts";
import type { StatusResult, StatusRow } from "../types.ts";
import { type Aim, readAim, SELECTOR_KEYS, type SkewedTargets } from "./targets.ts";
import { checkKeys } from "./values.ts";

/** Who is looked at: default is whoever is skewed. */
export type StatusOptions = SkewedTargets;

/** @throws TimeskewError */
export async function statusBy(engine: WholeEngine, o?: StatusOptions): Promise<StatusResult> {
  const keys = [...SELECTOR_KEYS, "skew", "all"];
  const aim = o === undefined ? undefined : readAim(checkKeys(o, keys, "status()"));
  const found = await lookAt(engine, aim ?? { kind: "all" });
  const containers = await engine.containersOf(found.rows.map(({ pid }) => pid));
  const rows = found.rows.map((row) => {
    const container = containers.get(row.pid);
    return container === undefined ? row : { ...row, container };
  });
  return { ...found, rows };
}

async function lookAt(engine: WholeEngine, aim: Aim): Promise<StatusResult> {
  if (aim.kind === "selected") return await lookAtSelected(engine, aim.selectors);
  const found = await engine.status();
  return aim.kind === "all" ? found : { ...found, rows: [...skewedSet(engine, found, aim.ids).rows] };
}

/** Who was named and is not there is a failure; whoever else ends meanwhile is none. */
async function lookAtSelected(engine: WholeEngine, selectors: readonly Selector[]): Promise<StatusResult> {
  const pid = onlyPid(selectors);
  if (pid !== undefined) return await engine.status({ pids: [pid] });
  const { named, list } = await processSet(engine, selectors);
  const rows: StatusRow[] = [];
  const unreadable: StatusResult["unreadable"] = [];
  for (const pid of await list()) {
    try {
      rows.push(...(await engine.status({ pids: [pid] })).rows);
    } catch (thrown) {
      if (isGone(thrown) && !named.has(pid)) continue;
      const { message } = asTargetError(thrown, pid, false);
      unreadable.push({ pid, command: "?", reason: message });
    }
  }
  return { rows, unreadable, examined: rows.length };
}
