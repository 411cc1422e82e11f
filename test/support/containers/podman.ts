/** Podman, as root, with its storage and all it keeps in a folder of the test's own. It has no daemon. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { needPrograms } from "../needs.ts";
import { assemble } from "../own.ts";
import { needContainers, premises } from "./premises.ts";
import { NAMES, type Residents, residents } from "./residents.ts";
import { complete, needBusybox, RESIDENT } from "./rootfs.ts";

/** What a process may ask for without CAP_SYS_RESOURCE, which containers of containers lack. */
const LIMITS = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=4096:4096"];

export interface Podman extends AsyncDisposable {
  /** Each container has a conmon that stays with it. */
  pids(): number[];
  /** Runs a podman command, and returns what it prints. */
  podman(...args: string[]): Promise<string>;
  /** Starts a container with resident.c in it. */
  run(name: string): Promise<PodmanContainer>;
}

export interface PodmanContainer extends Residents {
  readonly name: string;
  readonly id: string;
}

export interface PodmanPrograms {
  podman: string;
  runc: string;
  busybox: string;
}

export function needPodman(context: TestContext): PodmanPrograms {
  needContainers(context);
  const [podman = "", runc = ""] = needPrograms(context, "podman", "runc", "conmon");
  return { podman, runc, busybox: needBusybox(context) };
}

export function startPodman({ podman: program, runc, busybox }: PodmanPrograms): Promise<Podman> {
  return assemble(async (own) => {
    const place = own(await premises("podman"));
    place.cgroup("libpod_parent");
    const configuration = join(place.path, "containers.conf");
    await writeFile(configuration, configure(place.path));
    const env = { ...process.env, CONTAINERS_CONF: configuration };
    const flags = options(place.path, runc);
    const podman = async (...args: string[]) =>
      (await promisify(execFile)(program, [...flags, ...args], { env, timeout: 60_000 })).stdout.trim();
    const rootfs = await complete(await place.folder("complete"), busybox);
    own({ [Symbol.asyncDispose]: async () => void (await podman("rm", "--all", "--force", "--time=0")) });

    const run = async (name: string) => {
      const folder = await place.folder("io", name);
      const all = ["--detach", "--network=none", `--volume=${folder}:/io`, `--name=${name}`, ...LIMITS];
      const id = await podman("run", ...all, "--rootfs", rootfs, RESIDENT, "/io", ...NAMES);
      place.remember(id);
      const inside = residents(folder);
      await inside.ready();
      return { name, id, ...inside };
    };
    return { podman, run, pids: place.runtime };
  });
}

/** Locks in files: those in shared memory are the whole machine's. */
function configure(folder: string): string {
  return `
    [engine]
    lock_type = "file"
    events_logger = "file"
    tmp_dir = "${folder}/tmp"
    static_dir = "${folder}/libpod"
    volume_path = "${folder}/volumes"
    [network]
    network_config_dir = "${folder}/networks"`;
}

function options(folder: string, runc: string): string[] {
  return [
    `--root=${join(folder, "root")}`,
    `--runroot=${join(folder, "run")}`,
    `--tmpdir=${join(folder, "tmp")}`,
    `--runtime=${runc}`,
    "--storage-driver=vfs",
    "--cgroup-manager=cgroupfs",
  ];
}
