/** Node with npm as they are installed from an official archive, and what npm needs where there is no way to a registry. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import type { NodeMajor } from "../setup/node-builds.mjs";
import { CACHE, fetched, Unavailable } from "../setup/registry.mjs";
import { needFetched, needNode } from "./needs.ts";
import { type Ended, ended } from "./programs.ts";
import { bareDebian, needBareDebian, type Root } from "./roots.ts";
import { PATIENCE_MS } from "./wait.ts";

/** As they come with Node 18 and 20, 22, and 24; 12 runs no install scripts of dependencies. */
const NPM = {
  "10": {
    version: "10.8.2",
    integrity:
      "sha512-x/AIjFIKRllrhcb48dqUNAAZl0ig9+qMuN91RpZo3Cb2+zuibfh+KISl6+kVVyktDz230JKc208UkQwwMqyB+w==",
  },
  "11": {
    version: "11.19.1",
    integrity:
      "sha512-ztsxKxt/kkIaAs+2i0GU6I+DRmUdrNasxTZKJe9TCdSjKxlhah/4r/hl5ygMD6XAg1qZ9c2TNomR4qgOydp10g==",
  },
  "12": {
    version: "12.2.0",
    integrity:
      "sha512-ZsJjKpTnlmSXOLLXiU1xDCzC4Wlok4IwZmh/aw2KUuXytU7q6qMv/cUT7MoeSf95Slwuw/lRXYefGzGCspHPNQ==",
  },
} as const;

export type NpmMajor = keyof typeof NPM;

export interface Runtime {
  readonly node: NodeMajor;
  readonly npm: NpmMajor;
  /** Debian's, beside the essential ones. */
  readonly packages?: readonly string[];
}

/** Who runs a command in a root; default: root. */
export interface As {
  readonly uid?: number;
  readonly home?: string;
}

export interface NodeRoot extends AsyncDisposable {
  readonly root: Root;
  /** A command as it runs in the root: with the PATH of a fresh system, and no other variable of ours. */
  command(words: readonly string[], as?: As): string[];
  run(words: readonly string[], as?: As): Promise<Ended>;
}

/** npm's settings in a root, where /npm-cache is what `npmCache` made. */
const OFFLINE = {
  offline: "true",
  cache: "/npm-cache",
  audit: "false",
  fund: "false",
  update_notifier: "false",
};
/** npm looks at thousands of files. */
const NPM_MS = 2 * PATIENCE_MS;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The folder of an npm. */
async function npmBuild(major: NpmMajor): Promise<string> {
  return join(await fetched({ name: "npm", ...NPM[major] }), "package");
}

/**
 * A folder for npm's `--cache`, with all that it asks for when it installs the package: it was installed with it once. It is kept
 * and serves the next run, without the registry if that cannot be reached.
 */
async function npmCache(node: string, npm: string, tarball: string): Promise<string> {
  const cache = join(CACHE, "npm-cache");
  const folder = await mkdtemp(join(tmpdir(), "timeskew-cache-"));
  const flags = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", `--cache=${cache}`];
  const cli = join(npm, "bin", "npm-cli.js");
  try {
    await promisify(execFile)(node, [cli, "install", "--prefix", folder, ...flags, tarball], { cwd: folder });
  } catch (error) {
    throw new Unavailable(`what the package depends on cannot be fetched: ${(error as Error).message}`);
  } finally {
    await rm(folder, { recursive: true });
  }
  return cache;
}

/**
 * A bare Debian that has this Node, its npm, and the tarball as /timeskew.tgz; nothing is installed yet. The test is skipped
 * where something cannot be fetched.
 */
export async function needNodeRoot(
  context: TestContext,
  { node, npm, packages = [] }: Runtime,
  tarball: string,
): Promise<NodeRoot> {
  await needBareDebian(context, packages);
  const files = await needFiles(context, await needNode(context, node), npm, tarball);
  return await equipped(await bareDebian(packages, { files }));
}

/**
 * What a root with Node gets.
 *
 * @param node the binary that will be there
 * @param host one that runs here; default: the same
 */
export async function needFiles(
  context: TestContext,
  node: string,
  npm: NpmMajor,
  tarball: string,
  host = node,
): Promise<Record<string, string>> {
  const folder = await needFetched(context, npmBuild(npm));
  return {
    "/usr/local/bin/node": node,
    "/usr/local/lib/node_modules/npm": folder,
    "/npm-cache": await needFetched(context, npmCache(host, folder, tarball)),
    "/timeskew.tgz": tarball,
  };
}

/** A root that has these files, and /usr/bin/env. */
export async function equipped(root: Root): Promise<NodeRoot> {
  for (const name of ["npm", "npx"]) {
    await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, root.outside(`/usr/local/bin/${name}`));
  }
  const settings = Object.entries(OFFLINE).map(([key, value]) => `npm_config_${key}=${value}`);
  const command = (words: readonly string[], { uid, home = "/root" }: As = {}) => [
    ...root.inside(uid === undefined ? {} : { uid }),
    ...["/usr/bin/env", "-i", `HOME=${home}`, `PATH=${PATH}`, "NO_COLOR=1", ...settings, ...words],
  ];
  const run = (words: readonly string[], as?: As) => ended(command(words, as), { patienceMs: NPM_MS });
  return { root, command, run, [Symbol.asyncDispose]: () => root[Symbol.asyncDispose]() };
}
