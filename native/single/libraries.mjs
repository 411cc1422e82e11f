/**
 * The C++ library that Node is linked with, as Debian 11 has it: it asks for glibc 2.18, where Node itself asks for 2.28, so
 * it runs wherever Node does. The packages are fetched once, by apt's own means, and kept with the builds of Node. Where they
 * cannot be had, the compiler's own take their place: the binary runs then, too, but where glibc is as new as they ask for.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { CACHE } from "../../test/setup/registry.mjs";

const run = promisify(execFile);

const VERSION = "10.2.1-6";
const APT_HELPER = "/usr/lib/apt/apt-helper";

/** By their names: the packages that they are in, and where in these. */
const LIBRARIES = {
  "libstdc++.so.6": { package: "libstdc++6", folder: "usr/lib" },
  "libgcc_s.so.1": { package: "libgcc-s1", folder: "lib" },
};

const DEBIAN = {
  x64: {
    name: "amd64",
    triple: "x86_64-linux-gnu",
    "libstdc++6": "5c155c58935870bf3b4bfe769116841c0d286a74f59eccfd5645693ac23f06b1",
    "libgcc-s1": "e478f2709d8474165bb664de42e16950c391f30eaa55bc9b3573281d83a29daf",
  },
  arm64: {
    name: "arm64",
    triple: "aarch64-linux-gnu",
    "libstdc++6": "7869aa540cc46e9f3d4267d5bde2af0e5b429a820c1d6f1a4cfccfe788c31890",
    "libgcc-s1": "e2fcdb378d3c1ad1bcb64d4fb6b37aab44011152beca12a4944f435a2582df1f",
  },
};

/**
 * @typedef {object} Library
 * @property {string} file
 * @property {string} name of its package
 * @property {string} version of that; where it is not Debian's: what it asks for, "glibc-2.36"
 * @property {string} [glibc] "2.36": if that is more than Node asks for
 */

/**
 * @param {"libstdc++.so.6" | "libgcc_s.so.1"} library
 * @param {"x64" | "arm64"} arch
 * @param {string} compiler gcc for that machine
 * @returns {Promise<Library>}
 */
export async function cppLibrary(library, arch, compiler) {
  const { package: name } = LIBRARIES[library];
  try {
    return { file: await debianLibrary(library, arch), name, version: VERSION };
  } catch (error) {
    console.warn(error.message);
    const file = await ownLibrary(library, compiler);
    const glibc = askedGlibc(readFileSync(file));
    return { file, name, version: `glibc-${glibc}`, glibc };
  }
}

/** @throws Error if the compiler has none */
async function ownLibrary(library, compiler) {
  const { stdout } = await run(compiler, [`-print-file-name=${library}`]);
  const file = stdout.trim();
  if (!isAbsolute(file)) throw new Error(`${compiler} has no ${library}`);
  return realpathSync(file);
}

/**
 * The newest version of glibc whose symbols a library names.
 *
 * @param {Buffer} bytes
 */
export function askedGlibc(bytes) {
  const minors = [...bytes.toString("latin1").matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  return `2.${Math.max(0, ...minors)}`;
}

/** @throws Error where it cannot be fetched */
async function debianLibrary(library, arch) {
  const { package: name, folder } = LIBRARIES[library];
  const { name: debian, triple, [name]: checksum } = DEBIAN[arch];
  const kept = join(CACHE, `${name}-${VERSION}-${debian}`);
  const file = join(kept, library);
  if (existsSync(file)) return file;
  await mkdir(kept, { recursive: true });
  const work = await mkdtemp(join(kept, ".tmp-"));
  try {
    const archive = join(work, "package.deb");
    const url = `${await mirror()}pool/main/g/gcc-10/${name}_${VERSION}_${debian}.deb`;
    await run(APT_HELPER, ["download-file", url, archive, `SHA256:${checksum}`]);
    await run("dpkg-deb", ["-x", archive, join(work, "root")]);
    await copyFile(join(work, "root", folder, triple, library), join(work, library)); // of a link, what it leads to
    await rename(join(work, library), file);
  } catch (error) {
    throw new Error(
      `${name} ${VERSION} of Debian cannot be had: ${String(error.stderr || error.message).trim()}`,
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return file;
}

/** Where this machine has its own packages from. */
async function mirror() {
  const { stdout } = await run("apt-get", ["indextargets", "--format", "$(REPO_URI) $(LABEL)"]);
  const row = stdout.split("\n").find((each) => each.endsWith("/debian/ Debian"));
  if (row === undefined) throw new Error("apt knows no source of Debian's packages here");
  return row.slice(0, row.indexOf(" "));
}
