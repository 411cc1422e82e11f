/** The same tarball where the C library is musl. */
import { expect, test } from "vitest";
import { MUSL_TELLER, needMuslRoot } from "../support/musl.ts";
import { needPacking, pack } from "../support/packed.ts";
import { shared } from "../support/shared.ts";
import { succeed, tryOut } from "./trial.ts";

const packed = shared(needPacking, pack);

test("with a Node for musl, it is installed as anywhere else, and works", async (context) => {
  const { file } = await packed(context);
  await using system = await needMuslRoot(context, file);
  await succeed(system, "npm", "install", "--global", "/timeskew.tgz");
  // By musl's build of koffi, which npm has fetched with glibc's.
  const loaded = `require("koffi"); process.report.getReport().sharedObjects.filter((file) => file.endsWith(".node"))`;
  const inside = `cd /usr/local/lib/node_modules/timeskew && node -p '${loaded}.join()'`;
  expect(await succeed(system, "sh", "-c", inside)).toMatch(/\/musl_x64\/koffi\.node\n$/);
  await tryOut(system, ["timeskew"], MUSL_TELLER);
});
