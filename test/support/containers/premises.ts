/**
 * A folder in which a container runtime lives: its state, its sockets, its images. Disposing of it is also the proof that
 * the runtime has left nothing of itself on the machine; what it has left is taken away, and is an error.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { needCommand } from "../namespaces.ts";
import { needRoot } from "../needs.ts";
import { waitFor } from "../wait.ts";

export interface Premises extends AsyncDisposable {
  readonly path: string;
  /** A folder inside, made if it is not there. */
  folder(...names: string[]): Promise<string>;
  /** The runtime's own processes, which name the folder on their command lines. */
  runtime(): number[];
  /** To be told of the id of each container: a cgroup that bears it must be gone at the end. */
  remember(id: string): void;
  /** To be told of each cgroup that is made for containers' cgroups to be in, before it is. It is removed. */
  cgroup(path: string): void;
}

/** Skips the test where containers cannot be started, being one ourselves. */
export function needContainers(context: TestContext): void {
  needRoot(context, "to start containers");
  needCommand(context, ["unshare", "--mount", "--pid", "--fork"]);
  const folder = join(
    hierarchies()[0] ?? context.skip("needs a cgroup hierarchy"),
    `timeskew-${process.pid}`,
  );
  try {
    mkdirSync(folder);
    rmdirSync(folder);
  } catch (error) {
    context.skip(`needs to make cgroups: ${error instanceof Error ? error.message : error}`);
  }
}

/** What all of them leave outside, whatever they are told: empty folders, and a key that Docker no longer uses. */
const HABITS = [
  "/run/runc",
  "/run/containerd/s",
  "/run/containerd",
  "/run/docker/plugins",
  "/run/docker",
  "/etc/docker/key.json",
  "/etc/docker",
];

/** @param patienceMs how long processes may outlive the runtime that had them */
export async function premises(name: string, patienceMs = 20_000): Promise<Premises> {
  // A short path: those of sockets inside have 107 bytes at the most.
  const path = await realpath(await mkdtemp(join(tmpdir(), `timeskew-${name}-`)));
  const ids: string[] = [];
  const habits = HABITS.filter((file) => !existsSync(file));
  const cgroups: string[] = [];
  // A run that is broken off disposes of nothing.
  const abandon = () => {
    kill(processesOf([path, ...ids]));
    unmount(path);
    rmSync(path, { recursive: true, force: true });
  };
  process.once("exit", abandon);
  return {
    path,
    folder: async (...names) => {
      const inside = join(path, ...names);
      await mkdir(inside, { recursive: true });
      return inside;
    },
    runtime: () => {
      const named = processesOf([path]).filter(({ command }) => command.includes(path));
      return named.map(({ pid }) => pid);
    },
    remember: (id) => ids.push(id),
    cgroup: (cgroup) => cgroups.push(...newCgroups(cgroup)),
    [Symbol.asyncDispose]: async () => {
      const left = [...(await endProcesses([path, ...ids], patienceMs)), ...unmount(path)];
      await rm(path, { recursive: true, force: true });
      const ours = [...cgroups.toSorted(innermostFirst), ...habits];
      for (const each of ours) removeIfUnused(each);
      left.push(...(await removeCgroups(ids)));
      if (left.length > 0) for (const each of ours) removeIfUnused(each);
      process.off("exit", abandon);
      if (left.length > 0) throw new Error(`${name} has left something behind: ${left.join(", ")}`);
    },
  };
}

/** Some end a little later than the daemon that had them; those that do not are killed and named. */
async function endProcesses(marks: readonly string[], patienceMs: number): Promise<string[]> {
  const deadline = performance.now() + patienceMs;
  const left = await waitFor("the last processes of a runtime", () => {
    const found = processesOf(marks);
    return (found.length === 0 || performance.now() > deadline) && found;
  });
  await waitFor("the processes that were killed", () => {
    const found = processesOf(marks);
    kill(found);
    return found.length === 0;
  });
  return left.map(({ pid, command }) => `process ${pid} (${command})`);
}

interface Process {
  pid: number;
  command: string;
}

/** All that have to do with a folder or a container: by command line, directory, root file system or cgroup. */
function processesOf(marks: readonly string[]): Process[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const traces = [command, readlinkSync(`/proc/${pid}/cwd`), readFileSync(`/proc/${pid}/cgroup`, "utf8")];
      if (!inOurMounts(pid)) traces.push(rootMount(readFileSync(`/proc/${pid}/mountinfo`, "utf8")));
      const belongs = traces.some((trace) => marks.some((mark) => bears(trace, mark)));
      return belongs ? { pid: Number(pid), command } : [];
    } catch {
      return []; // It has ended meanwhile, or is a kernel thread.
    }
  });
}

/** A name that goes on is another one: ours has a pid at its end, or something that is unique. */
function bears(text: string, mark: string): boolean {
  return text
    .split(mark)
    .slice(1)
    .some((rest) => !/^[0-9a-z]/i.test(rest));
}

function kill(processes: readonly Process[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

function inOurMounts(pid: string): boolean {
  return readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync("/proc/self/ns/mnt");
}

/** The line about "/". Other mounts tell nothing: whoever makes a mount namespace of their own has copies of all of ours. */
function rootMount(mountinfo: string): string {
  return mountinfo.split("\n").findLast((line) => line.split(" ")[4] === "/") ?? "";
}

/** The mounts below the folder, the latest first. */
function unmount(path: string): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mount) => mount.startsWith(`${path}/`))
    .reverse();
  for (const mount of mounts) spawnSync("umount", ["--lazy", mount]);
  return mounts.map((mount) => `mount ${mount}`);
}

/** Where cgroup hierarchies are mounted. */
export function hierarchies(): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , type]) => type === "cgroup" || type === "cgroup2")
    .map(([, mount = ""]) => mount);
}

/** The folders of a cgroup, and of the cgroups above it, in all hierarchies, that are not there yet. */
function newCgroups(path: string): string[] {
  const names = path.split("/").filter(Boolean);
  const chain = names.map((_, last) => names.slice(0, last + 1).join("/"));
  return hierarchies()
    .flatMap((mount) => chain.map((cgroup) => join(mount, cgroup)))
    .filter((folder) => !existsSync(folder));
}

function innermostFirst(a: string, b: string): number {
  return b.length - a.length;
}

/** The cgroups that bear one of these ids are a runtime's to remove; what is there is named. */
async function removeCgroups(ids: readonly string[]): Promise<string[]> {
  // Others come and go, and to read the folder of one that has just gone is an error.
  const all = await waitFor("a look at all cgroups", () =>
    hierarchies().flatMap((mount) => readdirSync(mount, { recursive: true, withFileTypes: true })),
  );
  const left = all
    .filter((entry) => entry.isDirectory() && ids.some((id) => bears(entry.name, id)))
    .map((entry) => join(entry.parentPath, entry.name));
  for (const folder of left) removeIfUnused(folder);
  return left.map((folder) => `cgroup ${folder}`);
}

/** Somebody else may use it as well by now. */
function removeIfUnused(path: string): void {
  try {
    if (statSync(path).isDirectory()) rmdirSync(path);
    else unlinkSync(path);
  } catch {
    // It is not empty, or has gone.
  }
}
