/** A Redis server on a Unix socket, spoken with in its own protocol. */
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
  /** The answer to one command, on a connection of its own, as it comes: `:1`, `+OK`, `*-1`, … */
  ask(command: string): Promise<string>;
}

export function startRedis(program: string): Promise<Redis> {
  return assemble(async (own) => {
    const { path: folder } = own(await temporaryFolder("redis"));
    const socket = join(folder, "redis.sock");
    const options = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""];
    const server = own(await Server.start({ command: [program, ...options], stopSignal: "SIGTERM" }));
    const say = (command: string) => ask(socket, command);
    await server.ready(() => time(say));
    return { pid: server.pid, wallClock: () => time(say), ask: say };
  });
}

async function ask(socket: string, command: string): Promise<string> {
  const connection = connect(socket);
  connection.write(`${command}\r\nQUIT\r\n`);
  const answer = await within(`the answer of Redis to ${command}`, text(connection));
  return answer.replace(/\r\n\+OK\r\n$/, "");
}

/** TIME answers with two strings, the seconds and the microseconds. */
async function time(say: (command: string) => Promise<string>): Promise<bigint> {
  const answer = await say("TIME");
  const [, seconds, microseconds] = /^\*2\r\n\$\d+\r\n(\d+)\r\n\$\d+\r\n(\d+)$/.exec(answer) ?? [];
  if (seconds === undefined || microseconds === undefined) throw new Error(`Redis answered ${answer}`);
  return BigInt(seconds) * SECOND + BigInt(microseconds) * MICROSECOND;
}
