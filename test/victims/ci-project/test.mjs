/** The test of somebody who has a job in CI: the service is ten minutes behind. TEST_HANGS: it does not end, but writes that file. */
import { writeFile } from "node:fs/promises";

const MINUTE_MS = 60_000;

const told = Number(await (await fetch("http://localhost:8080/")).text());
const minutes = (told - Date.now()) / MINUTE_MS;
console.log(`the service is ${minutes.toFixed(3)} minutes ahead`);
if (process.env.TEST_HANGS) {
  await writeFile(process.env.TEST_HANGS, "");
  setInterval(() => {}, MINUTE_MS);
} else {
  process.exitCode = Math.round(minutes) === -10 ? 0 : 3;
}
