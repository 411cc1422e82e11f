/**
 * Bundles the command line to dist/cli.js, its other half to dist/supervise.js, the library to dist/index.js, and the engine
 * beneath both to dist/engine.js. Splitting keeps what is imported lazily (the engine, chalk, ora) in chunks of its own, so
 * that `timeskew --version` reads none of it. All these files lie directly in dist/: ../native is the same place for each of
 * them. Beside them: the man page, the completion scripts, and the licences of what is in the bundles.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { licencesOf } from "./native/package/licences.mjs";
import { withoutChildProcess } from "./native/package/plugins.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));
const dist = join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

rmSync(dist, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: {
    cli: "src/cli/main.ts",
    supervise: "src/cli/supervise.ts",
    index: "src/index.ts",
    // Not exported by the package: the tests and benchmarks of the engine load it.
    engine: "src/engine/index.ts",
    manual: "src/cli/manual/scripts.ts",
  },
  outdir: "dist",
  absWorkingDir: root,
  bundle: true,
  metafile: true,
  splitting: true,
  chunkNames: "[name]-[hash]",
  format: "esm",
  platform: "node",
  target: "node20",
  // A native addon finds its binary next to itself.
  external: ["koffi"],
  plugins: [withoutChildProcess],
  define: { __TIMESKEW_VERSION__: JSON.stringify(version) },
  // CommonJS packages in the bundle (commander, elfy) require Node's modules.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  legalComments: "inline",
  logLevel: "warning",
});
write("THIRD-PARTY-LICENSES", licencesOf(Object.keys(metafile.inputs), root));

// The man page and the completion scripts, as the command line writes them.
const { installedFiles } = await import("./dist/manual.js");
for (const [name, text] of Object.entries(installedFiles())) write(name, text);

/** A file of dist/. */
function write(name, text) {
  const file = join(dist, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
