/** Ports on loopback for servers. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** From here on, up to those that the kernel gives to whoever connects somewhere, and may give to a client meanwhile. */
const LOWEST = 10_000;

function ephemeral() {
  try {
    return Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
  } catch {
    return 32_768; // the kernel's own default
  }
}

/** A port that nobody listens on. @param {ReadonlySet<number>} except */
export async function freePort(except) {
  const count = Math.max(ephemeral() - LOWEST, 1_000);
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * count);
    if (!except.has(port) && (await isFree(port))) return port;
  }
}

async function isFree(port) {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if (error.code === "EADDRINUSE" || error.code === "EACCES") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}
