/**
 * What may be typed as a value here and now: processes, containers, cgroups, skews. A shell waits for it, so nothing is
 * asked twice, and nobody is stopped or changed.
 */
import { openBook } from "../target/container/book.ts";
import type { Pod } from "../target/container/known.ts";
import { shortId } from "../target/container/words.ts";
import type { ProcessStat } from "../target/proc.ts";
import { type Host, thisHost } from "../target/select/host.ts";
import { cgroupsOf, pidsOf, runsPrograms, statOf } from "../target/select/processes.ts";
import type { Skew, StatusRow } from "../types.ts";
import type { Word } from "./flag.ts";
import { escapeText } from "./report/escape.ts";
import { skewWords } from "./report/skew.ts";
import { usageError } from "./settings.ts";
import type { World } from "./world.ts";

type Source = (world: Pick<World, "loadEngine">, host: Host) => Promise<Word[]> | Word[];

/** By the kind of value (flag.ts). */
const SOURCES: Readonly<Record<string, Source>> = {
  pid: (_, host) => runningOf(host).map(({ pid, command }) => [String(pid), command]),
  comm: (_, host) => counted(runningOf(host).map(({ command }) => command)),
  cgroup: (_, host) => counted(runningOf(host).flatMap(({ pid }) => pathsOf(host, pid))),
  container: async (_, host) => (await containersOf(host)).map(containerWord),
  pod: async (_, host) =>
    counted(await podsOf(host, ({ namespace, name }) => name && `${namespace}/${name}`)),
  podUid: async (_, host) => (await podsOf(host, ({ uid }) => uid)).map((uid) => [uid, ""]),
  skew: async (world) => skewsIn(await skewedRows(world)),
  skewedPid: async (world, host) => {
    const rows = await skewedRows(world);
    return rows.length > 0 ? rows.map(rowWord) : await SOURCES.pid!(world, host);
  },
};

/**
 * Words that can be typed as they are, each with its meaning; whatever a shell or a terminal would take for something else
 * is left out, or shown.
 *
 * @throws TimeskewError E_USAGE for an unknown kind
 */
export async function wordsOf(
  kind: string,
  world: Pick<World, "loadEngine">,
  host = thisHost(),
): Promise<Word[]> {
  if (!Object.hasOwn(SOURCES, kind)) {
    throw usageError(
      `nothing of the kind '${kind}' is known`,
      `the kinds are ${Object.keys(SOURCES).join(", ")}`,
    );
  }
  const words = await SOURCES[kind]!(world, host);
  return words.flatMap(([word, meaning]) =>
    escapeText(word) === word && word !== "" ? [[word, escapeText(meaning)] as const] : [],
  );
}

/** Every process that has a clock. */
function runningOf(host: Host): ProcessStat[] {
  return pidsOf(host).flatMap((pid) => {
    const stat = pid === host.self ? undefined : statOf(host, pid);
    return stat !== undefined && runsPrograms(stat) ? [stat] : [];
  });
}

/** Each once, in alphabetical order, with how many there are. */
function counted(words: readonly string[]): Word[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([word, count]) => [word, processes(count)]);
}

function processes(count: number): string {
  return count === 1 ? "1 process" : `${count} processes`;
}

/** The cgroups that a process is in, each with all that it is in itself; without the root, which is everybody. */
function pathsOf(host: Host, pid: number): string[] {
  const paths = (cgroupsOf(host, pid) ?? []).map(({ path }) => path);
  // What is outside of our cgroup namespace, or was removed, cannot be named.
  const ours = paths.filter((path) => !/(?:\/\.\.|\/\.\.\/.*| \(deleted\))$/.test(path));
  return [...new Set(ours.flatMap(withParents))];
}

function withParents(path: string): string[] {
  const names = path.split("/").slice(1);
  return path === "/" ? [] : names.map((_, at) => `/${names.slice(0, at + 1).join("/")}`);
}

/** Those that have processes. */
async function containersOf(host: Host) {
  const { containers } = await openBook(host);
  return containers.filter(({ by }) => by !== "none");
}

function containerWord({ id, names, runtime = "" }: Awaited<ReturnType<typeof containersOf>>[number]): Word {
  const short = shortId(id);
  const [name = short] = names;
  return [name, name === short ? runtime : `${runtime} ${short}`.trimStart()];
}

async function podsOf(host: Host, called: (pod: Pod) => string | undefined): Promise<string[]> {
  const pods = (await containersOf(host)).flatMap(({ pod }) => pod ?? []);
  return [...new Set(pods.flatMap((pod) => called(pod) ?? []))];
}

async function skewedRows({ loadEngine }: Pick<World, "loadEngine">): Promise<StatusRow[]> {
  return (await (await loadEngine()).status()).rows.filter(({ skew }) => skew !== undefined);
}

function rowWord({ pid, command, skew }: StatusRow): Word {
  return [String(pid), `${command}, ${meaningOf(skew!)}`];
}

/** Each skew once, with one of those who have it. */
function skewsIn(rows: readonly StatusRow[]): Word[] {
  const ids = new Map<string, StatusRow[]>();
  for (const row of rows) ids.set(row.skew!.id, [...(ids.get(row.skew!.id) ?? []), row]);
  return [...ids].map(([id, [first, ...others]]) => {
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    return [id, `${meaningOf(first!.skew!)}: ${first!.command} (pid ${first!.pid})${more}`];
  });
}

function meaningOf({ offset, profile }: Skew): string {
  return profile?.text ?? skewWords(offset);
}
