/**
 * An HTTPS client that lives long: `node client.mjs PORT KEY CERTIFICATE`. Each line on stdin, the name of an
 * agent, is a request, and is answered by a line of JSON:
 *
 *     { agent, status, how, server } or { agent, error, code }, and { before, after }: its own time, ms
 *
 * `how`: on a "new" connection, one that has "resumed" a TLS session, or one that was "kept".
 */
import { readFileSync } from "node:fs";
import { Agent, get } from "node:https";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

const [port, key, cert] = process.argv.slice(2);
const credentials = { key: readFileSync(key), cert: readFileSync(cert) };
const trust = { ca: credentials.cert, maxCachedSessions: 0 };

const AGENTS = {
  /** A full handshake for each request. */
  fresh: new Agent(trust),
  /** With a certificate of its own. */
  known: new Agent({ ...trust, ...credentials }),
  /** As Node's agents do by default: resumes the session of an earlier connection. */
  resuming: new Agent({ ca: trust.ca }),
  /** Keeps its connection. */
  keeping: new Agent({ ...trust, keepAlive: true }),
};

function request(agent) {
  const before = Date.now();
  const answer = (what) => console.log(JSON.stringify({ agent, before, after: Date.now(), ...what }));
  const url = { host: "localhost", port, family: 4, agent: AGENTS[agent] };
  const sent = get(url, async (response) => {
    const isResumed = response.socket.isSessionReused();
    const how = sent.reusedSocket ? "kept" : isResumed ? "resumed" : "new";
    answer({ status: response.statusCode, how, server: JSON.parse(await text(response)) });
  });
  sent.on("error", ({ code, message }) => answer({ code, error: message }));
}

createInterface({ input: process.stdin }).on("line", request);
