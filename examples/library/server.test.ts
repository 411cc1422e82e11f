/** Tests of a server that would take minutes, or a change of the machine's clock, without timeskew. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { inject, readClocks, status } from "timeskew";
import { afterEach, beforeEach, expect, test } from "vitest";

let server: ChildProcess;
let origin: string;

beforeEach(async () => {
  const program = new URL("server.mjs", import.meta.url).pathname;
  server = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = await once(server.stdout!, "data");
  origin = `http://127.0.0.1:${Number(port)}`;
});

afterEach(async () => {
  server.kill();
  await once(server, "exit");
});

async function login(): Promise<string> {
  const response = await fetch(`${origin}/tokens`, { method: "POST" });
  return await response.text();
}

async function visit(token: string): Promise<number> {
  return (await fetch(`${origin}/tokens/${token}`)).status;
}

test("a token expires after a minute, and not before", async () => {
  const token = await login();
  await using skew = await inject({ pid: server, offset: "55s" });
  expect(await visit(token)).toBe(200);
  await skew.change({ offset: "61s" });
  expect(await visit(token)).toBe(401);
});

test("a clock that is set back does not bring an expired token back", async () => {
  const token = await login();
  {
    await using _ = await inject({ pid: server, offset: "61s" });
    expect(await visit(token)).toBe(401);
  } // here the server has the true time again
  expect(await visit(token)).toBe(401);
});

test("a token that is made while the clock is ahead outlives its minute", async () => {
  let token: string;
  {
    await using _ = await inject({ pid: server, offset: "1h" });
    token = await login();
  }
  await using _ = await inject({ pid: server, offset: "59m" });
  expect(await visit(token)).toBe(200); // a defect of the server, which no test by the true clock would find
});

test("at the end of a block nothing is left of a skew", async () => {
  {
    await using skew = await inject({ pid: server, at: "2038-01-19T03:14:07Z" });
    const { readings } = await readClocks({ pid: server });
    const realtime = readings.find(({ name }) => name === "CLOCK_REALTIME");
    expect(realtime?.target).toBeGreaterThan(2n ** 31n * 1_000_000_000n - 2_000_000_000n);
    expect((await status({ skew: skew.id })).rows).toHaveLength(1);
  }
  expect((await status({ pid: server })).rows[0]?.state).toBe("unskewed");
});
