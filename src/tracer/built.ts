/**
 * Where that which is no JavaScript comes from: the helper and the payloads from the folder native/build, koffi from
 * node_modules. In the single binary built-single.ts takes the place of this module.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LibraryHandle } from "koffi";

/** Of koffi, what we use of it. */
export interface Koffi {
  load(path: string): LibraryHandle;
}

export function loadKoffi(): Koffi {
  return createRequire(import.meta.url)("koffi") as Koffi;
}

/** What koffi loads a file of native/build by; undefined if it has not been built. */
export function findLibrary(name: string): string | undefined {
  return find(name);
}

/** The bytes of a file of native/build; undefined if it has not been built. */
export function readBuilt(name: string): Uint8Array | undefined {
  const file = find(name);
  return file === undefined ? undefined : Uint8Array.from(readFileSync(file));
}

/** Whether we run from src/ or from the bundle in dist/, it is a folder beside one of those that we are in. */
function find(name: string): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, "native", "build", name);
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) return undefined;
  }
}
