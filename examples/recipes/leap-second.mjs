/**
 * Postgres over a leap second: as Linux inserts it, spread by a smear, and left out. What it stores, what its log says,
 * and how long a pg_sleep(8) lasts that is under way.
 */
import { startPostgres } from "../postgres-time/session.mjs";
import { demonstrate } from "../support/scene.mjs";

const NIGHT = ["--at", "2026-12-31T23:59:55Z", "--leap-at", "2027-01-01T00:00:00Z"];
const SETTINGS = "set time zone 'UTC'; set log_min_duration_statement = 0";
const TABLE = "create temp table reading (id serial, at timestamptz default clock_timestamp())";
const READ = "insert into reading default values returning at > '2027-01-01 00:00:02Z'";
const STEPS_BACK =
  "select count(*) from (select at < lag(at) over (order by id) as back from reading) r where back";
const SECONDS = "select string_agg(distinct to_char(at, 'MI:SS'), ' ') from reading";

const programs = { initdb: "postgresql", postgres: "postgresql", psql: "postgresql-client" };

await demonstrate({ title: "Postgres over a leap second", programs }, async (scene) => {
  const postgres = await startPostgres(scene);
  const [inserted, smeared, deleted] = await Promise.all(
    [["insert"], ["insert", "--smear", "4s"], ["delete"]].map((kind) => cross(scene, postgres, kind)),
  );
  scene.claim(
    "inserted: a row is earlier than the row before it",
    inserted.back === 1,
    `${inserted.back} of them`,
  );
  scene.claim("so is a line of the log", inserted.logBack === 1, `${inserted.logBack} of them`);
  scene.claim("the sleep lasts a second longer than the log says", inserted.hidden > 900, inserted.words);
  scene.claim("smeared: rows and log are in order", smeared.back + smeared.logBack === 0);
  scene.claim("and the sleep lasts a second longer all the same", smeared.hidden > 900, smeared.words);
  const isLeftOut = ["59:58", "00:00"].every((second) => deleted.seconds.includes(second));
  scene.claim(
    "left out: no row is of 23:59:59",
    isLeftOut && !deleted.seconds.includes("59:59"),
    deleted.seconds.join(" "),
  );
  scene.claim("the log says a second more than the sleep lasts", deleted.hidden < -500, deleted.words);
});

/** Two sessions that pass it together: one stores readings, the other sleeps. */
async function cross(scene, { server, connect }, kind) {
  const name = kind.join(" ");
  const [reader, sleeper] = [await connect(`${name}, readings`), await connect(`${name}, a sleep`)];
  for (const session of [reader, sleeper]) await session.ask(SETTINGS);
  await reader.ask(TABLE);
  await scene.timeskew("inject", "--pid", reader.pid, "--pid", sleeper.pid, ...NIGHT, "--leap", ...kind);
  const sleep = sleeper.ask("select pg_sleep(8)");
  const isOver = async () => (await reader.ask(READ)).answer === "t";
  await scene.within(scene.isSkewed ? 30_000 : 500, isOver);
  const slept = await sleep;

  const isTold = (text) => text.includes(`[${sleeper.pid}]`) && text.includes("pg_sleep");
  const { text } = await server.line(isTold, "the sleep in the log");
  const told = Number(/duration: ([\d.]+) ms/.exec(text)[1]);
  const stamps = server.lines.filter((line) => line.text.includes(`[${reader.pid}] LOG:  duration`));
  const count = async (sql) => (await reader.ask(sql)).answer;
  const lasted = slept.to - slept.from;
  return {
    back: Number(await count(STEPS_BACK)),
    logBack: stamps.filter((line, index) => index > 0 && stampOf(line) < stampOf(stamps[index - 1])).length,
    seconds: (await count(SECONDS)).split(" "),
    hidden: lasted - told,
    words: `${inSeconds(lasted)}, and ${inSeconds(told)} by the log`,
  };
}

/** Postgres begins each line of its log with its own time (`log_line_prefix`). */
function stampOf({ text }) {
  return Number.parseFloat(text);
}

function inSeconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`;
}
