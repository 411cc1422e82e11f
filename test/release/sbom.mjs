/**
 * What an artifact is made of, as CycloneDX: `npm sbom` knows the packages, their licences and checksums; what is in the
 * artifact is read from it. The same artifact has the same text: no random serial number, no date but that of the sources.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { entriesOf } from "./tar.mjs";

/**
 * @typedef {{ name: string, version: string, [key: string]: unknown }} Component
 * @typedef {{ ref: string, dependsOn?: string[] }} Dependency
 * @typedef {{ metadata: { component: Component }, components: Component[], dependencies: Dependency[] }} Bom
 */

/** Everything in package-lock.json: as npm tells it, and the ref of what is in each folder. @param {string} root */
export function lockedPackages(root) {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const refs = Object.entries(packages).map(([folder, { version }]) => [
    folder,
    `${nameOf(folder)}@${version}`,
  ]);
  const args = ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx"];
  const text = execFileSync("npm", args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 2 ** 26,
  });
  return { bom: /** @type {Bom} */ (JSON.parse(text)), refs: new Map(refs) };
}

/** "node_modules/a/node_modules/@b/c": "@b/c" @param {string} folder */
function nameOf(folder) {
  return folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
}

/**
 * The folders of the packages that files come from: "node_modules/ora", …
 *
 * @param {readonly string[]} inputs paths
 */
export function packagesAmong(inputs) {
  const folders = inputs.map((path) => /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/** Of the packages whose code is in a tarball: esbuild heads the code of each file with its path. @param {Buffer} tgz */
export function bundledIn(tgz) {
  const scripts = entriesOf(tgz).filter(({ path }) => /^package\/dist\/[^/]*\.js$/.test(path));
  const inputs = scripts.flatMap(({ data }) => [
    ...data.toString().matchAll(/^\/\/ (\S*node_modules\/\S+)$/gm),
  ]);
  const packages = packagesAmong(inputs.map(([, path = ""]) => path));
  if (packages.length === 0) throw new Error("no package is named in the bundle: is it minified now?");
  return packages;
}

/** What npm installs with the package: its dependencies, and theirs, for Linux. @param {Bom} bom */
export function installedWith({ metadata, dependencies }, direct) {
  const byRef = new Map(dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
  const found = new Set();
  const visit = (ref) => {
    if (found.has(ref) || isForOthers(ref)) return;
    found.add(ref);
    for (const next of byRef.get(ref) ?? []) visit(next);
  };
  const named = (byRef.get(metadata.component["bom-ref"]) ?? []).filter((ref) =>
    direct.includes(nameIn(ref)),
  );
  for (const ref of named) visit(ref);
  return [...found].sort();
}

/** "@koromix/koffi-linux-x64@3.3.4" @param {string} ref */
function nameIn(ref) {
  return ref.slice(0, ref.lastIndexOf("@"));
}

/** Binaries for systems and machines that timeskew does not run on. @param {string} ref */
function isForOthers(ref) {
  return /^@koromix\/koffi-/.test(ref) && !/-linux-(x64|arm64)@/.test(ref);
}

/**
 * @param {object} o
 * @param {{ bom: Bom, refs: Map<string, string> }} o.locked
 * @param {{ name: string, data: Buffer }} o.artifact
 * @param {readonly string[]} o.bundled folders of packages whose code is in it
 * @param {readonly string[]} o.installed refs of packages that npm installs beside it
 * @param {readonly Part[]} o.parts what else is in it
 * @param {number} o.date seconds since 1970
 * @typedef {{ name: string, version: string, license?: string, purl?: string, sha256?: string }} Part
 */
export function billOf({ locked, artifact, bundled = [], installed = [], parts = [], date }) {
  const self = locked.bom.metadata.component;
  const known = (/** @type {string | undefined} */ ref, where = ref) => {
    const found = locked.bom.components.find((component) => component["bom-ref"] === ref);
    if (found === undefined) throw new Error(`${where} is not in package-lock.json`);
    return found;
  };
  const components = [
    ...bundled.map((folder) => told(known(locked.refs.get(folder), folder), "in the bundle")),
    ...installed.map((ref) => told(known(ref), "installed beside it")),
    ...parts.map(embedded),
  ];
  const { name: _, scope: __, ...about } = self;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: new Date(date * 1000).toISOString(),
      component: {
        ...about,
        type: "application",
        name: "timeskew",
        hashes: [sha256(artifact.data)],
        properties: [{ name: "timeskew:file", value: artifact.name }],
      },
    },
    components,
    dependencies: dependenciesAmong(locked.bom, [
      self["bom-ref"],
      ...components.map((each) => each["bom-ref"]),
    ]),
  };
}

/**
 * A bill for each artifact that one is due for, by the file's name. What a binary embeds, its build has told in a file
 * beside it: { parts, inputs }, where inputs are the paths of the files that its bundle was made of.
 *
 * @param {Map<string, Buffer>} artifacts
 * @param {ReturnType<typeof lockedPackages>} locked
 * @param {{ dependencies: readonly string[], date: number }} o
 * @returns {Map<string, Buffer>}
 */
export function billsOf(artifacts, locked, { dependencies, date }) {
  const bills = [...artifacts].flatMap(([name, data]) => {
    const told = artifacts.get(`${name}.parts.json`);
    if (/\.(parts\.json|LICENSES)$/.test(name)) return [];
    if (told === undefined && !name.endsWith(".tgz"))
      throw new Error(`${name}: its build does not say what it embeds`);
    const { parts = [], inputs = [] } = told === undefined ? {} : JSON.parse(told.toString());
    const bundled = told === undefined ? bundledIn(data) : packagesAmong(inputs);
    const installed = told === undefined ? installedWith(locked.bom, dependencies) : [];
    const bill = billOf({ locked, artifact: { name, data }, bundled, installed, parts, date });
    return [[`${name}.cdx.json`, Buffer.from(`${JSON.stringify(bill, null, 2)}\n`)]];
  });
  return new Map(bills);
}

/** @param {Bom} locked @param {string[]} refs */
function dependenciesAmong({ dependencies }, refs) {
  return dependencies
    .filter(({ ref }) => refs.includes(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.includes(each)) }));
}

/** @param {Component} component @param {string} how */
function told({ scope: _, properties: __, ...component }, how) {
  return { ...component, scope: "required", properties: [{ name: "timeskew:part", value: how }] };
}

/** @param {Part} part */
function embedded({ name, version, license, purl, sha256: hash }) {
  return {
    "bom-ref": `${name}@${version}`,
    type: "library",
    name,
    version,
    ...(purl && { purl }),
    scope: "required",
    ...(hash && { hashes: [{ alg: "SHA-256", content: hash }] }),
    ...(license && { licenses: [{ expression: license }] }),
    properties: [{ name: "timeskew:part", value: "embedded" }],
  };
}

/** @param {Buffer} data */
function sha256(data) {
  return { alg: "SHA-256", content: createHash("sha256").update(data).digest("hex") };
}
