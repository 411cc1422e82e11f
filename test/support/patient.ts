/**
 * The library's inject and recover, for tests that repeat them hundreds of times: where the machine has more to do than
 * processors, a thread can wait longer for one than the tool by itself would wait for the thread to stop.
 */
import * as timeskew from "../../src/engine/index.ts";

const stopTimeoutMs = 20_000;

export const inject: typeof timeskew.inject = (options) => timeskew.inject({ stopTimeoutMs, ...options });
export const recover: typeof timeskew.recover = (options) => timeskew.recover({ stopTimeoutMs, ...options });
