/**
 * Copies of the package with another build of the helper in its place. A copy is complete, so it finds that helper
 * where timeskew always finds its helper: the product has no setting that would choose one.
 */
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HELPER = "timeskew-x86_64.so";
const STRICT = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"];
const LIBRARY = ["-fPIC", "-fvisibility=hidden", "-shared"];
const CHECKS = [
  ...["-O1", "-g", "-fno-omit-frame-pointer"],
  ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
];

export interface Variant {
  /** For the name of the folder. */
  name: string;
  /** Further flags and sources; native/*.c are there already. */
  compile: readonly string[];
}

/** The helper whose system calls can be made to fail: see test/fault/faults.c. */
export const FAULTS: Variant = {
  name: "faults",
  compile: [
    ...["-O2", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"],
    ...["-nostdlib", "-Wl,-z,defs,-z,noexecstack,--build-id=none,-soname,timeskew.so"],
    ...["-DTS_HOOKED", "-Dts_run=ts_run_in_full", "-Dts_write=ts_write_in_full"],
    join(ROOT, "test/fault/faults.c"),
  ],
};

/** The helper with a libc and with the compiler's checks on whatever it does. */
export const SANITIZED: Variant = {
  name: "sanitized",
  compile: CHECKS,
};

/** A program of the helper's sources and others, with the same checks. */
export async function compileSanitized(output: string, compile: readonly string[]): Promise<void> {
  await cc([...STRICT, ...CHECKS, "-o", output, ...(await helperSources()), ...compile]);
}

async function cc(args: readonly string[]): Promise<void> {
  await promisify(execFile)("cc", args);
}

export interface Staged extends AsyncDisposable {
  /** Like the repository's own: bin/, dist/, native/ and whatever was asked for. */
  readonly folder: string;
  readonly helper: string;
}

/** @param more further files and folders of the repository to copy */
export async function stage({ name, compile }: Variant, more: readonly string[] = []): Promise<Staged> {
  const folder = await mkdtemp(join(tmpdir(), `timeskew-${name}-`));
  const dispose = () => rm(folder, { recursive: true });
  try {
    await chmod(folder, 0o755); // tests run it as other users, too
    for (const part of ["package.json", "bin", "dist", ...more]) {
      await cp(join(ROOT, part), join(folder, part), { recursive: true });
    }
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    await mkdir(join(folder, "native"), { recursive: true });
    await cp(join(ROOT, "native/build"), join(folder, "native/build"), { recursive: true });
    const helper = join(folder, "native/build", HELPER);
    await rm(helper);
    await compileHelper({ name, compile }, helper);
    return { folder, helper, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** @param compiler with flags of its own, if the helper is for another machine */
export async function compileHelper(
  { compile }: Variant,
  output: string,
  compiler: readonly string[] = ["cc"],
): Promise<void> {
  const [program = "", ...flags] = compiler;
  const args = [...STRICT, ...LIBRARY, ...flags, "-o", output, ...(await helperSources()), ...compile];
  await promisify(execFile)(program, args);
}

/** All of native/ but the payload. */
async function helperSources(): Promise<string[]> {
  const files = await readdir(join(ROOT, "native"));
  return files.filter((file) => file.endsWith(".c")).map((file) => join(ROOT, "native", file));
}
