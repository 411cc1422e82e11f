/**
 * A root like Alpine's: musl's dynamic linker, BusyBox, and a Node that was built for musl. The registry has one inside of pnpm,
 * which is a single executable application: with its fuse set back it is Node as it was before. Of libstdc++ there is
 * glibc's only, so it gets what that misses from musl_standins.c.
 */
import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { fetched } from "../setup/registry.mjs";
import { build, type Recipe } from "./build.ts";
import { equipped, type NodeRoot, needFiles } from "./installs.ts";
import { needFetched, needNode, needPrograms } from "./needs.ts";
import { temporary } from "./programs.ts";
import { emptyRoot, needRoots } from "./roots.ts";

const PNPM = {
  name: "@pnpm/linuxstatic-x64",
  version: "11.21.0",
  integrity:
    "sha512-6Y2u+AfOUuTqWgTCpFhySL8HAcONDucCFixKle9tWoW7bm8RF0+fwQBRWNWGdx+Toau07wZ1LNZPqN8gpgeBDQ==",
};
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:";
const LIBGCC = "libgcc_s.so.1";
/** As long as the name that it takes the place of. */
const STANDINS = "libgcc-s.so.1";
const APPLETS = ["cat", "date", "env", "ls", "mkdir", "sh"];

/** musl's `date` is BusyBox's, which has a libc of its own; this one is musl's. */
const TELLER: Recipe = {
  name: "teller-musl",
  sources: ["teller.c"],
  command: ["musl-gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", "OUTPUT"],
};

export const MUSL_TELLER = ["/bin/teller"];

export async function needMuslRoot(context: TestContext, tarball: string): Promise<NodeRoot> {
  if (process.arch !== "x64")
    context.skip("needs x86-64: there is no Node for musl on arm64 in the registry");
  needRoots(context);
  const [gcc = "", , linker = "", busybox = ""] = needPrograms(
    context,
    ...["gcc", "musl-gcc", "/lib/ld-musl-x86_64.so.1", "busybox"],
  );
  const pnpm = join(await needFetched(context, fetched(PNPM)), "package", "pnpm");
  await using folder = await temporary();
  const node = join(folder.path, "node");
  await makeNode(pnpm, node);
  const libraries = await Promise.all([LIBGCC, "libstdc++.so.6"].map((name) => find(gcc, name)));
  const standins = await build(standinsWith(libraries[0]!));
  const root = await emptyRoot({
    files: {
      // npm's cache is filled by a Node that runs here.
      ...(await needFiles(context, node, "12", tarball, await needNode(context, "24"))),
      "/lib/ld-musl-x86_64.so.1": linker,
      [`/lib/${LIBGCC}`]: libraries[0]!,
      "/lib/libstdc++.so.6": libraries[1]!,
      [`/lib/${STANDINS}`]: standins,
      "/lib/ld-linux-x86-64.so.2": standins, // glibc's libraries ask for it
      "/bin/busybox": busybox,
      "/bin/teller": await build(TELLER),
    },
  });
  await mkdir(root.outside("/usr/bin"), { recursive: true });
  for (const applet of APPLETS) await symlink("busybox", root.outside(`/bin/${applet}`));
  await symlink("/bin/busybox", root.outside("/usr/bin/env"));
  return await equipped(root);
}

/** @throws Error if that is no longer what it was */
async function makeNode(pnpm: string, node: string): Promise<void> {
  const bytes = await readFile(pnpm);
  overwrite(bytes, `${FUSE}1`, `${FUSE}0`);
  overwrite(bytes, `${LIBGCC}\0`, `${STANDINS}\0`);
  await mkdir(dirname(node), { recursive: true });
  await writeFile(node, bytes);
  await chmod(node, 0o755);
}

function overwrite(bytes: Buffer, words: string, by: string): void {
  const at = bytes.indexOf(words);
  if (at < 0 || bytes.indexOf(words, at + 1) >= 0) throw new Error(`${words} is not there once`);
  bytes.write(by, at, "latin1");
}

function standinsWith(libgcc: string): Recipe {
  return {
    name: "musl-standins.so",
    sources: ["musl_standins.c"],
    command: [
      ...["musl-gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-nostdlib"],
      ...[`-Wl,--no-as-needed,-soname,${STANDINS}`, libgcc, "-o", "OUTPUT"],
    ],
  };
}

async function find(gcc: string, library: string): Promise<string> {
  const { stdout } = await promisify(execFile)(gcc, [`-print-file-name=${library}`]);
  return stdout.trim();
}
