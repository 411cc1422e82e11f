/** Gives a parser one input after the other. */
import { literal } from "./literal.ts";
import type { Parser } from "./parser.ts";
import { Random } from "./random.ts";

export interface Failure {
  readonly parser: string;
  readonly index: number;
  /** For `--replay`. */
  readonly input: string;
  readonly error: string;
}

export interface Tally {
  readonly inputs: number;
  /** How many inputs ended in which way. */
  readonly outcomes: Record<string, number>;
  readonly failures: Failure[];
}

/** After as many failures the rest would only repeat them. */
const ENOUGH = 5;

export function inputOf(parser: Parser<unknown>, seed: number, index: number): unknown {
  return parser.make(new Random(seed, index));
}

/** What is wrong; undefined if nothing is. */
function complaint(
  parser: Parser<unknown>,
  input: unknown,
  outcomes: Record<string, number>,
): string | undefined {
  try {
    const outcome = parser.run(input);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/**
 * @param before called with the index of each input before the parser sees it
 */
export function fuzz(
  parser: Parser<unknown>,
  { seed, from = 0, inputs }: { seed: number; from?: number; inputs: number },
  before: (index: number) => void = () => {},
): Tally {
  const outcomes: Record<string, number> = {};
  const failures: Failure[] = [];
  for (let index = from; index < from + inputs && failures.length < ENOUGH; index++) {
    before(index);
    const input = inputOf(parser, seed, index);
    const error = complaint(parser, input, outcomes);
    if (error !== undefined) failures.push({ parser: parser.name, index, input: literal(input), error });
  }
  return { inputs, outcomes, failures };
}
