/**
 * A server with a token cache, to be tested: `node server.mjs`. It prints its port.
 *
 *     POST /tokens          a new token, which is good for a minute
 *     GET /tokens/TOKEN     200 as long as it is, 401 afterwards
 */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const GOOD_FOR_MS = 60_000;
const tokens = new Map();

const server = createServer(({ method, url }, response) => {
  if (method === "POST" && url === "/tokens") {
    const token = randomUUID();
    tokens.set(token, Date.now() + GOOD_FOR_MS);
    response.writeHead(201).end(token);
    return;
  }
  const token = url.slice("/tokens/".length);
  const end = tokens.get(token) ?? 0;
  if (Date.now() < end) response.writeHead(200).end("welcome");
  else {
    tokens.delete(token);
    response.writeHead(401).end("expired");
  }
});

server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
