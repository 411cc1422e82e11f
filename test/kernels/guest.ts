/** One command in one guest. */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Kernel } from "./fetch/kernel.ts";
import type { Cpio } from "./image/cpio.ts";
import { baseImage, writeImage } from "./image/image.ts";
import { boot, type Ended } from "./qemu.ts";

export interface Guest {
  kernel: Kernel;
  /** What it finds beside the base; it gets /command as well. */
  special: Cpio;
  /** A shell script, which runs in /try as root. */
  script: string;
  /** Further kernel arguments. */
  append?: string;
  silenceMs: number;
  onLine: (line: string) => void;
  /** What is fetched first, if anything. */
  say: (line: string) => void;
}

export async function runGuest({ kernel, special, script, say, ...rest }: Guest): Promise<Ended> {
  const base = await baseImage(kernel.arch, say);
  const folder = await mkdtemp(join(tmpdir(), "timeskew-guest-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const initramfs = join(folder, "initramfs");
    await writeImage(initramfs, base, special.folder("try").file("command", `${script}\n`));
    return await boot({ arch: kernel.arch, kernel: kernel.path, initramfs, ...rest });
  } finally {
    remove();
    process.removeListener("exit", remove);
  }
}
