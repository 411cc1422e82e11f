/** `npm run test:kernels`: guests with other kernels, and a table of what works there. See main.ts and README.md. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { withBundles } from "../support/bundle.mjs";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

await withBundles([MAIN], async ([main]) => {
  const child = spawn(process.execPath, ["--enable-source-maps", main, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  // It ends its guests; then the bundle is removed.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  const [status] = await once(child, "exit");
  process.exitCode = status ?? 1;
});
