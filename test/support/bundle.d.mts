/** See bundle.mjs. */
export function withBundles<T>(
  entries: readonly string[],
  use: (outputs: string[]) => Promise<T>,
): Promise<T>;
