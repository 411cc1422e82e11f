/** Another timeskew, of another program, may be at work on the same process: it is waited for. */
import { setTimeout as sleep } from "node:timers/promises";
import { TimeskewError } from "../errors.ts";

/** Longer than a session takes, unless its target cannot be stopped; ms. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 20;

/** Tries it again as long as the target is busy, and untouched. */
export async function patiently<R>(work: () => Promise<R>): Promise<R> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > end) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof TimeskewError && error.code === "E_BUSY" && error.targetState === "untouched";
}
