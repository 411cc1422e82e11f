/** A MariaDB server on a Unix socket, with an empty database of its own. */
import { join } from "node:path";
import { MICROSECOND } from "../clock.ts";
import { Dialog } from "../dialog.ts";
import { isRoot, userId } from "../needs.ts";
import { assemble } from "../own.ts";
import { Server, temporaryFolder } from "./server.ts";

/** It refuses to run as root. Every system has this user. */
const USER = "daemon";

const CLOCK = "select floor(unix_timestamp(now(6)) * 1000000);";

export interface MariaDb extends AsyncDisposable {
  readonly pid: number;
  /** A connection that stays; a thread of the server serves it. */
  connect(): Promise<MariaDbConnection>;
}

export interface MariaDbConnection extends AsyncDisposable {
  /** The wall clock in ns, cut to the microsecond. */
  wallClock(): Promise<bigint>;
  /** What the client prints for a line of statements, which must be one line. */
  ask(sql: string): Promise<string>;
}

export interface MariaDbPrograms {
  mariadbd: string;
  mariadb: string;
}

export function startMariaDb({ mariadbd, mariadb }: MariaDbPrograms): Promise<MariaDb> {
  return assemble(async (own) => {
    const user = isRoot ? USER : undefined;
    const { path: folder } = own(await temporaryFolder("mariadb", user && userId(user)));
    const socket = join(folder, "mariadb.sock");
    const server = own(
      await Server.start({ command: serve(mariadbd, folder, socket), stopSignal: "SIGTERM", user }),
    );
    // --force: goes on after a statement that failed, as it is meant to here.
    const client = [mariadb, "--no-defaults", "--force", "-BNn", "-S", socket, "-u", "root"];
    await server.ready(async () => {
      await using first = await connect(client);
      return await first.wallClock();
    });
    return { pid: server.pid, connect: () => connect(client) };
  });
}

/** Without tables of privileges there is nothing to install first. Small files and buffers: it is up in a second. */
function serve(mariadbd: string, folder: string, socket: string): string[] {
  const clock = "--default-time-zone=+00:00";
  const files = [`--datadir=${folder}`, `--tmpdir=${folder}`, `--socket=${socket}`];
  const small = [
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
  ];
  return [mariadbd, "--no-defaults", ...files, "--skip-grant-tables", "--skip-networking", clock, ...small];
}

function connect(client: readonly string[]): Promise<MariaDbConnection> {
  return assemble(async (own) => {
    const dialog = own(await Dialog.start(client));
    const ask = (sql: string) => dialog.ask(sql);
    const wallClock = async () => BigInt(await ask(CLOCK)) * MICROSECOND;
    await wallClock();
    return { ask, wallClock };
  });
}
