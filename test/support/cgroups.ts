/** Cgroups of a test's own, v1 and v2, for victims to be put into. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { needRoot } from "./needs.ts";
import { waitFor } from "./wait.ts";

export type Version = "v1" | "v2";
export type Controller = "freezer" | "cpu" | "memory" | "pids";

export interface Cgroup extends AsyncDisposable {
  readonly path: string;
  /** Moves a process, with all its threads. */
  add(pid: number): void;
  set(file: string, value: string | number | bigint): void;
  get(file: string): string;
}

/** Where a hierarchy is mounted. */
function mountOf(version: Version, controller: Controller): string | undefined {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return mounts
    .map((line) => line.split(" "))
    .find(
      ([, , type, options = ""]) =>
        type === (version === "v2" ? "cgroup2" : "cgroup") &&
        (version === "v2" || options.split(",").includes(controller)),
    )?.[1];
}

/** A new cgroup, removed when its processes have ended; or the test is skipped. */
export function needCgroup(context: TestContext, version: Version, controller: Controller): Cgroup {
  needRoot(context, "to make a cgroup");
  const what = `needs a cgroup ${version} with ${controller}`;
  const mount = mountOf(version, controller) ?? context.skip(`${what}: none is mounted`);
  // Any v2 cgroup but the first can be frozen; the other controllers have to be enabled above it.
  if (version === "v2" && controller !== "freezer") {
    const enabled = readFileSync(join(mount, "cgroup.subtree_control"), "utf8").trim().split(" ");
    if (!enabled.includes(controller)) context.skip(`${what}: not enabled in ${mount}`);
  }
  const folder = join(mount, `timeskew-test-${process.pid}`);
  try {
    mkdirSync(folder);
  } catch (error) {
    context.skip(`${what}: ${error instanceof Error ? error.message : error}`);
  }
  return {
    path: folder,
    add: (pid) => writeFileSync(join(folder, "cgroup.procs"), String(pid)),
    set: (file, value) => writeFileSync(join(folder, file), String(value)),
    get: (file) => readFileSync(join(folder, file), "utf8").trim(),
    [Symbol.asyncDispose]: async () => {
      thaw(folder);
      await waitFor(`the end of ${folder}`, () => {
        rmdirSync(folder);
        return true;
      });
    },
  };
}

/** What is frozen could not end. */
function thaw(folder: string): void {
  for (const [file, value] of Object.entries({ "cgroup.freeze": "0", "freezer.state": "THAWED" })) {
    if (existsSync(join(folder, file))) writeFileSync(join(folder, file), value);
  }
}

export function freeze(cgroup: Cgroup, version: Version): void {
  if (version === "v2") cgroup.set("cgroup.freeze", 1);
  else cgroup.set("freezer.state", "FROZEN");
}

export function isFrozen(cgroup: Cgroup, version: Version): boolean {
  return version === "v2"
    ? /^frozen 1$/m.test(cgroup.get("cgroup.events"))
    : cgroup.get("freezer.state") === "FROZEN";
}

export function unfreeze(cgroup: Cgroup, version: Version): void {
  if (version === "v2") cgroup.set("cgroup.freeze", 0);
  else cgroup.set("freezer.state", "THAWED");
}
