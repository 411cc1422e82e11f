/** Docker Compose, as a plugin of Docker or as a program of its own, with a project made of a recipe. */
import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { stringify } from "yaml";
import { needPrograms } from "../needs.ts";
import { debianVolumes } from "./images.ts";
import { writeTimeskew } from "./program.ts";

export interface Compose extends AsyncDisposable {
  /** Runs a command of it. */
  run(...args: string[]): Promise<{ code: number; output: string }>;
  /** The id of a service's container. */
  container(service: string): Promise<string>;
}

/** The command that is Compose, or the test is skipped. */
export function needCompose(context: TestContext): string[] {
  const plugin = spawnSync("docker", ["compose", "version"]).status === 0;
  return plugin ? ["docker", "compose"] : needPrograms(context, "docker-compose");
}

/**
 * @param folder empty; becomes the project
 * @param override what is not as in the recipe
 */
export async function composeProject(
  command: readonly string[],
  { folder, recipe, host, override }: { folder: string; recipe: string; host: string; override: object },
): Promise<Compose> {
  copyFileSync(recipe, join(folder, "compose.yaml"));
  writeFileSync(join(folder, "compose.override.yaml"), stringify(override));
  writeTimeskew(join(folder, "timeskew-linux-x64"));
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: folder };
  const run: Compose["run"] = async (...args) => {
    const [program = "", ...first] = command;
    try {
      const { stdout, stderr } = await promisify(execFile)(program, [...first, ...args], {
        cwd: folder,
        env,
      });
      return { code: 0, output: stdout + stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      if (typeof code !== "number") throw error;
      return { code, output: stdout + stderr };
    }
  };
  return {
    run,
    container: async (service) => (await run("ps", "--quiet", service)).output.trim(),
    [Symbol.asyncDispose]: async () => {
      const { code, output } = await run("down", "--timeout", "10");
      if (code !== 0) throw new Error(`compose down has ended with ${code}:\n${output}`);
    },
  };
}

/** What a machine without bridges, whose containers use its own programs, has to change in the recipe. */
export const OVERRIDE = {
  services: {
    redis: { network_mode: "none" },
    timeskew: { volumes: debianVolumes() },
  },
};
