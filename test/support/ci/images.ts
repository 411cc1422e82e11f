/** Images that stand for those of registries, made of this machine's programs. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { complete, distroless, pack } from "../containers/rootfs.ts";
import { PACKAGE } from "./program.ts";

/** A Redis server, its client, and a shell: as an archive for `docker load`. */
export async function redisImage(
  folder: string,
  { busybox, programs }: { busybox: string; programs: readonly string[] },
): Promise<string> {
  const root = await complete(join(folder, "redis"), busybox);
  for (const program of programs) {
    await copyFile(program, join(root, "bin", basename(program)));
    for (const library of await librariesOf(program)) {
      await mkdir(join(root, dirname(library)), { recursive: true });
      await copyFile(library, join(root, library));
    }
  }
  return pack(root, "redis:7", ["redis-server", "--save", ""]);
}

async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ldd", [program]);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
}

/** A Debian whose /usr is this machine's, once it is mounted (`debianVolumes`). */
export async function debianImage(folder: string): Promise<string> {
  const root = await distroless(join(folder, "debian"));
  for (const name of ["usr", "run"]) await mkdir(join(root, name));
  for (const name of ["bin", "sbin", "lib", "lib64"]) await symlink(`usr/${name}`, join(root, name));
  return pack(root, "debian:12-slim", ["sh"]);
}

/** What a Debian of ours needs for its programs and for this tree's timeskew (`writeTimeskew`), for `--volume`. */
export function debianVolumes(): string[] {
  const needed = ["/usr", PACKAGE, ...(process.execPath.startsWith("/usr/") ? [] : [process.execPath])];
  return needed.map((path) => `${path}:${path}:ro`);
}
