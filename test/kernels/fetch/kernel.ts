/** Debian's kernels: of each series the newest that can be had. */
import { readdirSync } from "node:fs";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Arch, NAMES } from "../arch.ts";
import { Apt, type Package } from "./apt.ts";
import { CACHE, cached } from "./cache.ts";

export interface Kernel {
  arch: Arch;
  series: string;
  /** Debian's, "5.10.262-1". */
  version: string;
  /** The image that boots. */
  path: string;
}

/** The cloud flavour is the smallest. It has been split: its image is in a package of its own from 7.x on. */
function packagesOf(series: string, arch: Arch): RegExp {
  const release = `${series.replace(".", "\\.")}\\.[^-]+(-[^-]+)?`;
  return new RegExp(
    `^linux-(image|binary|binary-unsigned)-${release}-cloud-${NAMES[arch].debian}(-unsigned)?$`,
  );
}

/** A list may name what the archive has no more: then the next one is tried. */
const ATTEMPTS = 12;

/**
 * The newest kernel of a series; one that was fetched before is not fetched again.
 *
 * @param say gets a line for each thing that is fetched, or cannot be
 * @throws Error where there is none
 */
export async function newestKernel(series: string, arch: Arch, say: (line: string) => void): Promise<Kernel> {
  const warn = (line: string) => say(`kernel ${series} ${arch}: ${line}`);
  const apt = await Apt.open(arch, warn);
  const candidates = (await apt.find("linux-", packagesOf(series, arch))).slice(0, ATTEMPTS);
  for (const candidate of candidates) {
    try {
      return await fetched(apt, candidate, series, arch, warn);
    } catch (error) {
      warn(`${candidate.name}: ${(error as Error).message}`);
    }
  }
  throw new Error(`no kernel ${series} for ${arch} can be had`);
}

async function fetched(
  apt: Apt,
  { name, version }: Package,
  series: string,
  arch: Arch,
  say: (line: string) => void,
): Promise<Kernel> {
  const folder = await cached(`kernel-${arch}-${series}-${version}`, async (place) => {
    say(`fetching ${name} ${version}`);
    const unpacked = await mkdtemp(join(CACHE, ".kernel-"));
    try {
      await apt.unpack({ name, version }, unpacked);
      await cp(await imageIn(unpacked), join(place, "vmlinuz"));
    } finally {
      await rm(unpacked, { recursive: true });
    }
  });
  return { arch, series, version, path: join(folder, "vmlinuz") };
}

/** /boot/vmlinuz-RELEASE, or where that is a link's target from 7.x on: /usr/lib/modules/RELEASE/vmlinuz. */
async function imageIn(unpacked: string): Promise<string> {
  const files = await readdir(unpacked, { recursive: true });
  const image = files.find((file) => /^(boot\/vmlinuz-[^/]+|usr\/lib\/modules\/[^/]+\/vmlinuz)$/.test(file));
  if (!image) throw new Error("has no image in it");
  return join(unpacked, image);
}

/** The newest kernel of a series that was fetched before, without a look at the archive. */
export function fetchedKernel(series: string, arch: Arch): Kernel | undefined {
  const prefix = `kernel-${arch}-${series}-`;
  const order = new Intl.Collator("en", { numeric: true });
  let names: string[] = [];
  try {
    names = readdirSync(CACHE).filter((name) => name.startsWith(prefix));
  } catch {
    // Nothing was fetched yet.
  }
  const newest = names.sort(order.compare).at(-1);
  if (newest === undefined) return undefined;
  return { arch, series, version: newest.slice(prefix.length), path: join(CACHE, newest, "vmlinuz") };
}
