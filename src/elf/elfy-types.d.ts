/** What is used of elfy, which says nothing about its types. */
declare module "elfy" {
  import type { ElfyHeader, ElfySegment } from "./elfy.ts";

  class Parser {
    parseHeader(bytes: Buffer): ElfyHeader;
    parsePrograms(bytes: Buffer, header: ElfyHeader): ElfySegment[];
  }

  const elfy: { readonly Parser: typeof Parser };
  export default elfy;
}
