/** A container, by its name, its id, or the beginning of its id. */
import { TimeskewError } from "../../errors.ts";
import { type Book, type Container, firstProcess, openBook } from "../container/book.ts";
import { keyed } from "../container/census.ts";
import { containerWords, selectedContainer, shortId } from "../container/words.ts";
import { below, hierarchiesOf } from "./hierarchies.ts";
import type { Host } from "./host.ts";
import { membersOf, type Within } from "./members.ts";
import { namespaceMembers } from "./namespace.ts";
import { noneFound } from "./none-found.ts";
import type { Resolved } from "./resolved.ts";

/** @throws TimeskewError E_USAGE, E_NO_TARGET, E_AMBIGUOUS, E_PERMISSION */
export async function selectContainer(host: Host, name: string): Promise<Resolved> {
  if (name === "")
    throw new TimeskewError("E_USAGE", "--container needs a name, an id, or the beginning of one");
  const book = await openBook(host);
  const container = choose(book, name);
  return {
    selected: selectedContainer(container),
    flags: ["--container", name],
    lasts: true,
    members: containerMembers(host, container),
  };
}

function choose(book: Book, name: string): Container {
  const exact = book.containers.filter(({ id, names }) => id === name || names.includes(name));
  const candidates = exact.length > 0 ? exact : book.containers.filter(({ id }) => id.startsWith(name));
  const [first, ...others] = foremost(candidates);
  if (first === undefined)
    throw noneFound(book, `container ${name}`, name, book.containers.flatMap(callNames));
  if (others.length > 0) throw ambiguous(name, [first, ...others]);
  return first;
}

function callNames({ id, names }: Container): string[] {
  return names.length > 0 ? [...names] : [shortId(id)];
}

/** Those with processes, and not inside of others, if there are any. */
export function foremost(candidates: readonly Container[]): Container[] {
  const alive = candidates.filter(({ by }) => by !== "none");
  const left = alive.length > 0 ? alive : candidates;
  const depths = left.map(({ key }) => key.split("/").length);
  const least = Math.min(...depths);
  return left.filter((_, at) => depths[at] === least);
}

const MOST_LISTED = 10;

function ambiguous(name: string, containers: readonly Container[]): TimeskewError {
  const listed = containers.slice(0, MOST_LISTED).map(containerWords);
  const more = containers.length > listed.length ? `, and ${containers.length - listed.length} more` : "";
  return new TimeskewError(
    "E_AMBIGUOUS",
    `${name} may mean ${containers.length} containers: ${listed.join(", ")}${more}`,
    { hint: `say it by its id: --container ${shortId(containers[0]!.id)}` },
  );
}

/** Lists a container's processes. */
function containerMembers(host: Host, { key, by, cgroup, init }: Container): () => number[] {
  if (by === "process" && init !== undefined)
    return namespaceMembers(host, init, () => firstProcess(host, key));
  const within: Within =
    cgroup === undefined
      ? (path) => keyed(path).find((each) => each.key === key)?.cgroup
      : (path) => (below(path, cgroup) === undefined ? undefined : cgroup);
  return membersOf(host, hierarchiesOf(host), { within });
}
