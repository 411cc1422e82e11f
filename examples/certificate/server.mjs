/**
 * An HTTPS server: `node server.mjs PORT KEY CERTIFICATE`. Answers its own time, and what it thinks of the
 * certificate of the client, if that has one. (It trusts its own.)
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const [port, key, cert] = process.argv.slice(2);
const credentials = { key: readFileSync(key), cert: readFileSync(cert) };
const server = createServer({
  ...credentials,
  ca: credentials.cert,
  requestCert: true,
  rejectUnauthorized: false,
});

server.on("request", ({ socket }, response) => {
  const hasCertificate = Object.keys(socket.getPeerCertificate()).length > 0;
  const client = socket.authorized ? "authorized" : `${socket.authorizationError}`;
  response.end(JSON.stringify({ now: Date.now(), client: hasCertificate ? client : "no certificate" }));
});
server.on("tlsClientError", ({ message }) => console.log(`a client has gone: ${message}`));
server.keepAliveTimeout = 0; // none
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
