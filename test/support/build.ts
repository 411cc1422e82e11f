/**
 * Builds the victims, each once: the result is kept in test/victims/build under a name that contains a hash
 * of the sources and of the command, so a change of either builds anew. TIMESKEW_VICTIMS=i386 makes 32-bit programs of
 * those in C, TIMESKEW_VICTIMS=aarch64 programs for arm64.
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

/** Which programs a machine's compiler makes. */
export type VictimMachine = "x86_64" | "i386" | "aarch64";

const OWN: VictimMachine = process.arch === "arm64" ? "aarch64" : "x86_64";
export const VICTIM_MACHINE = (process.env.TIMESKEW_VICTIMS as VictimMachine | undefined) ?? OWN;

/** What stands for `gcc` in a recipe. Debian keeps what its headers share with other machines in a folder by name. */
const COMPILERS: Readonly<Record<VictimMachine, readonly string[]>> = {
  x86_64: OWN === "x86_64" ? ["gcc"] : ["x86_64-linux-gnu-gcc"],
  i386: ["gcc", "-m32", "-I/usr/include/x86_64-linux-gnu"],
  aarch64: OWN === "aarch64" ? ["gcc"] : ["aarch64-linux-gnu-gcc"],
};

/** @throws Error for a compiler that only makes programs for the machine that it runs on */
function commandOf({ name, command }: Recipe, machine: VictimMachine): readonly string[] {
  const [compiler, ...flags] = command;
  if (machine === OWN || command.includes("-m32")) return command;
  if (compiler !== "gcc")
    throw new Error(`${name} is built by ${compiler}, which cannot build for ${machine}`);
  return [...COMPILERS[machine], ...flags];
}

/** The path of a file in test/victims that needs no building. */
export function source(name: string): string {
  return join(VICTIMS, name);
}

/** The path of the built program (for javac: of the folder of classes). */
export async function build(recipe: Recipe, machine = VICTIM_MACHINE): Promise<string> {
  const objects = await Promise.all((recipe.objects ?? []).map((each) => build(each, machine)));
  const built = join(BUILD, `${recipe.name}-${await fingerprint(recipe, machine, objects)}`);
  if (!existsSync(built)) await make({ ...recipe, command: commandOf(recipe, machine) }, objects, built);
  return built;
}

/** The same wherever the program is built for a machine. The objects' paths have fingerprints in them. */
async function fingerprint(
  { sources, command }: Recipe,
  machine: VictimMachine,
  objects: readonly string[],
): Promise<string> {
  const hash = createHash("sha256").update([machine, ...command, ...objects].join("\0"));
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
