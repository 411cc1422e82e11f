/** A machine with a systemd of its own: a container of Docker's, with this machine's programs, and a service in it. */
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { TestContext } from "vitest";
import type { Docker } from "../containers/docker.ts";
import { type Residents, residents } from "../containers/residents.ts";
import { RESIDENT } from "../containers/rootfs.ts";
import { unique } from "../containers/scene.ts";
import { needPrograms } from "../needs.ts";
import { assemble } from "../own.ts";
import { temporaryFolder } from "../servers/server.ts";
import { waitFor } from "../wait.ts";
import { debianVolumes } from "./images.ts";
import { writeTimeskew } from "./program.ts";

const UNIT = "resident";
const SYSTEMD = "/lib/systemd/systemd";
/** Each of the service's processes, by its socket. */
const NAMES = ["first", "second"];
const RIGHTS = [
  ...["--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE", "--cgroupns=private"],
  ...["--security-opt=seccomp=unconfined", "--security-opt=systempaths=unconfined"],
];

const SERVICE = `
[Unit]
DefaultDependencies=no
[Service]
ExecStart=${RESIDENT} /io ${NAMES.join(" ")}
User=nobody
`;

/** Nothing but what is asked for is started. */
const TARGET = `
[Unit]
DefaultDependencies=no
`;

/** Docker gives cgroups that cannot be written to. */
const START = `for each in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,rw,bind $each 2>/dev/null || true; done
exec ${SYSTEMD} --unit=machine.target --show-status=0`;

export interface SystemdMachine extends AsyncDisposable {
  /** What the processes of its one service, `resident`, say about their clocks. */
  readonly service: Residents;
  /** Runs a command in it that must succeed, and returns its output. */
  run(...command: string[]): Promise<string>;
  /** Writes a file below /etc/systemd/system, or removes it, and has systemd look. */
  write(path: string, text: string | undefined): Promise<void>;
  /** What systemd says of a unit: its ActiveState, … */
  property(unit: string, property: string): Promise<string>;
}

export function needSystemd(context: TestContext): void {
  needPrograms(context, SYSTEMD, "systemctl", "systemd-analyze");
}

/** @param recipes unit files for /etc/systemd/system, by their paths */
export function startSystemd(docker: Docker, recipes: readonly string[]): Promise<SystemdMachine> {
  return assemble(async (own) => {
    const { path: folder } = own(await temporaryFolder("systemd"));
    const [units, io, programs] = ["units", "io", "programs"].map((name) => join(folder, name)) as Three;
    for (const each of [units, io, programs]) mkdirSync(each);
    chmodSync(io, 0o777);
    writeFileSync(join(units, `${UNIT}.service`), SERVICE);
    writeFileSync(join(units, "machine.target"), TARGET);
    for (const recipe of recipes) copyFileSync(recipe, join(units, basename(recipe)));
    writeTimeskew(join(programs, "timeskew"));

    const ours = [`${programs}:/usr/local/sbin:ro`, `${units}:/etc/systemd/system`, `${io}:/io`];
    const volumes = [...debianVolumes(), ...ours].map((each) => `--volume=${each}`);
    const flags = [...RIGHTS, ...volumes, "--tmpfs=/run", "--env=container=docker"];
    const name = unique("systemd");
    own({ [Symbol.asyncDispose]: async () => void (await docker.docker("rm", "--force", name)) });
    await docker.start(name, "debian:12-slim", flags, ["sh", "-c", START]);
    const run = async (...command: string[]) => (await docker.docker("exec", name, ...command)).trim();
    await waitFor("systemd", () => run("systemctl", "is-active", "machine.target"));

    const service = residents(io, NAMES);
    await run("systemctl", "start", UNIT);
    await service.ready();
    return {
      service,
      run,
      property: (unit, property) => run("systemctl", "show", `--property=${property}`, "--value", unit),
      write: async (path, text) => {
        mkdirSync(dirname(join(units, path)), { recursive: true });
        if (text === undefined) rmSync(join(units, path));
        else writeFileSync(join(units, path), text);
        await run("systemctl", "daemon-reload");
      },
    };
  });
}

type Three = [string, string, string];
