/**
 * How many symbols an image has. Without section headers only the hash tables tell: DT_HASH says it, and
 * DT_GNU_HASH implies it by where its last chain ends. No chain is followed by links, so a table cannot send
 * the reader round in circles; every read is checked against the end of the image.
 * Sources: the System V ABI, "Hash Table"; binutils' bfd/elflink.c for the GNU table.
 */
import { type ByteRange, hex, type ImageBytes } from "./bytes.ts";
import { ElfError } from "./error.ts";

export interface HashTable {
  /** The bytes that the table occupies. */
  range: ByteRange;
  /** Symbols in the symbol table, the null symbol included; undefined if the table hashes none. */
  symbols: number | undefined;
}

/**
 * DT_HASH: nbucket, nchain, the buckets, then one chain link for each symbol.
 *
 * @throws ElfError "truncated" if the table leaves the image
 */
export function readSysvHash(image: ImageBytes, offset: bigint): HashTable {
  const { start } = image.range(offset, 8n, "DT_HASH");
  const nbucket = image.u32(start);
  const nchain = image.u32(start + 4);
  const size = 8n + 4n * (BigInt(nbucket) + BigInt(nchain));
  const range = image.range(offset, size, `DT_HASH with nbucket ${nbucket} and nchain ${nchain}`);
  return { range, symbols: nchain };
}

/**
 * DT_GNU_HASH: nbuckets, symoffset, bloom_size, bloom_shift, the bloom filter (words of the class), the buckets
 * (each the first symbol of its chain, or 0), then the hashes of all symbols from `symoffset` on, the last
 * of each chain with bit 0 set.
 *
 * @throws ElfError "truncated" if the table leaves the image, "hash" if a bucket contradicts symoffset
 */
export function readGnuHash(image: ImageBytes, offset: bigint): HashTable {
  const { start } = image.range(offset, 16n, "DT_GNU_HASH");
  const nbuckets = image.u32(start);
  const symoffset = image.u32(start + 4);
  const bloomSize = image.u32(start + 8);
  const fixedSize = 16n + BigInt(image.wordSize) * BigInt(bloomSize) + 4n * BigInt(nbuckets);
  const fixed = image.range(
    offset,
    fixedSize,
    `DT_GNU_HASH with bloom_size ${bloomSize} and nbuckets ${nbuckets}`,
  );

  let last = 0;
  for (let at = fixed.end - 4 * nbuckets; at < fixed.end; at += 4) {
    const first = image.u32(at);
    if (first !== 0 && first < symoffset) {
      throw new ElfError(
        "hash",
        `DT_GNU_HASH: the bucket at offset ${hex(at)} names symbol ${first}, below symoffset ${symoffset}`,
      );
    }
    last = Math.max(last, first);
  }
  if (last === 0) return { range: fixed, symbols: undefined };

  // The chain that starts last is the one that ends last: chains are laid out in the order of their buckets.
  for (let symbol = last; ; symbol++) {
    const link = BigInt(fixed.end) + 4n * BigInt(symbol - symoffset);
    const { start: at, end } = image.range(link, 4n, `DT_GNU_HASH: the chain link of symbol ${symbol}`);
    if (image.u32(at) & 1) return { range: { start: fixed.start, end }, symbols: symbol + 1 };
  }
}
