/** An nginx with two workers on a Unix socket; each answer bears the worker's clock and its pid. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { MILLISECOND } from "../clock.ts";
import { assemble } from "../own.ts";
import { children } from "../proc.ts";
import { waitFor, within } from "../wait.ts";
import { Server, temporaryFolder } from "./server.ts";

const WORKERS = 2;

export interface Nginx extends AsyncDisposable {
  readonly workers: readonly number[];
  /** The wall clock in the Date header, in ns, cut to the second, and the worker that answered. */
  wallClock(): Promise<{ wall: bigint; worker: number }>;
}

export function startNginx(program: string): Promise<Nginx> {
  return assemble(async (own) => {
    const { path: folder } = own(await temporaryFolder("nginx"));
    const socket = join(folder, "nginx.sock");
    const configuration = join(folder, "nginx.conf");
    await writeFile(configuration, configure(folder, socket));
    const command = [program, "-p", folder, "-c", configuration, "-e", "stderr"];
    const server = own(await Server.start({ command, stopSignal: "SIGTERM" }));
    await server.ready(() => wallClock(socket));
    const workers = await waitFor("the workers of nginx", () => {
      const pids = children(server.pid);
      return pids.length === WORKERS && pids;
    });
    return { workers, wallClock: () => wallClock(socket) };
  });
}

/** Nothing outside the folder, no file served. */
function configure(folder: string, socket: string): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
    daemon off;
    worker_processes ${WORKERS};
    pid ${folder}/nginx.pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n      ")}
      server {
        listen unix:${socket};
        location / {
          add_header X-Worker $pid;
          return 200;
        }
      }
    }`;
}

async function wallClock(socket: string): Promise<{ wall: bigint; worker: number }> {
  const asked = request({ socketPath: socket, agent: false }).end();
  const [answer]: IncomingMessage[] = await within("the answer of nginx", once(asked, "response"));
  const { date, "x-worker": worker } = answer!.resume().headers;
  return { wall: BigInt(Date.parse(date ?? "")) * MILLISECOND, worker: Number(worker) };
}
