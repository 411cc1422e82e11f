/** What a guest finds in /try: the built package, the suite, and the victims with their sources. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { build as bundle } from "esbuild";
import { build } from "../support/build.ts";
import { DEADLINES_GLIBC, GLIBC, HAMMER } from "../support/recipes.ts";
import type { Machine } from "./cells.ts";
import { Cpio } from "./image/cpio.ts";
import { ROOT } from "./place.ts";

const SUITE = "test/kernels/suite.mjs";
const VICTIMS = "test/victims";

/** What takes seconds on a processor takes minutes on an emulated one of a busy machine. */
const PATIENCE_MS = 180_000;

/** The victims of the suite. */
const PROGRAMS = [GLIBC, HAMMER, DEADLINES_GLIBC];

/** The suite in one file: a guest has no modules but the package's dependencies. */
export async function bundleSuite(): Promise<Uint8Array> {
  const { outputFiles } = await bundle({
    entryPoints: [join(ROOT, "test/kernels/guest/suite.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["koffi"],
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
  return outputFiles[0]!.contents;
}

/**
 * Everything lies as in the repository. The sources of the victims are there because a victim's name contains a hash of
 * them: the suite finds by it what was built on the host.
 */
export async function contents(suite: Uint8Array, machines: readonly Machine[]): Promise<Cpio> {
  const image = new Cpio();
  for (const part of ["package.json", "bin", "dist", "native/build"])
    image.copy(join(ROOT, part), `try/${part}`);
  image.file(`try/${SUITE}`, suite);
  image.copy(join(ROOT, "test/fault/killee.mjs"), "try/test/fault/killee.mjs");
  for (const file of readdirSync(join(ROOT, VICTIMS))) {
    if (/\.[ch]$/.test(file)) image.copy(join(ROOT, VICTIMS, file), `try/${VICTIMS}/${file}`);
  }
  for (const machine of machines) {
    for (const recipe of PROGRAMS) {
      const built = await build(recipe, machine);
      image.copy(built, `try/${VICTIMS}/build/${basename(built)}`);
    }
  }
  return image;
}

/** The script that a guest runs; its exit code is that of the last machine, and no matter. */
export function scriptOf(
  before: string | undefined,
  machines: readonly Machine[],
  cells: readonly string[],
): string {
  const env = `TIMESKEW_PATIENCE_MS=${PATIENCE_MS}`;
  const runs = machines.map(
    (machine) => `TIMESKEW_VICTIMS=${machine} ${env} node ${SUITE} ${cells.join(" ")}`,
  );
  return [...(before ? [`${before} || exit 1`] : []), ...runs].join("\n");
}
