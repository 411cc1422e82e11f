/**
 * Root folders in which nothing is installed but what a test puts there: one with glibc alone, and a bare Debian without
 * Node and without a compiler. What runs in them runs by chroot(8), in a mount namespace of its own: nothing that is
 * mounted there is ever seen outside, and all of it is gone with the last process, however the test ends.
 */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, mkdtemp, realpath, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { needPrograms, needRoot } from "./needs.ts";
import { quoted } from "./programs.ts";
import { waitFor } from "./wait.ts";

const run = promisify(execFile);

export interface RootOptions {
  /** What to put there, by its place there: "/opt/tool" from a file or folder of this machine. */
  readonly files?: Readonly<Record<string, string>>;
  /** The root itself is mounted read-only, and /tmp and /dev/shm with noexec, read-only as well. */
  readonly readOnly?: boolean;
  /** Nothing is mounted but /proc: there is no /dev and no /tmp. */
  readonly bare?: boolean;
}

export interface Root extends AsyncDisposable {
  /** The folder as it is seen from outside, without what is mounted in it. Files can be put there until the end. */
  readonly path: string;
  /** The command that runs another one, whose words follow, in the root: `[...root.inside(), "/bin/true"]`. */
  inside(options?: { readonly uid?: number }): string[];
  /** A file's place as seen from outside; what a program in the root says of it is `path` itself. */
  outside(path: string): string;
}

/** Skips the test where no roots can be made. */
export function needRoots(context: TestContext): void {
  needRoot(context, "to change the root folder");
  needPrograms(context, "unshare", "nsenter", "chroot", "mount");
}

/**
 * A root with this machine's glibc: its dynamic linker, and its libraries beside it. No libstdc++, no libgcc, no shell, no
 * ld.so.cache, no /etc.
 */
export async function glibcOnly(options: RootOptions = {}): Promise<Root> {
  const { stdout } = await run("dpkg", ["-L", "libc6"]);
  const libraries = stdout
    .split("\n")
    .filter((file) => /^(\/usr)?\/lib[^/]*\/(.*-linux-gnu\/)?[^/]*\.so[^/]*$/.test(file));
  if (libraries.length === 0) throw new Error("dpkg names no libraries of libc6");
  return await startRoot(options, async (folder) => {
    for (const file of libraries) {
      const copy = join(folder, file);
      await mkdir(dirname(copy), { recursive: true });
      await copyFile(file, copy);
    }
  });
}

/**
 * A bare Debian: the essential packages and apt, and those that are named. It is fetched once, and kept.
 *
 * @throws Error where it cannot be fetched
 */
export async function bareDebian(packages: readonly string[] = [], options: RootOptions = {}): Promise<Root> {
  const archive = await debianArchive(packages);
  return await startRoot(options, async (folder) => {
    await run("tar", ["-C", folder, "--numeric-owner", "-xf", archive]);
  });
}

/** The same, or the test is skipped where Debian's mirror cannot be reached and no earlier run has left anything. */
export async function needBareDebian(context: TestContext, packages: readonly string[] = []): Promise<void> {
  needRoots(context);
  needPrograms(context, "mmdebstrap", "tar");
  try {
    await debianArchive(packages);
  } catch (error) {
    context.skip(`needs a bare Debian, which could not be fetched: ${(error as Error).message}`);
  }
}

/** A root in which there is nothing but what is put there. */
export function emptyRoot(options: RootOptions = {}): Promise<Root> {
  return startRoot(options, async () => {});
}

// ---- fetching ----

const SUITE = "bookworm";
/** Beside the builds of Node that the tests of the packages use. */
const CACHE = process.env.TIMESKEW_NODE_CACHE ?? join(homedir(), ".cache", "timeskew-node");
/** Nobody reads these here. */
const LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"];

const fetched = new Map<string, Promise<string>>();

/** The archive of a bare Debian with these packages. */
function debianArchive(packages: readonly string[]): Promise<string> {
  const flags = [`--variant=minbase`, ...LEFT_OUT.map((glob) => `--dpkgopt=path-exclude=${glob}`)];
  if (packages.length > 0) flags.push(`--include=${[...packages].sort().join(",")}`);
  const key = createHash("sha256")
    .update([SUITE, process.arch, ...flags].join("\0"))
    .digest("hex")
    .slice(0, 16);
  const file = join(CACHE, `debian-${SUITE}-${key}.tar`);
  if (existsSync(file)) return Promise.resolve(file);
  const archive = fetched.get(file) ?? fetchDebian(file, flags);
  fetched.set(file, archive);
  return archive;
}

/** Renamed into place when complete: another run, or one after a failure, sees the whole or nothing. */
async function fetchDebian(file: string, flags: readonly string[]): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, ".tmp-"));
  try {
    const fresh = join(folder, "root.tar");
    await run("mmdebstrap", ["--quiet", ...flags, SUITE, fresh, await mirror()]).catch((error) => {
      const words = String(error.stderr ?? "").trim();
      throw new Error(words.split("\n").at(-1) || error.message, { cause: error });
    });
    await rename(fresh, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return file;
}

/** Where this machine has its own packages from. */
async function mirror(): Promise<string> {
  const { stdout } = await run("apt-get", ["indextargets", "--format", "$(REPO_URI) $(RELEASE)"]);
  const row = stdout.split("\n").find((each) => each.endsWith(` ${SUITE}`));
  if (row === undefined) throw new Error(`apt knows no source of Debian's ${SUITE} here: apt-get update`);
  return row.slice(0, row.indexOf(" "));
}

// ---- making and keeping ----

async function startRoot(options: RootOptions, fill: (folder: string) => Promise<void>): Promise<Root> {
  const folder = await mkdtemp(join(tmpdir(), "timeskew-root-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await chmod(folder, 0o755);
    await fill(folder);
    await putFiles(folder, options.files ?? {});
    const holder = await hold(folder, options);
    return {
      path: folder,
      inside: ({ uid } = {}) => [
        ...["nsenter", `--target=${holder.pid}`, "--mount", "--"],
        ...["chroot", ...(uid === undefined ? [] : [`--userspec=${uid}:${uid}`, "--groups="]), folder],
      ],
      outside: (path) => join(folder, path),
      [Symbol.asyncDispose]: async () => {
        await holder.end();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function putFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [place, from] of Object.entries(files)) {
    const to = join(folder, place);
    await mkdir(dirname(to), { recursive: true });
    await cp(await realpath(from), to, { recursive: true, verbatimSymlinks: true });
  }
}

const MOUNT_POINTS = ["proc", "dev", "tmp"];
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

/** The lines of a shell that mount what a root has, in the namespace in which they run. */
async function mounts(folder: string, { readOnly = false, bare = false }: RootOptions): Promise<string[]> {
  const at = (path: string) => quoted(join(folder, path));
  const lines = [`mount --bind ${at("")} ${at("")}`];
  for (const name of bare ? ["proc"] : MOUNT_POINTS) await mkdir(join(folder, name), { recursive: true });
  if (!bare) {
    const flags = readOnly ? "ro,noexec,nosuid,nodev" : "nosuid,nodev,mode=1777";
    lines.push(`mount -t tmpfs -o mode=755 tmpfs ${at("dev")}`);
    for (const name of DEVICES)
      lines.push(`touch ${at(`dev/${name}`)}; mount --bind /dev/${name} ${at(`dev/${name}`)}`);
    lines.push(`ln -s /proc/self/fd ${at("dev/fd")}`, `mkdir ${at("dev/shm")}`);
    for (const name of ["tmp", "dev/shm"]) lines.push(`mount -t tmpfs -o ${flags} tmpfs ${at(name)}`);
  }
  lines.push(`mount -t proc proc ${at("proc")}`);
  if (readOnly && !bare) lines.push(`mount -o remount,ro ${at("dev")}`);
  if (readOnly) lines.push(`mount -o remount,bind,ro ${at("")}`);
  return lines;
}

/** A process whose mount namespace is the root's. It ends with us, whatever we die of: its stdin does. */
async function hold(folder: string, options: RootOptions): Promise<{ pid: number; end(): Promise<void> }> {
  const script = ["set -e", ...(await mounts(folder, options)), "echo mounted", "exec cat"].join("\n");
  const child = spawn("unshare", ["--mount", "--propagation=private", "sh", "-c", script], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [said, complaint, over] = ["", "", false];
  child.stdout.on("data", (chunk) => (said += chunk));
  child.stderr.on("data", (chunk) => (complaint += chunk));
  const closed = new Promise<void>((done) => child.once("close", () => done()));
  closed.then(() => (over = true));
  await waitFor("the root's mounts", () => over || said !== "");
  if (over) throw new Error(`a root cannot be made here: ${complaint.trim()}`);
  return {
    pid: child.pid!,
    end: async () => {
      child.stdin.end();
      await closed;
    },
  };
}
