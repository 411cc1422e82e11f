/** The tool as it is built where the compiler makes no code for 32-bit programs: for it, they cannot be skewed. */
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const OURS = fileURLToPath(new URL("../../", import.meta.url));
const MISSING = "payload-i386.bin";

export interface LesserTool extends AsyncDisposable {
  /** Its bin/timeskew.js. */
  readonly cli: string;
}

export async function lesserTool(): Promise<LesserTool> {
  const folder = await mkdtemp(join(tmpdir(), "timeskew-lesser-"));
  const build = join("native", "build");
  await mkdir(join(folder, "native"));
  for (const part of ["bin", "dist", "package.json"]) {
    await cp(join(OURS, part), join(folder, part), { recursive: true });
  }
  await cp(join(OURS, build), join(folder, build), {
    recursive: true,
    filter: (file) => !file.endsWith(MISSING),
  });
  await symlink(join(OURS, "node_modules"), join(folder, "node_modules"));
  return {
    cli: join(folder, "bin", "timeskew.js"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
