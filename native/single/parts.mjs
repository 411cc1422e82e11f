/** What a single binary has in it, for its bill of materials: told in a file beside it, since nobody could see it from outside. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** @param {string} file */
function sha256(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/**
 * @param {object} o
 * @param {"x64" | "arm64"} o.arch
 * @param {string} o.binary of Node, as it was before it was stripped
 * @param {Record<string, string>} o.versions `process.versions` of that Node: itself, OpenSSL, V8, …
 * @param {{ file: string, version: string }} o.koffi
 * @param {import("./libraries.mjs").Library[]} o.libraries
 * @returns {{ name: string, version: string, license?: string, purl?: string, sha256?: string }[]}
 */
export function partsOf({ arch, binary, versions, koffi, libraries }) {
  const { node, modules: _, napi: __, ...inside } = versions;
  const machine = { x64: "amd64", arm64: "arm64" }[arch];
  return [
    {
      name: "node",
      version: node,
      license: "MIT",
      purl: `pkg:npm/node-linux-${arch}@${node}`,
      sha256: sha256(binary),
    },
    // Without a version: not in this build.
    ...Object.entries(inside).flatMap(([name, version]) =>
      version ? { name: `node/${name}`, version } : [],
    ),
    {
      name: `@koromix/koffi-linux-${arch}`,
      version: koffi.version,
      license: "MIT",
      purl: `pkg:npm/%40koromix/koffi-linux-${arch}@${koffi.version}`,
      sha256: sha256(koffi.file),
    },
    ...libraries.map(({ file, name, version, glibc }) => ({
      name,
      version,
      license: "GPL-3.0-or-later WITH GCC-exception-3.1",
      ...(!glibc && { purl: `pkg:deb/debian/${encodeURIComponent(name)}@${version}?arch=${machine}` }),
      sha256: sha256(file),
    })),
  ];
}
