/** What programs need in a guest: BusyBox, Node with the package's dependencies, and the C libraries that the victims are linked with. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cp, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { type Arch, NAMES } from "../arch.ts";
import { ROOT } from "../place.ts";
import { Apt } from "./apt.ts";
import { CACHE, cached } from "./cache.ts";
import { run } from "./command.ts";

/** The oldest that the tool runs on (package.json, "engines"). */
const NODE = "20";
const MANIFEST = join(ROOT, "package.json");

export interface Runtime {
  busybox: string;
  node: string;
  /** A node_modules with the dependencies of the package. */
  modules: string;
}

/** @param say gets a line for each thing that is fetched */
export async function runtime(arch: Arch, say: (line: string) => void): Promise<Runtime> {
  const [busybox, npm] = [await fetchBusybox(arch, say), await fetchPackages(arch, say)];
  return {
    busybox: join(busybox, "busybox"),
    node: join(npm, `node-linux-${NAMES[arch].node}`, "bin/node"),
    modules: join(npm, "node_modules"),
  };
}

function fetchBusybox(arch: Arch, say: (line: string) => void): Promise<string> {
  return cached(`busybox-${arch}`, async (place) => {
    const apt = await Apt.open(arch, say);
    const [newest] = await apt.find("busybox-static", /^busybox-static$/);
    if (!newest) throw new Error(`no busybox-static for ${arch}`);
    say(`${arch}: fetching ${newest.name} ${newest.version}`);
    const unpacked = await mkdtemp(join(CACHE, ".busybox-"));
    try {
      await apt.unpack(newest, unpacked);
      // /bin has become a link to /usr/bin.
      const places = ["bin/busybox", "usr/bin/busybox"].map((path) => join(unpacked, path));
      await cp(places[0]!, join(place, "busybox")).catch(() => cp(places[1]!, join(place, "busybox")));
    } finally {
      await rm(unpacked, { recursive: true });
    }
  });
}

/** Node, and what the built package needs beside itself: its dependencies, as package.json names them. */
function fetchPackages(arch: Arch, say: (line: string) => void): Promise<string> {
  const { dependencies } = JSON.parse(readFileSync(MANIFEST, "utf8")) as {
    dependencies: Record<string, string>;
  };
  const { node: cpu } = NAMES[arch];
  const node = `node-linux-${cpu}`;
  const wanted = JSON.stringify({ dependencies: { ...dependencies, [node]: NODE } });
  const hash = createHash("sha256").update(wanted).digest("hex").slice(0, 16);
  return cached(`npm-${arch}-${hash}`, async (place) => {
    say(`${arch}: fetching ${node} ${NODE} and ${Object.keys(dependencies).join(", ")}`);
    await writeFile(join(place, "package.json"), wanted);
    // Forced, because the packages say that they are for other machines than this one, which is so.
    const flags = ["--force", "--ignore-scripts", `--cpu=${cpu}`, "--os=linux", "--libc=glibc"];
    await run(["npm", "install", "--loglevel=error", ...flags], { cwd: place });
    await rename(join(place, "node_modules", node), join(place, node));
  });
}

/** A library, and where a program looks for it. */
export interface Library {
  from: string;
  to: string;
}

const LIBRARIES = ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1"];

/**
 * The libraries of the compilers that build the victims, so that each finds the very one it was linked with.
 *
 * @throws Error that names what is missing
 */
export async function libraries(arch: Arch): Promise<Library[]> {
  const { compiler, triplet } = NAMES[arch];
  const own = [...LIBRARIES, "libstdc++.so.6"];
  if (arch === "arm64") {
    const loader = { name: "ld-linux-aarch64.so.1", to: "lib" };
    return await collect([compiler], own, `lib/${triplet}`, loader);
  }
  const loader = { name: "ld-linux-x86-64.so.2", to: "lib64" };
  return [
    ...(await collect([compiler], own, `lib/${triplet}`, loader)),
    ...(await collect([compiler, "-m32"], LIBRARIES, "lib32", { name: "ld-linux.so.2", to: "lib" })),
  ];
}

async function collect(
  compiler: readonly string[],
  names: readonly string[],
  to: string,
  loader: { name: string; to: string },
): Promise<Library[]> {
  const places = await Promise.all([loader.name, ...names].map((name) => find(compiler, name)));
  return places.map((from, i) => ({
    from,
    to: i === 0 ? `${loader.to}/${loader.name}` : `${to}/${names[i - 1]}`,
  }));
}

async function find(compiler: readonly string[], name: string): Promise<string> {
  const path = (await run([...compiler, `-print-file-name=${name}`])).trim();
  if (!isAbsolute(path)) throw new Error(`${compiler.join(" ")} has no ${basename(name)}`);
  return path;
}
