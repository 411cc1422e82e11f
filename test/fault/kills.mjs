/** `npm run test:kill -- --kills 2000`: random.test.ts with that many kills. Prints how it goes, and a last summary. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { kills: { type: "string", default: "2000" } } });
if (!/^[1-9]\d*$/.test(values.kills)) {
  console.error(`--kills ${values.kills}: not a number of kills`);
  process.exit(2);
}
const root = fileURLToPath(new URL("../../", import.meta.url));
const { status } = spawnSync(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", "test/fault/random.test.ts", "--disable-console-intercept"],
  { cwd: root, stdio: "inherit", env: { ...process.env, TIMESKEW_KILLS: values.kills } },
);
process.exit(status ?? 1);
