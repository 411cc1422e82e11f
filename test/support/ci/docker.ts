/** A Docker that has images under the names that the recipes use, made of this machine's programs. */
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import type { TestContext } from "vitest";
import { type Docker, needDocker, startDocker } from "../containers/docker.ts";
import { needPrograms, needTracing } from "../needs.ts";
import { assemble } from "../own.ts";
import { temporaryFolder } from "../servers/server.ts";
import { debianImage, redisImage } from "./images.ts";

export type CiDockerPrograms = ReturnType<typeof needCiDocker>;

export function needCiDocker(context: TestContext) {
  needTracing(context);
  return { docker: needDocker(context), programs: needPrograms(context, "redis-server", "redis-cli") };
}

export function startCiDocker({ docker: needed, programs }: CiDockerPrograms) {
  return assemble(async (own): Promise<{ docker: Docker }> => {
    const { path } = own(await temporaryFolder("ci-images"));
    const docker = own(await startDocker(needed));
    const images = [await redisImage(path, { ...needed, programs }), await debianImage(path)];
    for (const archive of images) await docker.docker("load", "--input", archive);
    // A runner's user may speak with Docker.
    const socket = docker.host.slice("unix://".length);
    chmodSync(dirname(socket), 0o711);
    chmodSync(socket, 0o666);
    return { docker };
  });
}
