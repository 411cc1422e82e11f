/** Where the package cannot work, npm says so; and if it was installed all the same, it says so itself. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { EXIT_CODES } from "../../src/errors.ts";
import { needNodeRoot } from "../support/installs.ts";
import { needNode } from "../support/needs.ts";
import { needPacking, pack } from "../support/packed.ts";
import { ended } from "../support/programs.ts";
import { shared } from "../support/shared.ts";

const packed = shared(needPacking, pack);
const CLI = fileURLToPath(new URL("../../bin/timeskew.js", import.meta.url));

/** A Node that takes itself for one of another kind. */
function pretending(property: "platform" | "arch" | "version", value: string): string[] {
  const code = `Object.defineProperty(process, "${property}", { value: "${value}" })`;
  return [process.execPath, "--import", `data:text/javascript,${encodeURIComponent(code)}`, CLI];
}

async function refusal(command: readonly string[], ...words: string[]) {
  const { code, stdout, stderr } = await ended([...command, ...words]);
  expect({ code, stdout }).toEqual({ code: EXIT_CODES.E_UNSUPPORTED, stdout: "" });
  return stderr;
}

test.for([
  ["platform", "darwin", "Linux on x86-64 or arm64 is needed; this is darwin-x64"],
  ["platform", "android", "Linux on x86-64 or arm64 is needed; this is android-x64"],
  ["arch", "riscv64", "Linux on x86-64 or arm64 is needed; this is linux-riscv64"],
] as const)("%s %s is refused", async ([property, value, words], context) => {
  if (process.arch !== "x64") context.skip("says x64 in its messages");
  expect(await refusal(pretending(property, value), "status")).toBe(`timeskew: ${words}\n`);
});

test("so is a 32-bit Node, and the message says what would do", async () => {
  expect(await refusal(pretending("arch", "ia32"), "--version")).toBe(
    "timeskew: Linux on x86-64 or arm64 is needed; this is linux-ia32\n" +
      "  hint: on a 64-bit kernel, use a 64-bit Node\n",
  );
});

test("the oldest Node that will do is the one that package.json names", async () => {
  const { default: manifest } = await import("../../package.json", { with: { type: "json" } });
  const oldest = manifest.engines.node.replace(">=", "");
  expect(oldest).toMatch(/^20\.\d+$/);
  const [major, minor] = oldest.split(".").map(Number) as [number, number];
  const before = `v${major}.${minor - 1}.9`;
  expect(await refusal(pretending("version", before), "--version")).toContain(
    `Node ${oldest} or newer is needed`,
  );
  const { code } = await ended([...pretending("version", `v${oldest}.0`), "--version"]);
  expect(code).toBe(0);
});

test("with --json the refusal is one object, too, unless the flag is another program's", async () => {
  const command = pretending("arch", "ia32");
  const { code, stdout, stderr } = await ended([...command, "run", "--json", "--", "date"]);
  expect({ code, report: JSON.parse(stdout) }).toEqual({
    code: EXIT_CODES.E_UNSUPPORTED,
    report: {
      schemaVersion: 1,
      command: null,
      ok: false,
      error: {
        code: "E_UNSUPPORTED",
        message: "Linux on x86-64 or arm64 is needed; this is linux-ia32",
        hint: "on a 64-bit kernel, use a 64-bit Node",
        targetState: "untouched",
      },
      targets: [],
    },
  });
  expect(stderr).toContain("is needed");
  await refusal(command, "run", "--", "docker", "inspect", "--json");
});

test("npm warns on Node 18, and the program refuses; also one that sudo has found", async (context) => {
  const { file } = await packed(context);
  await using system = await needNodeRoot(context, { node: "18", npm: "10" }, file);
  const { code, stderr } = await system.run([
    "npm",
    "install",
    "--global",
    "--ignore-scripts",
    "/timeskew.tgz",
  ]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/EBADENGINE[\s\S]*required: \{ node: '>=20\.\d+' \}/);
  const words = /^timeskew: Node 20\.\d+ or newer is needed; \/usr\/local\/bin\/node is v18\.\d+\.\d+\n$/;
  expect(await refusal(system.command(["timeskew"]), "status")).toMatch(words);
  expect(await refusal(system.command(["env", "SUDO_USER=alice", "timeskew"]), "status")).toContain(
    'hint: to use the Node of your own path: sudo env "PATH=$PATH" timeskew …',
  );
});

test("npm installs it for no other machine", async (context) => {
  const { file } = await packed(context);
  await using system = await needNodeRoot(context, { node: "24", npm: "12" }, file);
  const npm = "/usr/local/lib/node_modules/npm/bin/npm-cli.js";
  for (const [property, value] of [
    ["platform", "freebsd"],
    ["arch", "riscv64"],
  ] as const) {
    const pretence = pretending(property, value).slice(1, -1);
    const { code, stderr } = await system.run(["node", ...pretence, npm, "install", "-g", "/timeskew.tgz"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("EBADPLATFORM") });
    expect(stderr).toContain('"os":"linux","cpu":"x64,arm64"');
  }
});

test("Node 12 can read what refuses it", async (context) => {
  const node = await needNode(context, "12");
  expect(await refusal([node, CLI], "status")).toMatch(/ is v12\.\d+\.\d+\n$/);
});
