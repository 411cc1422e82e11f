/** A Docker daemon of a test's own, with its containerd, on a socket of its own. */
import { execFile } from "node:child_process";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { MILLISECOND } from "../clock.ts";
import { needPrograms } from "../needs.ts";
import { assemble } from "../own.ts";
import { Server } from "../servers/server.ts";
import { needContainers, premises } from "./premises.ts";
import { NAMES, type Residents, residents } from "./residents.ts";
import { complete, distroless, needBusybox, pack, RESIDENT } from "./rootfs.ts";

export interface Container extends Residents {
  /** What it has as /io. */
  readonly folder: string;
  readonly name: string;
  readonly id: string;
}

export interface Docker extends AsyncDisposable {
  /** The daemon, its containerd, and the shims of its containers. */
  pids(): number[];
  /** What DOCKER_HOST is to be for other clients. */
  readonly host: string;
  /** Runs a docker command, and returns what it prints. */
  docker(...args: string[]): Promise<string>;
  /** Starts a container with any program in it, and returns its id. An image of the test's own is named with its tag. */
  start(
    name: string,
    image: Image | `${string}:${string}`,
    flags: readonly string[],
    command: readonly string[],
  ): Promise<string>;
  /** Starts a container with resident.c in it. */
  run(name: string, image?: Image): Promise<Container>;
  /** The daemon's own wall clock in ns, cut to the millisecond. */
  wallClock(): Promise<bigint>;
}

/** One has a shell and tools, the other has nothing but the victims. */
export type Image = "complete" | "distroless";

export interface DockerPrograms {
  dockerd: string;
  docker: string;
  busybox: string;
}

export function needDocker(context: TestContext): DockerPrograms {
  needContainers(context);
  const names = ["dockerd", "docker", "containerd", "runc", "setpriv"];
  const [dockerd = "", docker = ""] = needPrograms(context, ...names);
  return { dockerd, docker, busybox: needBusybox(context) };
}

export function startDocker({ dockerd, docker: client, busybox }: DockerPrograms): Promise<Docker> {
  return assemble(async (own) => {
    const place = own(await premises("docker"));
    place.cgroup("docker");
    const socket = join(place.path, "docker.sock");
    const host = `unix://${socket}`;
    const env = { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: place.path };
    const docker = async (...args: string[]) =>
      (await promisify(execFile)(client, args, { env, timeout: 60_000 })).stdout.trim();
    const command = [dockerd, ...options(place.path), `--host=${host}`];
    const server = own(await Server.start({ command, stopSignal: "SIGTERM" }));
    const images = [
      await complete(await place.folder("complete"), busybox),
      await distroless(await place.folder("distroless")),
    ];
    const archives = await Promise.all(images.map((root) => pack(root, `${basename(root)}:1`, [RESIDENT])));
    await server.ready(() => docker("version"));
    for (const archive of archives) await docker("load", "--input", archive);
    own({ [Symbol.asyncDispose]: () => removeAll(docker) });

    const start: Docker["start"] = async (name, image, flags, command) => {
      const tagged = image.includes(":") ? image : `${image}:1`;
      const all = ["--detach", "--network=none", `--name=${name}`, ...flags, tagged, ...command];
      const id = await docker("run", ...all);
      place.remember(id);
      return id;
    };
    const run = async (name: string, image: Image = "complete") => {
      const folder = await place.folder("io", name);
      const id = await start(name, image, [`--volume=${folder}:/io`], [RESIDENT, "/io", ...NAMES]);
      const inside = residents(folder);
      await inside.ready();
      return { name, id, folder, ...inside };
    };
    const wallClock = async () => {
      const time = await docker("info", "--format={{.SystemTime}}");
      return BigInt(Date.parse(time)) * MILLISECOND;
    };
    return { host, docker, start, run, wallClock, pids: place.runtime };
  });
}

/** Nothing outside its folder, no network, and a storage driver that works on every file system. */
function options(folder: string): string[] {
  return [
    `--data-root=${join(folder, "data")}`,
    `--exec-root=${join(folder, "run")}`,
    `--pidfile=${join(folder, "docker.pid")}`,
    "--storage-driver=vfs",
    "--iptables=false",
    "--bridge=none",
    "--exec-opt=native.cgroupdriver=cgroupfs",
  ];
}

/** Those that were paused, and those that never ran. */
async function removeAll(docker: Docker["docker"]): Promise<void> {
  const ids = (await docker("ps", "--all", "--quiet")).split("\n").filter(Boolean);
  if (ids.length > 0) await docker("rm", "--force", ...ids);
}
