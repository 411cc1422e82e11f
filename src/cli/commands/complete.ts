/** `timeskew __complete KIND`: what completion scripts ask; no part of the interface. */
import type { CommandSpec } from "../command.ts";

export const complete: CommandSpec = {
  name: "__complete",
  summary: "",
  description: "Prints words that may be typed, a tab, and what each means: for the scripts of `completion`.",
  examples: [],
  operands: { usage: "KIND", takes: [] },
  options() {},
  async run({ world, ui }, _flags, [kind = ""]) {
    const { wordsOf } = await import("../complete.ts");
    const words = await wordsOf(kind, world);
    ui.result(words.map(([word, meaning]) => `${word}\t${meaning}`));
    return { targets: [] };
  },
};
