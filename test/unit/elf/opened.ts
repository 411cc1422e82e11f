/** Images of built files, asked and answering by offsets in the code instead of addresses. */
import { type FunctionRange, readCodeImage } from "../../../src/elf/functions.ts";
import { type BuildFunctionSymbol, buildProgram, type ProgramOptions, sourceOf } from "./build-program.ts";

export function open(options: ProgramOptions) {
  const built = buildProgram(options);
  const reads: [number, number][] = [];
  const image = readCodeImage(sourceOf(built.bytes, reads));
  const at = (offset: number) => relative(image.functionAt(built.code + offset), built.code);
  return { image, built, reads, at };
}

/** "start-end name", in hexadecimal offsets of the code. */
export function relative(range: FunctionRange | undefined, code: number): string | undefined {
  if (range === undefined) return undefined;
  const bounds = `${(range.start - code).toString(16)}-${(range.end - code).toString(16)}`;
  return range.name === undefined ? bounds : `${bounds} ${range.name}`;
}

export const symbol = (name: string, at: number, size: number, rest: Partial<BuildFunctionSymbol> = {}) => ({
  name,
  at,
  size,
  ...rest,
});
