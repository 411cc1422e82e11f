/**
 * Debian's package archive with a configuration of our own, beside the machine's: other suites, another
 * architecture, no root. Nothing of the machine's own lists and packages is read or changed.
 */
import { existsSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Arch, NAMES } from "../arch.ts";
import { CACHE } from "./cache.ts";
import { run } from "./command.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** In the archive itself, and among its security updates. */
const SUITES = {
  archive: ["bullseye", "bookworm", "bookworm-backports", "trixie", "trixie-backports", "sid"],
  security: ["bullseye-security", "bookworm-security", "trixie-security"],
} as const;

const DAY_MS = 86_400_000;

/** A package in one version. */
export interface Package {
  name: string;
  version: string;
}

export class Apt {
  readonly #flags: readonly string[];

  private constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  /**
   * With lists that are a day old at most, or older ones, which `warn` is told, where none can be had.
   *
   * @throws Error if there are no lists at all
   */
  static async open(arch: Arch, warn: (line: string) => void): Promise<Apt> {
    if (!existsSync(KEYRING))
      throw new Error(`${KEYRING} is missing: apt-get install debian-archive-keyring`);
    const folder = join(CACHE, `apt-${NAMES[arch].debian}`);
    const apt = new Apt(await configure(folder, arch));
    const stamp = join(folder, "updated");
    if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < DAY_MS) return apt;
    try {
      await apt.#run("apt-get", "-qq", "--error-on=any", "update");
      await writeFile(stamp, "");
    } catch (error) {
      if (!existsSync(stamp)) throw error;
      warn(`package lists of an earlier day: ${(error as Error).message}`);
    }
    return apt;
  }

  #run(program: string, ...args: string[]): Promise<string> {
    return run([program, ...this.#flags, ...args]);
  }

  /** All versions of the packages whose names match, the newest first; of one version, in the order of names. */
  async find(prefix: string, matches: RegExp): Promise<Package[]> {
    const names = (await this.#run("apt-cache", "pkgnames", prefix)).split("\n");
    const wanted = names.filter((name) => matches.test(name)).sort();
    if (wanted.length === 0) return [];
    const rows = (await this.#run("apt-cache", "madison", ...wanted)).trimEnd().split("\n");
    const packages = rows.map((row) => {
      const [name = "", version = ""] = row.split("|").map((field) => field.trim());
      return { name, version };
    });
    const order = new Intl.Collator("en", { numeric: true });
    return packages.sort((a, b) => order.compare(b.version, a.version));
  }

  /** Unpacks a package into a folder. */
  async unpack({ name, version }: Package, folder: string): Promise<void> {
    const download = await mkdtemp(join(CACHE, ".deb-"));
    try {
      await run(["apt-get", ...this.#flags, "-qq", "download", `${name}=${version}`], { cwd: download });
      for (const file of await readdir(download)) await run(["dpkg-deb", "-x", join(download, file), folder]);
    } finally {
      await rm(download, { recursive: true });
    }
  }
}

/** Flags, because the machine's own files, which say how its network is reached, win over files of ours. */
async function configure(folder: string, arch: Arch): Promise<string[]> {
  for (const each of ["lists/partial", "cache/archives/partial"]) {
    await mkdir(join(folder, each), { recursive: true });
  }
  const file = (name: string) => join(folder, name);
  await keep(file("status"), "");
  await keep(file("sources.list"), await sources());
  const settings = {
    "Dir::State": folder,
    "Dir::State::lists": file("lists"),
    "Dir::State::status": file("status"),
    "Dir::Cache": file("cache"),
    "Dir::Cache::pkgcache": "pkgcache.bin",
    "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
    "Dir::Etc::sourcelist": file("sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "APT::Architecture": NAMES[arch].debian,
    "APT::Architectures": NAMES[arch].debian,
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  };
  return Object.entries(settings).map(([key, value]) => `--option=${key}=${value}`);
}

/** From where the machine itself has its packages: their other suites are beside them. */
async function sources(): Promise<string> {
  const targets = await run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)"]);
  const rows = targets
    .trim()
    .split("\n")
    .map((row) => row.split(" "));
  const placeOf = (part: keyof typeof SUITES) => {
    const suites: readonly string[] = SUITES[part];
    const place = rows.find(([, suite = ""]) => suites.includes(suite))?.[0];
    if (place === undefined) throw new Error(`apt knows no source of Debian's ${part} here: apt-get update`);
    return suites.map((suite) => `deb [signed-by=${KEYRING}] ${place} ${suite} main\n`);
  };
  return [...placeOf("archive"), ...placeOf("security")].join("");
}

/** A file that is younger than apt's cache makes apt build that anew, which takes it seconds each time. */
async function keep(path: string, text: string): Promise<void> {
  const there = await readFile(path, "utf8").catch(() => undefined);
  if (there !== text) await writeFile(path, text);
}
