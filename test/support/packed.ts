/** The package as it is published: what `npm pack` makes of a copy of this repository, beside which other tests go on. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { needPrograms } from "./needs.ts";

const run = promisify(execFile);
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What is made, and what no package is made of. */
const LEFT_OUT = /^(node_modules|\..*|dist|native\/build|release|coverage|examples|test|.*\.log)$/;
const FLAGS = ["--json", "--foreground-scripts=false", "--dry-run=false", "--loglevel=error"];

export interface Packed extends AsyncDisposable {
  readonly file: string;
  readonly bytes: number;
  readonly unpackedBytes: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** Skips the test where it cannot be built for both machines. */
export function needPacking(context: TestContext): void {
  needPrograms(context, "cc", process.arch === "x64" ? "aarch64-linux-gnu-gcc" : "x86_64-linux-gnu-gcc");
}

/** Built from nothing, as the first `npm pack` in a clone does: in a folder of this one, whose node_modules are found from there. */
export async function pack(): Promise<Packed> {
  const folder = await mkdtemp(join(ROOT, ".build-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const clone = join(folder, "clone");
    await copySources(clone);
    const args = ["pack", `--pack-destination=${folder}`, ...FLAGS];
    const { stdout } = await run("npm", args, { cwd: clone });
    const [{ filename, size: bytes, unpackedSize: unpackedBytes, files }] = JSON.parse(stdout);
    const file = join(folder, filename);
    return { file, bytes, unpackedBytes, files, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function copySources(clone: string): Promise<void> {
  await mkdir(clone);
  const filter = (source: string) => !LEFT_OUT.test(relative(ROOT, source));
  for (const name of (await readdir(ROOT)).filter((name) => !LEFT_OUT.test(name))) {
    await cp(join(ROOT, name), join(clone, name), { recursive: true, filter });
  }
}
