/**
 * Every fuzzed parser (test/fuzz) on a few thousand inputs; `npm run fuzz` gives each a million. The inputs start from
 * this machine's own files, the seed is always the same.
 */
import { describe, expect, it } from "vitest";
import { readCorpus } from "../../fuzz/corpus.ts";
import { FAULTS } from "../../fuzz/faults.ts";
import { fromLiteral, literal } from "../../fuzz/literal.ts";
import { fuzz, inputOf } from "../../fuzz/loop.ts";
import { same } from "../../fuzz/parser.ts";
import { PARSERS } from "../../fuzz/parsers.ts";

const SEED = 20_261_120;
const INPUTS = 2000;
/** A plan goes through all of an image's code. */
const SLOW = new Set(["plan", "find"]);

const corpus = readCorpus();

describe.each(PARSERS)("$name", (recipe) => {
  const parser = recipe.prepare(corpus);

  it("keeps what it promises", () => {
    const inputs = SLOW.has(recipe.name) ? INPUTS / 4 : INPUTS;
    const { outcomes, failures } = fuzz(parser, { seed: SEED, inputs });
    expect(failures).toEqual([]);
    // Inputs that are all refused, or refused for one reason, would test little.
    const accepted = Object.keys(outcomes).filter((outcome) => !outcome.startsWith("E_"));
    expect(accepted.length, JSON.stringify(outcomes)).toBeGreaterThan(0);
  });

  it("has inputs that can be made again, and printed and read", () => {
    for (let index = 0; index < 20; index++) {
      const input = inputOf(parser, SEED, index);
      expect(same(inputOf(parser, SEED, index), input)).toBe(true);
      expect(same(fromLiteral(literal(input)), input)).toBe(true);
    }
  });
});

describe("the harness", () => {
  const faulty = (name: string) => FAULTS.find((each) => each.name === name)!.prepare(corpus);

  it.each([
    ["fault-error", /^TypeError: Cannot read properties of undefined/],
    ["fault-result", /^Error: broken: what must hold/],
  ])("notices %s", (name, error) => {
    const { failures } = fuzz(faulty(name), { seed: SEED, inputs: 2000 });
    expect(failures.length).toBeGreaterThan(0);
    expect(failures[0]).toMatchObject({ parser: name, index: 999, error: expect.stringMatching(error) });
  });

  it("makes other inputs of another seed", () => {
    const parser = PARSERS[0]!.prepare(corpus);
    expect(literal(inputOf(parser, SEED, 1))).not.toBe(literal(inputOf(parser, SEED + 1, 1)));
    expect(literal(inputOf(parser, SEED, 1))).not.toBe(literal(inputOf(parser, SEED, 2)));
  });
});
