/**
 * A bank in a Postgres of its own: clients that make transfers all the time, and one connection that asks what the bank
 * has and what its clock shows.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const TOTAL = 100_000;
/** The user that Debian's package makes: Postgres refuses to run as root. */
const SERVER_USER = "postgres";
/** Transfers per second: few enough for a machine that is busy with something else. */
const RATE = 200;

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const clock = (moment) => `floor(extract(epoch from ${moment}) * 1000000)::bigint`;

/**
 * @typedef {import("./schedule.mjs").Reading & { from: number, now: number, sum: number, transfers: number }}
 *   BankReading `own`: clock_timestamp(), read between the true times `from` and `at`; `now`: now(), the stamp
 *   of a transfer at that moment
 */

const AUDIT = `(select count(*) from ledger), count(*), count(*) filter (where balance <> 1000
  + (select coalesce(sum(amount), 0) from ledger where target = accounts.id)
  - (select coalesce(sum(amount), 0) from ledger where source = accounts.id)) from accounts`.replace(
  /\s+/g,
  " ",
);

/** Founds it, and has it work. */
export async function openBank(scene) {
  const folder = await scene.subfolder("bank", { user: SERVER_USER });
  const data = join(folder, "data");
  const as = { user: SERVER_USER };
  await scene.run(["initdb", "-D", data, "-U", "bank", "-A", "trust", "--locale=C", "--no-sync"], as);
  const serve = ["postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"];
  const server = await scene.start("postgres", serve, { ...as, stopBy: "SIGQUIT" });
  await server.line(/ready to accept connections/);

  const where = ["-h", folder, "-U", "bank", "-d", "postgres"];
  const psql = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", ...where];
  await scene.run([...psql, "-f", file("bank.sql")]);
  const teller = await scene.start("psql", psql);
  const flags = [
    "--no-vacuum",
    "--client=4",
    `--rate=${RATE}`,
    "--time=3600",
    `--file=${file("transfer.sql")}`,
  ];
  const clients = await scene.start("pgbench", ["pgbench", ...flags, ...where]);
  const bank = new Bank(scene, server.pid, teller, clients);
  await scene.until("the first transfers", async () => (await bank.look()).transfers > 0);
  return bank;
}

class Bank {
  #scene;
  #teller;
  #clients;
  #asked = 0;
  /** All that was seen. @type {BankReading[]} */
  readings = [];

  /** @param {number} pid of the postmaster, which forks a process for each connection */
  constructor(scene, pid, teller, clients) {
    this.#scene = scene;
    this.pid = pid;
    this.#teller = teller;
    this.#clients = clients;
  }

  /** @returns {Promise<string[]>} the one row of a query */
  async ask(columns) {
    const number = ++this.#asked;
    this.#teller.write(`select ${number}, ${columns};\n`);
    const { text } = await this.#teller.line(new RegExp(`^${number}\\|`), "the bank's answer");
    return text.split("|").slice(1);
  }

  /** @returns {Promise<BankReading>} */
  async look() {
    const from = this.#scene.now();
    const seen = await this.ask(
      `${clock("clock_timestamp()")}, ${clock("now()")}, (select sum(balance) from accounts), (select count(*) from ledger)`,
    );
    const [own, now, sum, transfers] = seen.map(Number);
    const reading = {
      from,
      at: this.#scene.now(),
      own: own / 1000,
      now: now / 1000,
      sum,
      transfers,
    };
    this.readings.push(reading);
    return reading;
  }

  /** @returns {Promise<string>} "15.8" */
  async version() {
    const [version] = await this.ask("current_setting('server_version')");
    return version.split(" ")[0];
  }

  /** How many transfers are stamped with these times, ms since 1970. */
  async stamped(from, until) {
    const inside = `at >= to_timestamp(${from / 1000}) and at < to_timestamp(${until / 1000})`;
    const [count] = await this.ask(`(select count(*) from ledger where ${inside})`);
    return Number(count);
  }

  /** How many transfers a statement of the last five minutes lists, and how many there are. */
  async statement() {
    const listed = "count(*) filter (where at > now() - interval '5 minutes')";
    const [counts] = await this.ask(`(select ${listed} || ' ' || count(*) from ledger)`);
    const [some, all] = counts.split(" ").map(Number);
    return { listed: some, all };
  }

  /** Goes through the ledger: how many accounts do not have what it makes of them. */
  async audit() {
    const [transfers, accounts, differ] = await this.ask(AUDIT);
    return { transfers: Number(transfers), accounts: Number(accounts), differ: Number(differ) };
  }

  /** No more transfers are made from now on. */
  async close() {
    await this.#clients.stop();
  }
}
