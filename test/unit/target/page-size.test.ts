/**
 * Kernels with other pages than we lay our own out for are refused.
 */
import { expect, it } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { refuseOtherPages, refusePagesOf } from "../../../src/target/page-size.ts";

const AT_NULL = 0n;
const AT_PAGESZ = 6n;
const AT_CLKTCK = 17n;

function auxv(...pairs: [bigint, bigint][]): Uint8Array {
  return new Uint8Array(BigUint64Array.from([...pairs, [AT_NULL, 0n] as const].flat()).buffer);
}

it("takes this kernel, and any with pages of 4096 bytes", () => {
  refuseOtherPages();
  refusePagesOf(auxv([AT_CLKTCK, 100n], [AT_PAGESZ, 4096n]));
});

it.each([
  ["16 KiB", [AT_PAGESZ, 16384n], "this kernel has pages of 16384 bytes"],
  ["64 KiB", [AT_PAGESZ, 65536n], "this kernel has pages of 65536 bytes"],
  ["no size", [AT_CLKTCK, 100n], "this kernel has pages of an unknown number of bytes"],
] as const)("refuses %s", (_, pair, message) => {
  const refused = expect(() => refusePagesOf(auxv([...pair])));
  refused.toThrow(TimeskewError);
  refused.toThrow(expect.objectContaining({ code: "E_UNSUPPORTED", message }));
});
