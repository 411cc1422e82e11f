/** Ctrl-C and its kin, for commands that stay in the foreground: counted, instead of being the end at once. */
import type { World } from "./world.ts";

/**
 * What comes sooner after another is the same wish: a terminal and npx both hand on one Ctrl-C, a service manager sends
 * SIGTERM and SIGHUP. ns.
 */
const APART = 500_000_000n;

export interface Interrupts extends Disposable {
  /** So many so far. */
  readonly count: number;
  /** Until the next one, or for so many milliseconds. After the first it does not sleep any more. */
  sleep(ms: number): Promise<void>;
  /** Takes note of those that came while a target was at work on: no JavaScript runs then. */
  settle(): Promise<void>;
}

export function catchInterrupts(world: World): Interrupts {
  const first = new AbortController();
  let count = 0;
  let last = 0n;
  const release = world.onInterrupt(() => {
    const now = world.now();
    if (count === 0 || now - last >= APART) count++;
    last = now;
    first.abort();
  });
  return {
    get count() {
      return count;
    },
    sleep: (ms) => world.sleep(ms, first.signal),
    settle: () => world.sleep(0, new AbortController().signal),
    [Symbol.dispose]: release,
  };
}
