/** PostgreSQL in a container, with 20 connections: all its processes are skewed by one command, and recovered by one. */
import { expect, test } from "vitest";
import { report, timeskew } from "../support/cli.ts";
import { bracket, difference, distance, MICROSECOND, MINUTE } from "../support/clock.ts";
import { type DockerPrograms, needDocker, startDocker } from "../support/containers/docker.ts";
import { SKEW, unique } from "../support/containers/scene.ts";
import { needPrograms, needTracing, userId } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import {
  type Connection,
  clientsOf,
  makeDatabase,
  POSTGRES_USER,
  type PostgresPrograms,
  servePostgres,
} from "../support/servers/postgres.ts";
import { temporaryFolder } from "../support/servers/server.ts";
import { waitFor } from "../support/wait.ts";

const CONNECTIONS = 20;
const SKEW_NS = -10n * MINUTE;

interface Database extends AsyncDisposable {
  /** Of the container. */
  readonly name: string;
  /** A connection that stays until the end. */
  connect(): Promise<Connection>;
}

/** The container has nothing of its own: the database's folder, and this machine's programs and libraries. */
function startDatabase(docker: DockerPrograms, { postgres, initdb, psql }: PostgresPrograms, user: number) {
  return assemble(async (own): Promise<Omit<Database, symbol>> => {
    const { path } = own(await temporaryFolder("postgres", user));
    await makeDatabase(initdb, path, POSTGRES_USER);
    const { start } = own(await startDocker(docker));
    const name = unique("postgres");
    const ours = ["/usr", "/lib", "/lib64"].map((each) => `--volume=${each}:${each}:ro`);
    const flags = [...ours, `--volume=${path}:${path}`, `--user=${user}:${user}`];
    await start(name, "distroless", flags, servePostgres(postgres, path));
    const clients = clientsOf(psql, path);
    await waitFor("the database", clients.wallClock);
    return { name, connect: async () => own(await clients.connect()) };
  });
}

/** How far each connection is from the truth moved by `skew`, if it is not right. */
async function errors(connections: readonly Connection[], skew: bigint): Promise<bigint[]> {
  const found: bigint[] = [];
  for (const { wallClock } of connections) {
    const { value, wall } = await bracket(wallClock);
    found.push(distance(difference(value, MICROSECOND, wall), skew));
  }
  return found.filter((error) => error !== 0n);
}

test("20 connections, and new ones", async (context) => {
  needTracing(context);
  const docker = needDocker(context);
  const [postgres = "", initdb = "", psql = ""] = needPrograms(context, "postgres", "initdb", "psql");
  const user = userId(POSTGRES_USER) ?? context.skip(`needs a user ${POSTGRES_USER}`);
  await using database = await startDatabase(docker, { postgres, initdb, psql }, user);
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, database.connect));
  expect(await errors(connections, 0n)).toEqual([]);

  const injected = await timeskew("inject", "--json", ...SKEW, "--container", database.name);
  expect(injected, injected.stdout).toMatchObject({ code: 0 });
  // The connections, the postmaster, and its processes that write.
  expect(report(injected).targets!.length).toBeGreaterThan(CONNECTIONS + 3);
  expect(await errors(connections, SKEW_NS)).toEqual([]);
  const later = [await database.connect(), await database.connect()];
  expect(await errors(later, SKEW_NS)).toEqual([]);

  const recovered = await timeskew("recover", "--json", "--container", database.name);
  expect(recovered, recovered.stdout).toMatchObject({ code: 0 });
  expect(await errors([...connections, ...later, await database.connect()], 0n)).toEqual([]);
});
