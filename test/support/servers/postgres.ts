/** A PostgreSQL server on a Unix socket, with a fresh database of its own. It refuses to run as root. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { MICROSECOND } from "../clock.ts";
import { Dialog } from "../dialog.ts";
import { isRoot, userId } from "../needs.ts";
import { assemble } from "../own.ts";
import { Server, temporaryFolder } from "./server.ts";

/** The user that Debian's package makes. */
export const POSTGRES_USER = "postgres";

const CLOCK = "select floor(extract(epoch from clock_timestamp()) * 1000000)::bigint";

export interface Postgres extends AsyncDisposable {
  /** The postmaster, which forks a process for each connection. */
  readonly pid: number;
  /** The wall clock in ns, cut to the microsecond, as a new connection tells it. */
  wallClock(): Promise<bigint>;
  /** A connection that stays. */
  connect(): Promise<Connection>;
}

export interface Connection extends AsyncDisposable {
  /** The server's process for this connection. */
  readonly pid: number;
  wallClock(): Promise<bigint>;
  /** What psql answers to a line, which must be one line. */
  ask(sql: string): Promise<string>;
}

export interface PostgresPrograms {
  postgres: string;
  initdb: string;
  psql: string;
}

export function startPostgres({ postgres, initdb, psql }: PostgresPrograms): Promise<Postgres> {
  return assemble(async (own) => {
    const user = isRoot ? POSTGRES_USER : undefined;
    const { path: folder } = own(await temporaryFolder("postgres", user && userId(user)));
    await makeDatabase(initdb, folder, user);
    const command = servePostgres(postgres, folder);
    const server = own(await Server.start({ command, stopSignal: "SIGQUIT", user }));
    const clients = clientsOf(psql, folder);
    await server.ready(clients.wallClock);
    return { pid: server.pid, ...clients };
  });
}

/** A fresh database in a folder. */
export function makeDatabase(initdb: string, folder: string, user: string | undefined): Promise<void> {
  const data = join(folder, "data");
  return runAs(user, [initdb, "-D", data, "-U", POSTGRES_USER, "-A", "trust", "--no-sync"]);
}

/** The command that serves it, with its socket in the same folder. */
export function servePostgres(postgres: string, folder: string): string[] {
  const data = join(folder, "data");
  return [postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"];
}

/** How to reach a server whose socket is in this folder. */
export function clientsOf(psql: string, folder: string): Pick<Postgres, "wallClock" | "connect"> {
  const client = [psql, "-XqAt", "-h", folder, "-U", POSTGRES_USER, "-d", "postgres"];
  return { wallClock: () => askOnce(client), connect: () => connect(client) };
}

async function runAs(user: string | undefined, command: readonly string[]): Promise<void> {
  const prefix =
    user === undefined ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups", "--"];
  const [program = "", ...args] = [...prefix, ...command];
  await promisify(execFile)(program, args, { cwd: "/" });
}

async function askOnce(client: readonly string[]): Promise<bigint> {
  const [program = "", ...args] = client;
  const { stdout } = await promisify(execFile)(program, [...args, "-c", CLOCK]);
  return BigInt(stdout.trim()) * MICROSECOND;
}

function connect(client: readonly string[]): Promise<Connection> {
  return assemble(async (own) => {
    const dialog = own(await Dialog.start(client));
    const pid = Number(await dialog.ask("select pg_backend_pid();"));
    const ask = (sql: string) => dialog.ask(sql);
    return { pid, ask, wallClock: async () => BigInt(await ask(`${CLOCK};`)) * MICROSECOND };
  });
}
