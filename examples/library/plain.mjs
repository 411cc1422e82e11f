/**
 * The same without a transpiler, on every Node that timeskew runs on: `node plain.mjs`. Node 24 knows `await using`; before,
 * `try` and `finally` do it.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { inject, TimeskewError } from "timeskew";

const program = new URL("server.mjs", import.meta.url).pathname;
const server = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
try {
  const [port] = await once(server.stdout, "data");
  const tokens = `http://127.0.0.1:${Number(port)}/tokens`;
  const token = await (await fetch(tokens, { method: "POST" })).text();
  const visit = async () => (await fetch(`${tokens}/${token}`)).status;

  // Should this program die, the server is on time again after a minute.
  const skew = await inject({ pid: server, offset: "55s", duration: "1m" });
  try {
    assert.equal(await visit(), 200);
    await skew.change({ offset: "61s" });
    assert.equal(await visit(), 401);
  } finally {
    await skew.recover();
  }
  console.log("a token expires after a minute, and not before");
} catch (error) {
  if (error instanceof TimeskewError) console.error(`${error.code}: ${error.message}\n${error.hint ?? ""}`);
  throw error;
} finally {
  server.kill();
}
