/** A Redis server on a Unix socket, asked for its TIME in its own protocol. */
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { MICROSECOND, SECOND } from "../clock.ts";
import { assemble } from "../own.ts";
import { within } from "../wait.ts";
import { Server, temporaryFolder } from "./server.ts";

export interface Redis extends AsyncDisposable {
  readonly pid: number;
  /** Its wall clock in ns, cut to the microsecond. */
  wallClock(): Promise<bigint>;
}

export function startRedis(program: string): Promise<Redis> {
  return assemble(async (own) => {
    const { path: folder } = own(await temporaryFolder("redis"));
    const socket = join(folder, "redis.sock");
    const options = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""];
    const server = own(await Server.start({ command: [program, ...options], stopSignal: "SIGTERM" }));
    await server.ready(() => time(socket));
    return { pid: server.pid, wallClock: () => time(socket) };
  });
}

/** TIME answers with two strings, the seconds and the microseconds. */
async function time(socket: string): Promise<bigint> {
  const connection = connect(socket);
  connection.write("TIME\r\nQUIT\r\n");
  const answer = await within("the answer of Redis", text(connection));
  const [, seconds, microseconds] = /^\*2\r\n\$\d+\r\n(\d+)\r\n\$\d+\r\n(\d+)\r\n/.exec(answer) ?? [];
  if (seconds === undefined || microseconds === undefined) throw new Error(`Redis answered ${answer}`);
  return BigInt(seconds) * SECOND + BigInt(microseconds) * MICROSECOND;
}
