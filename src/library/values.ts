/** Types and checks that all calls have in common. */
import { TimeskewError } from "../errors.ts";
import { nearest } from "../nearest.ts";

/** One value, or a list of them. */
export type OneOrMore<T> = T | readonly T[];

/** T with at least one of its keys K; where there is none, a compiler says that Usual is missing. */
export type AtLeastOne<T, K extends keyof T, Usual extends K> = T &
  (Has<Exclude<K, Usual>> | { readonly [P in Usual]: NonNullable<unknown> });

type Has<K extends PropertyKey> = { [P in K]: { readonly [Q in P]: NonNullable<unknown> } }[K];

export function usageError(message: string, hint: string): TimeskewError {
  return new TimeskewError("E_USAGE", message, { hint });
}

/** What was passed, which a program in JavaScript may have got wrong. */
export type Passed = Readonly<Record<string, unknown>>;

/**
 * Refuses what would be passed over in silence otherwise.
 *
 * @param call "inject()"
 * @throws TimeskewError E_USAGE
 */
export function checkKeys(o: unknown, known: readonly string[], call: string): Passed {
  if (typeof o !== "object" || o === null) {
    throw usageError(`${call} takes an object with settings`, "for example { pid: 1234, offset: '-10m' }");
  }
  const unknown = Object.keys(o).find((key) => !known.includes(key));
  if (unknown === undefined) return o as Passed;
  const like = nearest(unknown, known);
  throw usageError(
    `${call} has no setting ${JSON.stringify(unknown)}`,
    like === undefined ? `it has ${known.join(", ")}` : `did you mean ${like}?`,
  );
}
