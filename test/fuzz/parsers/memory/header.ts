/** The header of a payload that somebody else has put there. */
import { TimeskewError } from "../../../../src/errors.ts";
import { MAX_CODE, parseHeader, parsePayload } from "../../../../src/patch/payload.ts";
import { loadPayload } from "../../../../src/tracer/native.ts";
import { mutateBytes, put } from "../../mutate.ts";
import { ACCEPTED, attempt, must, recipe } from "../../parser.ts";

export const header = recipe("header", () => {
  const { bytes } = loadPayload();
  const seed = bytes.slice(0, 256);
  return {
    make(random) {
      const made = mutateBytes(random, seed, { resize: random.oneIn(8) });
      // Behind the magic: few changes outside it would be looked at otherwise.
      if (random.oneIn(2)) made.set(seed.subarray(0, Math.min(36, made.length)));
      if (random.oneIn(2))
        put(
          made,
          4 * random.between(2, 20),
          random.either(
            () => BigInt(random.below(70_000)),
            () => random.odd64(),
          ),
          4,
        );
      return made;
    },
    run(made: Uint8Array) {
      attempt(
        () => parsePayload(made, "x86_64"),
        (error) => (error instanceof TimeskewError && error.code === "E_INTERNAL" ? error.code : undefined),
        (payload) => must(payload.bytes.length <= payload.codeSize, "the code fits its pages"),
      );
      const found = parseHeader(made, "x86_64");
      if (typeof found === "string") return found.replace(/\d+/g, "N");
      const { codeSize, probeEntry, entries, trampolines, trampolineSize } = found;
      must(
        codeSize > 0 && codeSize % 4096 === 0 && codeSize <= MAX_CODE,
        "the code has whole pages, not many",
      );
      for (const at of [probeEntry, ...Object.values(entries)])
        must(at < codeSize, "entries are in the code");
      for (const at of Object.values(trampolines))
        must(at + trampolineSize <= codeSize, "trampolines are in the code");
      return ACCEPTED;
    },
  };
});
