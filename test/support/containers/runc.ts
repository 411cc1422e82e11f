/** Containers by runc alone, each in a cgroup whose path the test chooses: as any runtime would have put it. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { needPrograms } from "../needs.ts";
import { assemble } from "../own.ts";
import { Server } from "../servers/server.ts";
import { needContainers, premises } from "./premises.ts";
import { NAMES, type Residents, residents } from "./residents.ts";
import { distroless, RESIDENT } from "./rootfs.ts";

export interface Runc extends AsyncDisposable {
  /** Starts a container with resident.c in it, in this cgroup of every hierarchy. */
  run(id: string, cgroup: string): Promise<RuncContainer>;
  /** Runs a command of runc. */
  runc(...args: string[]): Promise<string>;
}

export interface RuncContainer extends Residents {
  readonly id: string;
  readonly cgroup: string;
  /** Its first process, as we see it. */
  readonly pid: number;
}

/** The part of an OCI configuration that is not as `runc spec` makes it. */
interface Specification {
  process: { terminal: boolean; args: string[] };
  root: { path: string };
  mounts: object[];
  linux: { cgroupsPath: string };
}

export function needRunc(context: TestContext): string {
  needContainers(context);
  const [runc = ""] = needPrograms(context, "runc", "setpriv", "gcc");
  return runc;
}

export function startRunc(program: string): Promise<Runc> {
  return assemble(async (own) => {
    const place = own(await premises("runc"));
    const flags = ["--root", await place.folder("state")];
    const runc = async (...args: string[]) =>
      (await promisify(execFile)(program, [...flags, ...args])).stdout.trim();
    // They all share it: it is mounted read-only.
    const rootfs = await distroless(await place.folder("rootfs"));
    await runc("spec", "--bundle", place.path);
    const plain = JSON.parse(await readFile(join(place.path, "config.json"), "utf8")) as Specification;

    const run = async (id: string, cgroup: string) => {
      const bundle = await place.folder("bundles", id);
      const folder = await place.folder("io", id);
      const specification = specify(plain, { rootfs, folder, cgroup });
      await writeFile(join(bundle, "config.json"), JSON.stringify(specification));
      place.remember(id);
      place.cgroup(dirname(cgroup));
      const server = own(
        await Server.start({
          // In the foreground runc hands signals on, and removes the container when it has ended.
          command: [program, ...flags, "run", "--bundle", bundle, id],
          stopSignal: "SIGTERM",
        }),
      );
      const inside = residents(folder);
      await server.ready(async () => (await runc("state", id)).includes('"running"') || undefined);
      await inside.ready();
      const { pid } = JSON.parse(await runc("state", id)) as { pid: number };
      return { id, cgroup, pid, ...inside };
    };
    return { run, runc };
  });
}

function specify(
  plain: Specification,
  { rootfs, folder, cgroup }: { rootfs: string; folder: string; cgroup: string },
): Specification {
  const io = { destination: "/io", type: "bind", source: folder, options: ["bind", "rw"] };
  return {
    ...plain,
    process: { ...plain.process, terminal: false, args: [RESIDENT, "/io", ...NAMES] },
    root: { ...plain.root, path: rootfs },
    mounts: [...plain.mounts, io],
    linux: { ...plain.linux, cgroupsPath: cgroup },
  };
}
