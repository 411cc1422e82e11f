/** Builds something out of several things that have to be disposed of, so that none is lost if a step fails. */

/** Registers a thing to be disposed of with the whole; gives it back. */
export type Own = <T extends AsyncDisposable>(thing: T) => T;

/** What `build` returns, with a disposal that ends everything it owned, the latest first. */
export async function assemble<T extends object>(
  build: (own: Own) => Promise<T>,
): Promise<T & AsyncDisposable> {
  const owned: AsyncDisposable[] = [];
  const dispose = () => disposeAll(owned);
  try {
    const result = await build((thing) => {
      owned.unshift(thing);
      return thing;
    });
    return Object.assign(result, { [Symbol.asyncDispose]: dispose });
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** One that cannot be disposed of is no reason to leave the others. */
async function disposeAll(things: readonly AsyncDisposable[]): Promise<void> {
  const errors: unknown[] = [];
  for (const thing of things) {
    try {
      await thing[Symbol.asyncDispose]();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 0) return;
  const reasons = errors.map((error) => (error instanceof Error ? error.message : error)).join("; ");
  throw new AggregateError(errors, `not everything could be disposed of: ${reasons}`);
}
