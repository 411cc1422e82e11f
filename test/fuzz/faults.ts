/** Parsers that are wrong on purpose, each after its thousandth input: the harness must say so. */
import { ACCEPTED, must, recipe } from "./parser.ts";

const WHEN = 1000;
const kept: unknown[] = [];

function fault(name: string, misbehave: (index: number) => void) {
  return recipe(`fault-${name}`, () => {
    let index = 0;
    return {
      make: (random) => random.below(1_000_000),
      run(_: number) {
        if (++index >= WHEN) misbehave(index);
        return ACCEPTED;
      },
    };
  });
}

export const FAULTS = [
  fault("error", () => (undefined as unknown as number[]).push(1)),
  fault("result", () => must(false, "what must hold")),
  fault("hang", () => {
    for (;;);
  }),
  fault("heap", () => {
    for (;;) kept.push(new Array(1000).fill(kept.length));
  }),
  fault("buffers", () => {
    for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
  }),
  fault("leak", () => kept.push(new Array(1000).fill(kept.length))),
];
