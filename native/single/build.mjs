/**
 * Builds the single binary: release/timeskew-linux-x64, with Node, our program, and all that it takes in one file.
 *
 *     node native/single/build.mjs [--arch x64 | arm64] [--node PATH] [--out FILE]
 *
 * `--node`: another build of Node 24 for glibc than the official one that test/setup/node-builds.json names. Everything is
 * made in a folder of its own, from what the registry and Debian have (checked by their checksums), and from native/build,
 * which is built first where it is missing.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeBuild } from "../../test/setup/node-builds.mjs";
import { fetched } from "../../test/setup/registry.mjs";
import { licencesOfSingle } from "../package/licences.mjs";
import { bundleSingle } from "./bundle.mjs";
import { cppLibrary } from "./libraries.mjs";
import { firstFreeAddress, link } from "./link.mjs";
import { partsOf } from "./parts.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const NODE = "24";

/** By Node's names. `run`: what runs a program of that machine on another one. */
const MACHINES = {
  x64: { machine: "x86_64", payloads: ["x86_64", "i386"], triple: "x86_64-linux-gnu", run: [] },
  arm64: {
    machine: "aarch64",
    payloads: ["aarch64"],
    triple: "aarch64-linux-gnu",
    run: ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"],
  },
};

/**
 * Otherwise the code cache is another one each time. V8 takes one only if it was made with the same flags, but does not count
 * this one (as it does --hash-seed).
 */
const SEEDED = ["--random-seed=1"];

const { arch, node, out } = parseArgs({
  options: {
    arch: { type: "string", default: process.arch },
    node: { type: "string" },
    out: { type: "string" },
  },
}).values;
const target = MACHINES[arch];
if (target === undefined) {
  console.error(`timeskew runs on Linux on ${Object.keys(MACHINES).join(" and ")}, not on ${arch}.`);
  process.exit(1);
}
const isCross = arch !== process.arch;

function run(program, args, options = {}) {
  return execFileSync(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
}

const tool = (name) => (isCross ? `${target.triple}-${name}` : name);

/** A file of native/build. */
function built(name) {
  const file = join(ROOT, "native/build", name);
  if (!existsSync(file)) run(process.execPath, [join(ROOT, "native/build.mjs"), "--arch", arch]);
  return file;
}

/** koffi's own build, which its package has one of for each machine; npm installs that of this one. */
async function koffi() {
  const name = `@koromix/koffi-linux-${arch}`;
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const { version, integrity } = packages[`node_modules/${name}`];
  const inside = `linux_${arch}/koffi.node`;
  const folder = join(await fetched({ name, version, integrity }), "package");
  return { version, file: join(folder, inside) };
}

/** What embedded.S takes in, by the names that it has there. */
async function gather(work) {
  const { file, version } = await koffi();
  const libgcc = await cppLibrary("libgcc_s.so.1", arch, tool("gcc"));
  const libstdcpp = await cppLibrary("libstdc++.so.6", arch, tool("gcc"));
  const files = {
    "libgcc_s.so.1": libgcc.file,
    "libstdc++.so.6": libstdcpp.file,
    "koffi.node": file,
    "timeskew.so": built(`timeskew-${target.machine}.so`),
  };
  for (const [name, file] of Object.entries(files)) copyFileSync(file, join(work, name));
  return { koffi: { file, version }, libraries: [libgcc, libstdcpp] };
}

/** What the binary is made of, in a file beside it, for release:check. */
function tellParts(file, { koffi, libraries, binary, inputs }) {
  const versions = JSON.parse(runNode(binary, ["-p", "JSON.stringify(process.versions)"]));
  const parts = partsOf({ arch, binary, versions, koffi, libraries });
  writeFileSync(`${file}.parts.json`, `${JSON.stringify({ parts, inputs }, null, 2)}\n`);
}

const GCC_RUNTIME = `GPL-3.0-or-later WITH GCC-exception-3.1: the GNU General Public License, version 3 or later, with the GCC Runtime
Library Exception, version 3.1, which permits to pass on what is linked with it under other terms. Its source is that
of Debian's package gcc-10, or of the compiler that the binary was built with.`;

/** Whose words go with the binary, in a file beside it. */
function tellLicences(file, { koffi, libraries, binary, inputs }) {
  const nodes = join(dirname(binary), "../LICENSE"); // where Node's own archives have it
  const ofNode = existsSync(nodes)
    ? readFileSync(nodes, "utf8")
    : "MIT, and those of what is in it: see Node's LICENSE";
  const ofKoffi = readFileSync(join(ROOT, "node_modules/koffi/LICENSE.txt"), "utf8");
  const parts = [
    { name: "Node", version: NODE, text: ofNode },
    { name: "koffi", version: koffi.version, text: ofKoffi },
    ...libraries.map(({ name, version }) => ({ name, version, text: GCC_RUNTIME })),
  ];
  writeFileSync(`${file}.LICENSES`, licencesOfSingle(inputs, ROOT, parts));
}

/** Our program, as Node has it embedded, by Node itself: with a code cache, which is made for one build of it. */
async function makeBlob(work, binary) {
  const inputs = await bundleSingle(join(work, "timeskew.cjs"));
  const names = target.payloads.map((each) => `payload-${each}.bin`);
  for (const name of names) copyFileSync(built(name), join(work, name));
  const config = {
    main: "timeskew.cjs",
    output: "sea.blob",
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgvExtension: "none",
    assets: Object.fromEntries(names.map((name) => [name, name])),
  };
  writeFileSync(join(work, "sea.json"), JSON.stringify(config));
  // From within: the names of files are kept in the blob.
  runNode(binary, [...SEEDED, "--experimental-sea-config", "sea.json"], work);
  return inputs;
}

function runNode(binary, args, cwd) {
  const [program, ...rest] = [...(isCross ? target.run : []), binary, ...args];
  return run(program, rest, { cwd, env: { PATH: process.env.PATH } });
}

function compile(work, base) {
  const flags = [
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-O2",
    "-ffreestanding",
    "-fno-stack-protector",
  ];
  flags.push(
    "-fno-asynchronous-unwind-tables",
    "-fno-tree-loop-distribute-patterns",
    "-fno-pic",
    "-fno-strict-aliasing",
  );
  if (arch === "arm64") flags.push("-mno-outline-atomics");
  const objects = ["start.c", "embedded.S"].map((source) => {
    const object = join(work, `${source}.o`);
    run(tool("gcc"), [...flags, `-Wa,-I${work}`, "-c", join(HERE, source), "-o", object]);
    return object;
  });
  const linked = join(work, "start");
  const script = ["-T", join(HERE, "start.ld"), `--defsym=BASE=${base}`, "-z", "max-page-size=0x10000"];
  run(tool("ld"), ["-static", "--build-id=none", "-z", "noexecstack", ...script, "-o", linked, ...objects]);
  return readFileSync(linked);
}

const work = mkdtempSync(join(tmpdir(), "timeskew-single-"));
try {
  const binary = node ?? (await nodeBuild(NODE, arch));
  const stripped = join(work, "node");
  run(tool("strip"), ["-o", stripped, binary]);
  const bytes = readFileSync(stripped);
  const gathered = await gather(work);
  const inputs = await makeBlob(work, binary);
  const single = link(bytes, compile(work, firstFreeAddress(bytes)));
  const file = resolve(out ?? join(ROOT, "release", `timeskew-linux-${arch}`));
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true }); // one that runs meanwhile goes on
  writeFileSync(file, single);
  tellParts(file, { ...gathered, binary, inputs });
  tellLicences(file, { ...gathered, binary, inputs });
  chmodSync(file, 0o755); // whatever the umask is
  console.log(`built ${relative(ROOT, file)}, ${single.length} bytes`);
  for (const { name, glibc } of gathered.libraries) {
    if (glibc !== undefined)
      console.warn(`with this compiler's own ${name} it needs glibc ${glibc} or newer`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
