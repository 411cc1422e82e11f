/**
 * Builds the victims, each once: the result is kept in test/victims/build under a name that contains a hash
 * of the sources and of the command, so a change of either builds anew.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const VICTIMS = fileURLToPath(new URL("../victims/", import.meta.url));
const BUILD = join(VICTIMS, "build");

export interface Recipe {
  /** The name of the built program. */
  name: string;
  /** Files in test/victims; the compiler gets those that are no headers. */
  sources: readonly string[];
  /** The compiler with its flags, sources left out. `OUTPUT` stands for the file (or folder) to write. */
  command: readonly string[];
  /** Built first, by commands of their own, and handed to the compiler behind the sources. */
  objects?: readonly Recipe[];
}

/** The path of a file in test/victims that needs no building. */
export function source(name: string): string {
  return join(VICTIMS, name);
}

/** The path of the built program (for javac: of the folder of classes). */
export async function build(recipe: Recipe): Promise<string> {
  const objects = await Promise.all((recipe.objects ?? []).map(build));
  const built = join(BUILD, `${recipe.name}-${await fingerprint(recipe, objects)}`);
  if (!existsSync(built)) await make(recipe, objects, built);
  return built;
}

/** The objects' paths have fingerprints in them. */
async function fingerprint({ sources, command }: Recipe, objects: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update([...command, ...objects].join("\0"));
  for (const name of sources) hash.update(await readFile(source(name)));
  return hash.digest("hex").slice(0, 16);
}

/** In a folder of its own and moved into place when complete: two builders do not see each other's halves. */
async function make({ name, sources, command }: Recipe, objects: readonly string[], built: string) {
  await mkdir(BUILD, { recursive: true });
  const folder = await mkdtemp(join(BUILD, ".tmp-"));
  try {
    const output = join(folder, name);
    const [program = "", ...flags] = command.map((word) => word.replace("OUTPUT", output));
    const compiled = sources.filter((file) => !file.endsWith(".h")).map(source);
    await promisify(execFile)(program, [...flags, ...compiled, ...objects], { cwd: VICTIMS });
    await rename(output, built).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
