/** What containers of the tests are made of: root file systems without a registry, and images of them. */

import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { build } from "../build.ts";
import { needPrograms } from "../needs.ts";
import * as recipes from "../recipes.ts";

const run = promisify(execFile);

/** The path of a BusyBox that needs no libraries, or the test is skipped. */
export function needBusybox(context: TestContext): string {
  const [busybox = ""] = needPrograms(context, "busybox", "tar", "gcc");
  const dynamic = spawnSync("ldd", [busybox]).status === 0;
  return dynamic
    ? context.skip(`needs a busybox without libraries: apt-get install busybox-static`)
    : busybox;
}

/** A runtime mounts something at each of these. */
const EMPTY = ["dev", "etc", "io", "proc", "sys", "tmp"];

/** Where containers find our victims; `/io` is for their sockets. */
export const RESIDENT = "/resident";
export const NEWCOMER = "/newcomer";

/** The victims, static, and nothing else: no shell, no `date`, no libc. */
export async function distroless(folder: string): Promise<string> {
  for (const name of EMPTY) await mkdir(join(folder, name), { recursive: true });
  await copyFile(await build(recipes.RESIDENT), join(folder, RESIDENT));
  await copyFile(await build(recipes.NEWCOMER), join(folder, NEWCOMER));
  await writeFile(join(folder, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  await writeFile(join(folder, "etc/group"), "root:x:0:\n");
  return folder;
}

/** The same with all that BusyBox has. */
export async function complete(folder: string, busybox: string): Promise<string> {
  await distroless(folder);
  await mkdir(join(folder, "bin"));
  await copyFile(busybox, join(folder, "bin/busybox"));
  const { stdout } = await run(busybox, ["--list"]);
  const applets = stdout.split("\n").filter((name) => name && name !== "busybox");
  await Promise.all(applets.map((name) => symlink("busybox", join(folder, "bin", name))));
  return folder;
}

/**
 * Packs a root file system as an image with one layer, in the format of `docker save`, which Docker, Podman and containerd
 * all load.
 * @returns the archive, next to the root file system
 */
export async function pack(rootfs: string, name: string, command: readonly string[]): Promise<string> {
  const folder = `${rootfs}.image`;
  await mkdir(folder);
  await run("tar", ["-C", rootfs, "--owner=0", "--group=0", "-cf", join(folder, "layer.tar"), "."]);
  const digest = createHash("sha256")
    .update(await readFile(join(folder, "layer.tar")))
    .digest("hex");
  const image = {
    architecture: "amd64",
    os: "linux",
    config: { Cmd: command, Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
  };
  await writeFile(join(folder, "image.json"), JSON.stringify(image));
  const manifest = [{ Config: "image.json", RepoTags: [name], Layers: ["layer.tar"] }];
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  const archive = `${rootfs}.tar`;
  await run("tar", ["-C", folder, "-cf", archive, "manifest.json", "image.json", "layer.tar"]);
  return archive;
}
