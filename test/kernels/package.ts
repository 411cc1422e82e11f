/** What a guest finds in /try: the built package, the suite, and the victims with their sources. */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build as bundle } from "esbuild";
import { build } from "../support/build.ts";
import { DEADLINES_GLIBC, GLIBC, HAMMER } from "../support/recipes.ts";
import { compileHelper, FAULTS } from "../support/variant.ts";
import { type Arch, NAMES } from "./arch.ts";
import type { Machine } from "./cells.ts";
import { Cpio } from "./image/cpio.ts";
import { FAULTS_FOLDER, ROOT } from "./place.ts";

const SUITE = "test/kernels/suite.mjs";
const VICTIMS = "test/victims";

/** What takes seconds on a processor takes minutes on an emulated one of a busy machine, whose ticks are late, too. */
const PATIENCE_MS = 180_000;
const TICK_MS = 1000;

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

/** The fault build of the helper, with which the tool can be killed at any of its operations. */
async function buildFaults(arch: Arch): Promise<Uint8Array> {
  const { compiler, helper, helperFlags } = NAMES[arch];
  const folder = await mkdtemp(join(tmpdir(), "timeskew-faults-"));
  try {
    await compileHelper(FAULTS, join(folder, helper), [compiler, ...helperFlags]);
    return readFileSync(join(folder, helper));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Everything lies as in the repository. The sources of the victims are there because a victim's name contains a hash of
 * them: the suite finds by it what was built on the host.
 */
export async function contents(suite: Uint8Array, arch: Arch, machines: readonly Machine[]): Promise<Cpio> {
  const image = new Cpio();
  const helper = `try/${FAULTS_FOLDER}/native/build/${NAMES[arch].helper}`;
  for (const part of ["package.json", "bin", "dist", "native/build"]) {
    image.copy(join(ROOT, part), `try/${part}`);
    image.copy(join(ROOT, part), `try/${FAULTS_FOLDER}/${part}`, (path) => path === helper);
  }
  image.file(helper, await buildFaults(arch), 0o755);
  image.file(`try/${SUITE}`, suite);
  image.copy(join(ROOT, "test/fault/driver.mjs"), "try/test/fault/driver.mjs");
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
  const env = `TIMESKEW_PATIENCE_MS=${PATIENCE_MS} TIMESKEW_TICK_MS=${TICK_MS}`;
  const runs = machines.map(
    (machine) => `TIMESKEW_VICTIMS=${machine} ${env} node ${SUITE} ${cells.join(" ")}`,
  );
  return [...(before ? [`${before} || exit 1`] : []), ...runs].join("\n");
}
