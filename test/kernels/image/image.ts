/** The file systems of guests: a base for each architecture, and behind it what is to be run. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Arch } from "../arch.ts";
import { cached } from "../fetch/cache.ts";
import { libraries, runtime } from "../fetch/runtime.ts";
import { ROOT } from "../place.ts";
import { Cpio } from "./cpio.ts";

const INIT = join(ROOT, "test/kernels/image/init.sh");

/** The base's path: BusyBox, Node, the package's dependencies, C libraries, /init: what stays while the project changes. */
export async function baseImage(arch: Arch, say: (line: string) => void): Promise<string> {
  const { busybox, node, modules } = await runtime(arch, say);
  const found = await libraries(arch);
  const init = readFileSync(INIT);
  const hash = createHash("sha256").update(init).update(node).update(modules);
  for (const { from, to } of found) hash.update(to).update(await readFile(from));
  const folder = await cached(`base-${arch}-${hash.digest("hex").slice(0, 16)}`, async (place) => {
    const image = new Cpio();
    image.file("init", init, 0o755).device("dev/console", 5, 1).device("dev/null", 1, 3);
    image.file("bin/busybox", readFileSync(busybox), 0o755);
    image.file("bin/node", readFileSync(node), 0o755);
    image.copy(modules, "node_modules");
    image.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n");
    image.file("etc/group", "root:x:0:\nnogroup:x:65534:\n");
    for (const { from, to } of found) image.file(to, readFileSync(from), 0o755);
    await writeFile(join(place, "base.cpio"), image.bytes());
  });
  return join(folder, "base.cpio");
}

/** Puts the base and what is special to one guest into one file. */
export async function writeImage(path: string, base: string, special: Cpio): Promise<void> {
  await copyFile(base, path);
  await writeFile(path, special.bytes(), { flag: "a" });
}
