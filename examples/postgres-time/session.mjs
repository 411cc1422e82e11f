/** A Postgres server of the demonstration's own, and its sessions: each is a psql, and a server's process. */
import { join } from "node:path";

/** More than a busy machine makes of a second, ms. */
export const LATE = 2_500;
const USER = "postgres";
/** SQLSTATE query_canceled. */
const CANCELED = "57014";

/** Its data and its socket are in the scene's folder. Root lets another user run it, for it refuses root. */
export async function startPostgres(scene) {
  const folder = await scene.subfolder("postgres", { user: USER });
  const data = join(folder, "data");
  const locale = ["-E", "UTF8", "--no-locale"];
  await scene.run(["initdb", "-D", data, "-U", USER, "-A", "trust", ...locale, "--no-sync"], { user: USER });
  const settings = ["listen_addresses=", "fsync=off", "log_line_prefix=%n [%p] ", "log_timezone=UTC"];
  const options = settings.flatMap((setting) => ["-c", setting]);
  const server = await scene.start("postgres", ["postgres", "-D", data, "-k", folder, ...options], {
    user: USER,
    stopBy: "SIGINT",
  });
  const client = ["psql", "-XqAt", "-h", folder, "-U", USER, "-d", "postgres"];
  await scene.until("an answer of postgres", () => scene.run([...client, "-c", "select 1"]));
  return { server, connect: (name, lane) => Session.connect(scene, client, name, lane) };
}

class Session {
  #scene;
  #psql;
  #lane;
  #asked = 0;

  static async connect(scene, client, name, lane) {
    const session = new Session();
    session.#scene = scene;
    session.#psql = await scene.start(name, client);
    session.name = name;
    session.#lane = lane && scene.timeline.lane(name, lane);
    session.pid = Number((await session.ask("select pg_backend_pid()")).answer);
    await session.readClock();
    return session;
  }

  /**
   * Sends statements, and waits for what they answer.
   *
   * @param {string} sql
   * @returns {Promise<{ answer: string, state: string, from: number, to: number }>} `answer`: the last row;
   *   `state`: the SQLSTATE; `from`, `to`: true ms
   */
  async ask(sql) {
    this.#asked += 1;
    const end = `${this.name} ${this.#asked}:`;
    const from = this.#scene.now();
    const before = this.#psql.lines.length;
    this.#psql.write(`${sql};\n\\echo '${end}' :SQLSTATE\n`);
    const last = await this.#psql.line((text) => text.startsWith(end), `an answer to ${sql}`);
    const rows = this.#psql.lines.slice(before).filter((line) => line.stream === "stdout" && line !== last);
    const answer = rows.findLast(({ text }) => text !== "")?.text ?? "";
    return { answer, state: last.text.slice(end.length).trim(), from, to: last.at };
  }

  /** How far its clock is off, ms, at the true time `at`. */
  async readClock() {
    const { answer, from, to } = await this.ask("select extract(epoch from clock_timestamp()) * 1000");
    return this.noteClock(Number(answer), from, to);
  }

  /** That it has told its clock, ms, when it was asked between two true times. */
  noteClock(ms, from, to) {
    const at = (from + to) / 2;
    this.#lane?.offset(at, ms - at);
    return { at, offset: ms - at };
  }

  noteEvent(at, text, kind) {
    this.#lane?.event(at, text, kind);
  }

  /** How old a row of `job` is by its clock, ms. */
  async ageOf(note) {
    const { answer } = await this.ask(
      `select extract(epoch from now() - created_at) * 1000 from job where note = '${note}'`,
    );
    return answer === "" ? undefined : Number(answer);
  }

  /** How long, in true ms, a statement of half a minute lasts under a `statement_timeout` of a second. */
  async timeOut() {
    await this.readClock();
    const { state, from, to } = await this.ask("set statement_timeout = '1s'; select pg_sleep(30)");
    await this.ask("reset statement_timeout");
    await this.readClock();
    if (state !== CANCELED) throw new Error(`${this.name}: pg_sleep has ended with SQLSTATE ${state}`);
    const took = to - from;
    this.#lane?.span(from, to, `timeout: ${(took / 1000).toFixed(1)} s`, took < LATE ? "good" : "bad");
    return { from, to, took };
  }
}
