/** What is slow to start, once for all tests of a file. */
import { afterAll, type TestContext } from "vitest";

/**
 * Starts a thing at the first test that asks for it, and disposes of it after the file's last.
 * @param need skips the test where something is missing; each test asks by itself
 */
export function shared<Needed, Thing extends AsyncDisposable>(
  need: (context: TestContext) => Needed,
  start: (needed: Needed) => Promise<Thing>,
): (context: TestContext) => Promise<Thing> {
  let started: Promise<Thing> | undefined;
  afterAll(async () => {
    // One that has not started has cleaned up, and is an error of each test.
    const thing = await started?.catch(() => undefined);
    await thing?.[Symbol.asyncDispose]();
  });
  return (context) => {
    const needed = need(context);
    started ??= start(needed);
    return started;
  };
}
