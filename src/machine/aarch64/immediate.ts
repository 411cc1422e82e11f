/**
 * The constants of logical instructions: a run of ones, rotated, in an element of 2 to 64 bits that fills the register.
 * Source: Arm ARM (DDI 0487), "DecodeBitMasks".
 */

/** As an unsigned value of 64 or 32 bits; undefined for a reserved encoding. */
export function logicalImmediate(word: number): bigint | undefined {
  const isWide = word >>> 31 === 1;
  const ones = (word >>> 10) & 63;
  const rotation = (word >>> 16) & 63;
  const sizes = (((word >>> 22) & 1) << 6) | (~ones & 63);
  if (sizes < 2 || (!isWide && sizes >= 64)) return undefined;
  const size = 2 ** (31 - Math.clz32(sizes));
  const count = (ones & (size - 1)) + 1;
  if (count === size) return undefined;
  const run = (1n << BigInt(count)) - 1n;
  const by = BigInt(rotation & (size - 1));
  const element = BigInt.asUintN(size, (run >> by) | (run << (BigInt(size) - by)));
  let value = 0n;
  for (let at = 0; at < (isWide ? 64 : 32); at += size) value |= element << BigInt(at);
  return value;
}
