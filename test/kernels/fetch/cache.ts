/** What was fetched is kept between runs, outside of the repository. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** TIMESKEW_KERNELS names another folder. */
export const CACHE =
  process.env.TIMESKEW_KERNELS ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "timeskew-kernels");

/**
 * The path of a folder in the cache. If it is not there, `make` fills a temporary one, which is moved into place
 * when it is complete: two runs at a time do not see each other's halves.
 */
export async function cached(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, ".tmp-"));
  try {
    await make(folder);
    await rename(folder, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return path;
}
