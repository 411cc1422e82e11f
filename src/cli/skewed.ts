/** The skewed processes of this machine as a set; whom nobody may look at is told. */
import { type SkewedSet, skewedSet } from "../engine/set/skewed.ts";
import type { StatusResult } from "../types.ts";
import type { Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { unreadableLines } from "./report/status.ts";

/**
 * @param ids beginnings of skew ids; undefined: whatever is ours
 * @throws TimeskewError as `skewedSet`
 */
export async function lookForSkewed(
  { world, ui }: Session,
  engine: Engine,
  ids?: readonly string[],
): Promise<SkewedSet & { found: StatusResult }> {
  const found = await ui.working("looking at processes", () => engine.status());
  ui.note(unreadableLines(found, world.isRoot));
  return { ...skewedSet(engine, found, ids), found };
}
