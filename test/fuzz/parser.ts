/** What a fuzzed parser is to the harness, and the ways in which one can be found wrong. */
import type { Corpus } from "./corpus.ts";
import type { Random } from "./random.ts";

export interface Parser<Input> {
  readonly name: string;
  /** An input that a seed and an index decide. */
  make(random: Random): Input;
  /**
   * Gives the input to the parser and checks what comes back. Whatever it throws is a failure.
   *
   * @returns what became of it: "accepted", or the code of a documented refusal
   */
  run(input: Input): string;
}

/** A parser whose seeds are still to be prepared. */
export interface ParserRecipe {
  readonly name: string;
  prepare(corpus: Corpus): Parser<unknown>;
}

export function recipe<Input>(
  name: string,
  prepare: (corpus: Corpus) => Omit<Parser<Input>, "name">,
): ParserRecipe {
  return { name, prepare: (corpus) => ({ name, ...prepare(corpus) }) as Parser<unknown> };
}

export const ACCEPTED = "accepted";

/** The code that a refusal counts under; undefined for an error that is not documented. */
export type Documented = (error: unknown) => string | undefined;

/** What `parse` gives, checked by `check`; a documented refusal by its code. Anything else is thrown on. */
export function attempt<T>(parse: () => T, documented: Documented, check: (value: T) => void): string {
  let value: T;
  try {
    value = parse();
  } catch (error) {
    const code = documented(error);
    if (code === undefined) throw error;
    return code;
  }
  check(value);
  return ACCEPTED;
}

export function must(holds: boolean, what: string | (() => string)): asserts holds {
  if (!holds) throw new Error(`broken: ${typeof what === "string" ? what : what()}`);
}

/** Whether two plain values are the same, bigints and bytes included. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => same((a as never)[key], (b as never)[key]));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** What a terminal may be sent: one line, and nothing that moves its cursor or reorders its text. */
export function mustBeTame(text: string): void {
  must(!CONTROL.test(text), () => `control characters in ${JSON.stringify(text)}`);
}
