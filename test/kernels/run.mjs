/** `npm run test:kernels`: guests with other kernels, and a table of what works there. See main.ts and README.md. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { withBundles } from "../support/bundle.mjs";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

await withBundles([MAIN], async ([main]) => {
  const { status } = spawnSync(process.execPath, ["--enable-source-maps", main, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
});
