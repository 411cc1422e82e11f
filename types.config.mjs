/**
 * Bundles the declarations of the library: what a user of it may rely on, and nothing else. `node types.config.mjs` writes
 * dist/index.d.ts.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generateDtsBundle } from "dts-bundle-generator";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** AsyncDisposable, for programs that are compiled without it. */
const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n';

/** @returns {string} what dist/index.d.ts holds */
export function declarations() {
  const [bundle] = generateDtsBundle(
    [{ filePath: path("src/index.ts"), output: { noBanner: true, exportReferencedTypes: false } }],
    { preferredConfigPath: path("tsconfig.json") },
  );
  return DISPOSABLE + bundle;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(path("dist"), { recursive: true });
  writeFileSync(path("dist/index.d.ts"), declarations());
}
