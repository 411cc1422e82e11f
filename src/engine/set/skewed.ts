/** The skewed processes of this machine as a set, all of them or those of one skew, wherever they are. */
import { TimeskewError } from "../../errors.ts";
import type { SkewState, StatusResult, StatusRow } from "../../types.ts";
import type { Engine } from "../engine.ts";
import type { ProcessSet } from "./process-set.ts";

/** States that recover can end. Somebody else's patch is not ours to remove. */
const OURS: ReadonlySet<SkewState> = new Set(["skewed", "ended", "partial", "unused", "lingering"]);

export interface SkewedSet {
  readonly set: ProcessSet;
  /** Those that the first look found. */
  readonly rows: readonly StatusRow[];
}

/**
 * @param found a look at the whole machine
 * @param ids beginnings of skew ids; undefined: whatever is ours
 * @throws TimeskewError E_NO_TARGET, E_AMBIGUOUS
 */
export function skewedSet(
  engine: Pick<Engine, "status">,
  found: StatusResult,
  ids?: readonly string[],
): SkewedSet {
  const whole = ids?.map((id) => wholeId(found, id));
  const belongs = ({ state, skew }: StatusRow) =>
    whole === undefined ? OURS.has(state) : skew !== undefined && whole.includes(skew.id);
  const rows = found.rows.filter(belongs);
  let first: readonly StatusRow[] | undefined = rows;
  const set = {
    words: whole === undefined ? undefined : `skew ${whole.join(", ")}`,
    flags: whole === undefined ? ["--all"] : whole.flatMap((id) => ["--skew", id]),
    selected: [],
    lasts: false,
    named: new Set<number>(),
    list: async () => {
      const known = first ?? (await engine.status()).rows.filter(belongs);
      first = undefined;
      return known.map(({ pid }) => pid);
    },
  };
  return { set, rows };
}

/** The one id among those of the skewed processes that begins like this. */
function wholeId({ rows, unreadable }: StatusResult, beginning: string): string {
  const ids = new Set(rows.flatMap(({ skew }) => skew?.id ?? []));
  const alike = [...ids].filter((id) => id.startsWith(beginning));
  const [id, ...others] = alike;
  if (id === undefined) {
    throw new TimeskewError("E_NO_TARGET", `no process has a skew whose id begins with ${beginning}`, {
      hint:
        unreadable.length === 0
          ? "`timeskew status` lists the skewed processes"
          : "`timeskew status` lists the skewed processes; some could not be looked at",
    });
  }
  if (others.length === 0) return id;
  throw new TimeskewError(
    "E_AMBIGUOUS",
    `--skew ${beginning} means ${alike.length} skews: ${alike.join(", ")}`,
    { hint: "give more of its digits" },
  );
}
