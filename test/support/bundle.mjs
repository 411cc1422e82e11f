/** TypeScript as files that Node runs: Node 20 reads none by itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const TEST = fileURLToPath(new URL("..", import.meta.url));

/** What Node can read stays where it is. */
const withoutModules = {
  name: "without-modules",
  setup({ onResolve }) {
    onResolve({ filter: /^\..*\.mjs$/ }, ({ path, resolveDir }) => ({
      path: pathToFileURL(resolve(resolveDir, path)).href,
      external: true,
    }));
  },
};

/**
 * Bundles TypeScript files, and gives their new places to `use`; afterwards they are gone. They lie in a folder next
 * to this one: what looks for its files by its own place finds them from there, too.
 *
 * @template T
 * @param {readonly string[]} entries
 * @param {(outputs: string[]) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withBundles(entries, use) {
  const folder = mkdtempSync(join(TEST, ".build-"));
  try {
    const outputs = [];
    for (const [i, entry] of entries.entries()) {
      const outfile = join(folder, `${i}.mjs`);
      await build({
        entryPoints: [entry],
        outfile,
        bundle: true,
        format: "esm",
        platform: "node",
        target: "node20",
        packages: "external",
        plugins: [withoutModules],
        sourcemap: "inline",
        logLevel: "warning",
      });
      outputs.push(outfile);
    }
    return await use(outputs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
