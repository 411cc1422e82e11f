/**
 * bin/timeskew.js of a staged copy with the sanitized helper: runs the copy's own (`timeskew.js` beside it) with the
 * runtime of the compiler's checks loaded first. The targets of a test must not inherit that, the tool must have it.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const { status, signal } = spawnSync(
  process.execPath,
  [fileURLToPath(new URL("unchecked.js", import.meta.url)), ...process.argv.slice(2)],
  { stdio: "inherit", env: { ...process.env, LD_PRELOAD: process.env.TIMESKEW_SANITIZER } },
);
if (signal) process.kill(process.pid, signal);
process.exitCode = status;
