/** Lines that follow targets: what each one's clock reads, what is true, and what comes next. */
import { CLOCKS } from "../../skew/clock.ts";
import type { Skew, StatusRow } from "../../types.ts";
import type { Sight } from "../watch.ts";
import { escapeText } from "./escape.ts";
import { nextWords, offsetCell, rateCell } from "./profile.ts";
import { clockSummary, targetName } from "./skew.ts";
import { align } from "./table.ts";
import { formatDate, formatDateNear } from "./time.ts";

const RIGHT = { title: "", right: true };
const LEFT = { title: "" };
/** True time, target, its time, offset, rate; what comes next. */
const COLUMNS = [LEFT, LEFT, LEFT, RIGHT, RIGHT];

/**
 * "true 14:49:02  redis-server (pid 1234)  14:39:02  -10m  ×1  ends in 8s"
 *
 * @param now the host's time, ns since 1970
 * @param columns of the terminal: without room for them, the names of the processes are left out
 */
export function watchLines(sights: readonly Sight[], now: bigint, columns: number): string[] {
  const groups = sights.length > MOST_LINES ? alike(sights) : sights.map((sight) => [sight] as const);
  const lines = (name: (sight: Sight) => string) =>
    align(
      groups.map(([first, ...others], i) =>
        cells(first, others.length > 0 ? `${others.length + 1} processes` : name(first), now, i === 0),
      ),
      COLUMNS,
    );
  const long = lines(({ pid, row }) => (row ? targetName(row) : `pid ${pid}`));
  return long.every(({ length }) => length <= columns) ? long : lines(({ pid }) => `pid ${pid}`);
}

/** More processes than this have no lines of their own. */
const MOST_LINES = 8;

/** Of those that have the same skew, one stands for all. */
function alike(sights: readonly Sight[]): (readonly [Sight, ...Sight[]])[] {
  const groups = new Map<string, [Sight, ...Sight[]]>();
  for (const sight of sights) {
    const { row, trouble } = sight;
    const key = row === undefined ? `${trouble}` : `${row.state} ${row.skew?.id}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sight]);
    else group.push(sight);
  }
  return [...groups.values()];
}

function cells({ row, trouble }: Sight, name: string, now: bigint, first: boolean): string[] {
  const head = [first ? `true ${formatDate(now).split(" ", 2)[1]}` : "", name];
  if (row?.skew === undefined) return [...head, "-", "-", "-", row?.state ?? escapeText(trouble ?? "")];
  return [...head, shownTime(row.skew, now), offsetCell(row.skew), ...motion(row)];
}

/** What the target's wall clock reads; where that is not skewed, which clocks are. */
function shownTime(skew: Skew, now: bigint): string {
  const wall = skew.clocks.some((name) => CLOCKS.some((clock) => clock.name === name && clock.since1970));
  return wall ? formatDateNear(now + skew.offset, now) : clockSummary(skew);
}

function motion({ state, skew }: StatusRow): string[] {
  if (skew?.profile === undefined) return [];
  if (state === "ended") return [rateCell(1), "ended"];
  return [rateCell(skew.profile.rate), nextWords(skew.profile) ?? ""];
}
