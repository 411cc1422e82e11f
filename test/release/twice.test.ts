/**
 * The npm package has the same bytes, wherever and whenever it is built: what `npm run release:check` shows of everything,
 * here without the single binaries, and with the packages that are installed already.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needPrograms } from "../support/needs.ts";
import { differences } from "./compare.mjs";
import { bundledIn } from "./sbom.mjs";
import { entriesOf } from "./tar.mjs";
import { clockAhead, exportTree, made, makePackage, ROOT, WORLDS } from "./twice.mjs";

test("two builds of the package, in other folders, under another umask, time zone and date", {
  timeout: 600_000,
}, async (context) => {
  await needPrograms(context, "git", "cc", "aarch64-linux-gnu-gcc");
  const place = mkdtempSync(join(ROOT, ".build-twice-"));
  try {
    const packages: Buffer[] = [];
    for (const world of WORLDS) {
      const folder = join(place, world.folder);
      exportTree(folder, world.umask);
      // Files of their own, and quickly: a symbolic link would show in the paths that esbuild writes.
      execFileSync("cp", ["--archive", "--link", join(ROOT, "node_modules"), folder]);
      const { command } = world.ahead
        ? clockAhead(join(place, WORLDS[0]!.folder), world.ahead)
        : { command: [] };
      await makePackage(world, folder, command);
      packages.push(...made(folder).values());
    }
    expect(packages).toHaveLength(2);
    const [first, second] = packages as [Buffer, Buffer];
    expect(differences("timeskew.tgz", first, second)).toEqual([]);
    expect(entriesOf(first).map(({ path }) => path)).toContain("package/bin/timeskew.js");
    expect(bundledIn(first)).toContain("node_modules/commander");
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});
