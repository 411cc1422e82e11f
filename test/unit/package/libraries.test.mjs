/** The C++ library in the single binary: Debian's, or the compiler's own where that cannot be had. */
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { askedGlibc } from "../../../native/single/libraries.mjs";

const run = promisify(execFile);
const LIBRARIES = new URL("../../../native/single/libraries.mjs", import.meta.url).href;
const ASK = `
  const { cppLibrary } = await import(${JSON.stringify(LIBRARIES)});
  console.log(JSON.stringify(await cppLibrary("libstdc++.so.6", process.arch, "cc")));
`;

it("knows the newest glibc that a library asks for", () => {
  expect(askedGlibc(Buffer.from("\0GLIBC_2.4\0GLIBC_2.36\0GLIBC_2.9\0GLIBCXX_3.4.30\0"))).toBe("2.36");
  expect(askedGlibc(Buffer.from("nothing"))).toBe("2.0");
});

it("takes the compiler's own where apt has none, and says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "timeskew-libraries-"));
  try {
    await writeFile(join(folder, "apt-get"), "#!/bin/sh\nexit 1\n");
    await chmod(join(folder, "apt-get"), 0o755);
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, TIMESKEW_NODE_CACHE: folder };
    const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", ASK], { env });
    const { file, name, version, glibc } = JSON.parse(stdout);
    expect(isAbsolute(file)).toBe(true);
    expect({ name, version }).toEqual({ name: "libstdc++6", version: `glibc-${glibc}` });
    expect(glibc).toMatch(/^2\.[1-9]\d*$/);
    expect(stderr).toContain("cannot be had");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
