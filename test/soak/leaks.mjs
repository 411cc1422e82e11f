/** `npm run leaks -- [--rounds N] [--only SCENARIO]…`: growth by scenario, in KiB, counts and bytes. See leaks.ts. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { withBundles } from "../support/bundle.mjs";

const MAIN = fileURLToPath(new URL("leaks-main.ts", import.meta.url));

await withBundles([MAIN], async ([main]) => {
  // The heap for new objects has one size all along: it would grow whenever a busy machine delays its collection.
  const flags = ["--enable-source-maps", "--expose-gc", "--min-semi-space-size=4", "--max-semi-space-size=4"];
  const { status } = spawnSync(process.execPath, [...flags, main, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
});
