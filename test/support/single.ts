/** The single binary, as the tests of it have it: built once for each file of tests. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, type TestContext } from "vitest";
import type { InjectResult, NowResult, RecoverResult } from "../../src/types.ts";
import { nodeBuild } from "../setup/node-builds.mjs";
import { Unavailable } from "../setup/registry.mjs";
import { type Json, report } from "./cli.ts";
import { needPrograms } from "./needs.ts";
import { type Ended, ended } from "./programs.ts";
import { shared } from "./shared.ts";

const BUILD = fileURLToPath(new URL("../../native/single/build.mjs", import.meta.url));

async function buildSingle(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "timeskew-single-"));
  const path = join(folder, "timeskew-linux");
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    await promisify(execFile)(process.execPath, [BUILD, "--out", path]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: dispose };
}

/** For a file of tests: what gives each of them the binary's path, or skips it where Node cannot be fetched. */
export function single(): (context: TestContext) => Promise<string> {
  const built = shared((context) => {
    needPrograms(context, "gcc", "strip", "ld", "dpkg-deb", "/usr/lib/apt/apt-helper");
  }, buildSingle);
  return async (context) => {
    try {
      await nodeBuild("24");
    } catch (error) {
      if (error instanceof Unavailable) context.skip(error.message);
      throw error;
    }
    return (await built(context)).path;
  };
}

/** The binary as a command: `by` stands in front of it, `path` is where it is there. */
export class Single {
  readonly path: string;
  readonly by: readonly string[];

  constructor(path: string, by: readonly string[] = []) {
    this.path = path;
    this.by = by;
  }

  command(...args: (string | number)[]): string[] {
    return [...this.by, this.path, ...args.map(String)];
  }

  run(...args: (string | number)[]): Promise<Ended> {
    return ended(this.command(...args));
  }

  async #target<T>(command: string, ...args: (string | number)[]): Promise<Json<T>> {
    const run = await this.run(command, "--json", ...args);
    expect(run.code, run.stdout + run.stderr).toBe(0);
    const { targets = [] } = report(run);
    expect(targets).toHaveLength(1);
    return targets[0] as Json<T>;
  }

  inject(pid: number, ...flags: string[]): Promise<Json<InjectResult>> {
    return this.#target("inject", "--pid", pid, "--stop-timeout", "20s", ...flags);
  }

  now(pid: number): Promise<Json<NowResult>> {
    return this.#target("now", "--pid", pid, "--stop-timeout", "20s");
  }

  recover(pid: number, ...flags: string[]): Promise<Json<RecoverResult>> {
    return this.#target("recover", "--pid", pid, "--stop-timeout", "20s", ...flags);
  }
}
