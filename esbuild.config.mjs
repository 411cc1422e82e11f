/**
 * Bundles the command line to dist/cli.js, its other half to dist/supervise.js, and the library to dist/index.js. Splitting keeps what is imported
 * lazily (the engine, chalk, ora) in chunks of its own, so that `timeskew --version` reads none of it. All
 * files lie directly in dist/: ../native is the same place for each of them.
 */
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

/** commander loads child_process for subcommands in files of their own; there are none, and it costs 1 ms. */
const withoutChildProcess = {
  name: "without-child-process",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes("/node_modules/commander/") ? { path: "none", namespace: "none" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "module.exports = {};" }));
  },
};

rmSync(new URL("dist", import.meta.url), { recursive: true, force: true });
await build({
  entryPoints: { cli: "src/cli/main.ts", supervise: "src/cli/supervise.ts", index: "src/index.ts" },
  outdir: "dist",
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  bundle: true,
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
