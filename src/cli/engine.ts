/**
 * Where the command line gets its engine. It is imported only when a command needs it, so that --version, --help and a wrong
 * command line load neither koffi nor elfy; tests pass a fake.
 */
import type { Engine } from "../engine/engine.ts";

export type { Engine };

export async function loadEngine(): Promise<Engine> {
  return await import("../engine/index.ts");
}
