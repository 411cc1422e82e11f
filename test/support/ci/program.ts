/** Programs that tests write: among them one that is this tree's timeskew. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PACKAGE = fileURLToPath(new URL("../../../", import.meta.url));

/** @param script for /bin/sh */
export function writeProgram(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** What the recipes call `timeskew`; it runs where this tree and this Node are at the same places as here. */
export function writeTimeskew(path: string): void {
  writeProgram(path, `exec '${process.execPath}' '${join(PACKAGE, "bin/timeskew.js")}' "$@"`);
}
