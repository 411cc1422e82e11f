/** Waiting for conditions, never for time. Every wait has a deadline far below a test's own. */
import { setTimeout as sleep } from "node:timers/promises";

/** Long enough for the slowest machine that is not emulated; a wait that takes this long has failed. */
export const PATIENCE_MS = Number(process.env.TIMESKEW_PATIENCE_MS ?? 30_000);

const POLL_MS = 5;

/** Polls until `condition` gives something other than undefined, false or an exception. */
export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    let problem: unknown;
    try {
      const result = await condition();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`, { cause: problem });
    await sleep(POLL_MS);
  }
}

/** The promise's value, or an error that says what was waited for. */
export async function within<T>(
  what: string | (() => string),
  promise: Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited in vain for ${typeof what === "string" ? what : what()}`));
    }, patienceMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
