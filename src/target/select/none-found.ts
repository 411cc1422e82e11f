/** The error for a name that nobody knows: who was asked, and what they said. */
import { TimeskewError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import type { Book } from "../container/book.ts";
import { shortId } from "../container/words.ts";

/**
 * @param what "container web"
 * @param name what was typed
 * @param known what could have been typed instead
 */
export function noneFound(book: Book, what: string, name: string, known: readonly string[]): TimeskewError {
  const like = nearest(name, known);
  if (like === undefined) {
    const why = whyUnseen(book);
    if (why !== undefined) {
      const message = `there is no ${what} that we can see: ${why}; ${lookedAt(book, known)}`;
      return new TimeskewError("E_PERMISSION", message, { hint: "run timeskew with sudo" });
    }
  }
  return new TimeskewError("E_NO_TARGET", `there is no ${what}; ${lookedAt(book, known)}`, {
    hint: like === undefined ? "a process's own pid will do as well: --pid" : `did you mean ${like}?`,
  });
}

/** What may keep us from seeing it: processes that are hidden, or runtimes that may not be asked for the names of containers. */
function whyUnseen({ containers, inquiries, census }: Book): string | undefined {
  if (census.hidden) return "/proc shows only our own processes (hidepid)";
  const nameless = containers.some(({ id, names }) => names.length === 0 && shortId(id) !== id);
  const refused = inquiries.some(({ outcome }) => outcome === "refused");
  return nameless && refused ? "the names of some are not ours to read" : undefined;
}

const MOST_NAMES = 10;

/** "known are web, cache; asked: /run/docker.sock (2 containers); not there: …". */
function lookedAt({ inquiries }: Book, known: readonly string[]): string {
  const names = [...new Set(known)];
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
  const asked = inquiries.filter(({ outcome }) => outcome !== "missing");
  const missing = inquiries.filter(({ outcome }) => outcome === "missing");
  return [
    names.length > 0 ? `known: ${names.slice(0, MOST_NAMES).join(", ")}${more}` : "none is known",
    ...(asked.length > 0
      ? [`asked: ${asked.map(({ place, answer }) => `${place} (${answer})`).join(", ")}`]
      : []),
    ...(missing.length > 0 ? [`not there: ${missing.map(({ place }) => place).join(", ")}`] : []),
  ].join("; ");
}
