/** What is in the package that `npm pack` makes, and what is not. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { needPrograms } from "../support/needs.ts";
import { needPacking, pack, ROOT } from "../support/packed.ts";
import { temporary } from "../support/programs.ts";
import { shared } from "../support/shared.ts";

const packed = shared(needPacking, pack);

/** All kinds of files that belong there. */
const WANTED = [
  /^(package\.json|README\.md|LICENSE)$/,
  /^bin\/timeskew\.js$/,
  /^dist\/([\w-]+\.js|index\.d\.ts|THIRD-PARTY-LICENSES)$/,
  /^dist\/(man|completion)\//,
  /^schema\/[\w-]+\.(json|md)$/,
  /^native\/(README\.md|build\.mjs|\w+\.[ch])$/,
  /^native\/(arch|payload)\/[\w/]+\.([chS]|ld)$/,
  /^native\/build\/[\w-]+\.(bin|so)$/,
];
const HELPERS = { "timeskew-aarch64.so": "AArch64", "timeskew-x86_64.so": "X86-64" } as const;
const PAYLOADS = ["payload-aarch64.bin", "payload-i386.bin", "payload-x86_64.bin"];

/** Its files, unpacked. */
async function unpacked(context: TestContext): Promise<{ path: string } & AsyncDisposable> {
  const { file } = await packed(context);
  const folder = await temporary();
  execFileSync("tar", ["-xzf", file, "-C", folder.path]);
  return { ...folder, path: join(folder.path, "package") };
}

function manifest(folder: string) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

test("there is what is run and what that is made of, and nothing else", async (context) => {
  const { files, bytes, unpackedBytes } = await packed(context);
  const paths = files.map(({ path }) => path);
  expect(paths.filter((path) => !WANTED.some((kind) => kind.test(path)))).toEqual([]);
  expect(paths).toContain("dist/THIRD-PARTY-LICENSES");
  const built = paths.filter((path) => path.startsWith("native/build/")).map((path) => basename(path));
  expect(built.sort()).toEqual([...PAYLOADS, ...Object.keys(HELPERS)]);
  // Who reads the sources can make the same of them.
  const sources = readdirSync(join(ROOT, "native"), { recursive: true }) as string[];
  const ours = sources.filter((path) => /^((arch|payload)\/.*|[^/]+)\.([chS]|ld)$/.test(path));
  expect(paths).toEqual(expect.arrayContaining(ours.map((path) => `native/${path}`)));
  // As README.md says.
  expect(bytes).toBeLessThan(700_000);
  expect(unpackedBytes).toBeLessThan(2_500_000);
});

test("its files have the same permissions wherever it is made", async (context) => {
  const { files } = await packed(context);
  const odd = files.filter(({ path, mode }) => mode !== (path === "bin/timeskew.js" ? 0o755 : 0o644));
  expect(odd).toEqual([]);
});

test("nothing in it names a folder of the machine that built it", async (context) => {
  await using folder = await unpacked(context);
  const names = readdirSync(folder.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  const telling = names.filter((name) => {
    const bytes = readFileSync(name);
    return [ROOT, "/.build-"].some((word) => bytes.includes(word));
  });
  expect(telling).toEqual([]);
});

test("the helpers are for their machines, and need no library", async (context) => {
  const [readelf = ""] = needPrograms(context, "readelf");
  await using folder = await unpacked(context);
  for (const [name, machine] of Object.entries(HELPERS)) {
    const file = join(folder.path, "native/build", name);
    const said = execFileSync(readelf, ["--file-header", "--dynamic", file], { encoding: "utf8" });
    expect(said).toContain(machine);
    expect(said).toContain("DYN (Shared object file)");
    expect(said).not.toContain("NEEDED");
  }
});

test("it depends on koffi alone, at one version, and nothing of it runs when it is installed", async (context) => {
  await using folder = await unpacked(context);
  const { dependencies, scripts, ...rest } = manifest(folder.path);
  expect(dependencies).toEqual({ koffi: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  expect(rest).not.toHaveProperty("optionalDependencies");
  expect(rest).not.toHaveProperty("peerDependencies");
  for (const name of ["preinstall", "install", "postinstall"]) expect(scripts).not.toHaveProperty(name);
  // Of the modules that the bundle names, Node has all others.
  const bundle = readdirSync(join(folder.path, "dist")).filter((name) => name.endsWith(".js"));
  const named = bundle.flatMap((name) => modulesIn(readFileSync(join(folder.path, "dist", name), "utf8")));
  expect([...new Set(named)].filter((name) => !isNodes(name))).toEqual(["koffi"]);
});

/** What a file of the bundle imports or requires, other than files beside it. */
function modulesIn(text: string): string[] {
  const named = text.matchAll(
    /(?:^(?:import|export)\b[^"'`;]*|\b(?:import|require\d*|createRequire\([^()]*\))\()["']([^"'.][^"']*)["']/gm,
  );
  return [...named].map(([, name]) => name!);
}

function isNodes(name: string): boolean {
  return name.startsWith("node:") || builtinModules.includes(name);
}

test("whose code is in the bundle is named with the words of its licence", async (context) => {
  await using folder = await unpacked(context);
  const text = readFileSync(join(folder.path, "dist/THIRD-PARTY-LICENSES"), "utf8");
  const entries = text.split(`\n${"-".repeat(80)}\n\n`).slice(1);
  const bundle = readdirSync(join(folder.path, "dist")).filter((name) => name.endsWith(".js"));
  const origins = bundle.flatMap((name) => {
    const code = readFileSync(join(folder.path, "dist", name), "utf8");
    return [...code.matchAll(/^\s*\/\/ .*node_modules\/((?:@[^/]+\/)?[^/\n]+)\//gm)].map(
      ([, origin]) => origin!,
    );
  });
  expect(new Set(entries.map((entry) => entry.split(" ", 1)[0]))).toEqual(new Set(origins));
  expect(origins).toContain("commander");
  for (const entry of entries) expect(entry).toMatch(/Permission (is hereby granted|to use, copy, modify)/);
});
