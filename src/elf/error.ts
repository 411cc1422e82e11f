/**
 * Why an image cannot be used. The codes are for programs and tests; the message names the field and the
 * value that is wrong, so that a report from a strange kernel can be understood without its image.
 */
export type ElfErrorCode =
  /** The magic is another format's, or the class or byte order does not exist. */
  | "not-elf"
  /** The image ends inside a header or a table. */
  | "truncated"
  /** Larger than any vDSO. */
  | "too-large"
  /** Big-endian, not a shared object, or a 32-bit program's code: a valid ELF file, but none that is read here. */
  | "unsupported"
  /** The program headers contradict each other or the image. */
  | "segments"
  /** PT_DYNAMIC is missing, incomplete or contradicts itself. */
  | "dynamic"
  /** Two tables that cannot share bytes do. */
  | "overlap"
  /** DT_HASH or DT_GNU_HASH is malformed. */
  | "hash"
  /** A string lies outside the string table, or does not end in it. */
  | "strings"
  /** A symbol is malformed, or lies outside the image. */
  | "symbols";

export class ElfError extends Error {
  override readonly name = "ElfError";
  readonly code: ElfErrorCode;

  constructor(code: ElfErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
