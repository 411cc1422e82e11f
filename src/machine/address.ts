/**
 * An address in the target's address space. Branded, so that neither a number nor a pointer of our own
 * process is ever passed where an address of the target is meant.
 */
export type Address = bigint & { readonly __address: unique symbol };

/** Brands a bigint that is known to be an address in the target. */
export function address(value: bigint): Address {
  return value as Address;
}

/** Lower-case hexadecimal with 0x, as /proc and debuggers write addresses. */
export function formatAddress(value: bigint): string {
  return `0x${value.toString(16)}`;
}
