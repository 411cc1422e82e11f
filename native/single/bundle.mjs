/** The command line as one CommonJS file, which is all that Node runs in a single binary. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { withoutChildProcess } from "../package/plugins.mjs";

const ROOT = new URL("../../", import.meta.url);

/** Where there are no files, another module says where things come from. */
const OF_SINGLE = { "/built.ts": "/built-single.ts", "/self.ts": "/self-single.ts" };

const withoutFiles = {
  name: "without-files",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^\.{1,2}\/(.*\/)?(built|self)\.ts$/ }, ({ path, resolveDir, kind }) => {
      const name = path.slice(path.lastIndexOf("/"));
      return resolve(path.slice(0, -name.length) + OF_SINGLE[name], { resolveDir, kind });
    });
  },
};

/** @param {string} outfile @returns {Promise<string[]>} the files that it is made of, from the root */
export async function bundleSingle(outfile) {
  const { version } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8"));
  const { metafile } = await build({
    entryPoints: ["src/cli/single.ts"],
    outfile,
    metafile: true,
    absWorkingDir: fileURLToPath(ROOT),
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node24",
    minify: true,
    plugins: [withoutFiles, withoutChildProcess],
    define: { __TIMESKEW_VERSION__: JSON.stringify(version) },
    legalComments: "inline",
    logLevel: "warning",
  });
  return Object.keys(metafile.inputs);
}
