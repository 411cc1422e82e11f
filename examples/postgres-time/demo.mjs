/**
 * One Postgres server, and sessions whose clocks are wrong in different ways: each session is a process of
 * its own. All times are those that Postgres tells; how long something took is measured here, where the clock
 * is right.
 */
import { demonstrate } from "../support/scene.mjs";
import { LATE, startPostgres } from "./session.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FAST = 4;
const SLOW = 0.3;
/** A session under this strobe that is ahead when a second begins is not when it ends. */
const STROBE = ["--strobe", "2s", "--period", "1s"];
/** ms that a busy machine may take to show what should be seen; and in which nothing is looked at in vain. */
const PATIENCE = 30_000;
const IN_VAIN = 2_500;

const TABLES = `
  create table job (id serial primary key, note text, created_at timestamptz not null default now());
  create table reading (id serial primary key, at timestamptz not null default clock_timestamp());
  create table lease (name text primary key, holder text not null, expires timestamptz not null)`;

/** For a minute, if nobody has it. */
const acquire = (holder) => `
  insert into lease values ('leader', '${holder}', now() + interval '1 minute')
  on conflict (name) do update set holder = excluded.holder, expires = excluded.expires
  where lease.expires < now()
  returning holder`;

await demonstrate(
  {
    title: "Postgres sessions under wrong clocks",
    programs: { initdb: "postgresql", postgres: "postgresql", psql: "postgresql-client" },
  },
  async (scene) => {
    const postgres = await startPostgres(scene);
    const before = await postgres.connect("old session", { unit: "h" });
    const third = await postgres.connect("third session", { unit: "h" });
    await before.ask(TABLES);
    const version = (await before.ask("show server_version")).answer.split(" ")[0];
    scene.timeline.subtitle = `PostgreSQL ${version}, ${scene.kernel}; with statement_timeout = '1s'`;

    scene.head("The postmaster is an hour ahead: so are new connections, old ones are not");
    const after = await anHourAhead(scene, postgres, before, third);
    scene.head("A lease of a minute in a table");
    await lease(scene, before, after);
    await recover(scene, postgres, before, third, after);
    scene.head("Clocks that run too fast and too slowly");
    await rates(scene, postgres, before);
    for (const session of [before, third, after]) await session.readClock();
    scene.head("A session whose clock goes forth and back");
    await strobe(scene, postgres);
  },
);

async function anHourAhead(scene, { server, connect }, before, third) {
  await scene.timeskew("inject", "--pid", server.pid, "--offset", "1h");
  const after = await connect("new session", { unit: "h" });
  const old = await before.readClock();
  const fresh = await after.readClock();
  scene.claim(
    "a new connection is an hour ahead",
    isAbout(fresh.offset, HOUR),
    `by ${inSeconds(fresh.offset)}`,
  );
  scene.claim(
    "a connection from before has the true time",
    isAbout(old.offset, 0),
    `off by ${inSeconds(old.offset)}`,
  );

  await before.ask("insert into job (note) values ('old')");
  const age = await after.ageOf("old");
  scene.claim("for the new one, a row of just now is an hour old", isAbout(age, HOUR), inSeconds(age));
  await after.ask("insert into job (note) values ('new')");
  const future = await before.ageOf("new");
  scene.claim(
    "for the old one, a row of the new one's is an hour from now",
    isAbout(future, -HOUR),
    inSeconds(future),
  );
  scene.claim("and is seen at once: what is visible does not depend on times", future !== undefined);

  await scene.timeskew("inject", "--pid", third.pid, "--offset", "-1h", "--no-waits");
  const { offset } = await third.readClock();
  scene.claim(
    "a third session is an hour behind, its waits not translated",
    isAbout(offset, -HOUR),
    inSeconds(offset),
  );
  const ends = await Promise.all([before, after, third].map((session) => session.timeOut()));
  scene.claim(
    "a statement_timeout of 1 s takes a second in each of them",
    ends.every(({ took }) => isASecond(took)),
    ends.map(({ took }) => inSeconds(took)).join(", "),
  );
  await readLog(scene, server, after);
  return after;
}

/** Postgres begins each line with its own time (`log_line_prefix`). */
async function readLog(scene, server, { pid }) {
  const { at, text } = await server.line(
    (words) => words.includes(`[${pid}] ERROR`),
    "the timeout in its log",
  );
  const ahead = Number(text.split(" ")[0]) * 1000 - at;
  const words = text.slice(text.indexOf("ERROR"));
  scene.claim(
    "the log has the new one's timeout an hour ahead of others",
    isAbout(ahead, HOUR),
    `${inSeconds(ahead)}: ${words}`,
  );
}

async function lease(scene, before, after) {
  const { answer: first } = await before.ask(acquire("old"));
  const { answer: none } = await before.ask(acquire("another"));
  if (first !== "old" || none !== "") throw new Error(`not a lease for one: "${first}", "${none}"`);
  const taken = scene.now();
  const { answer: second, to } = await after.ask(acquire("new"));
  scene.claim(
    "the new session takes the lease that the old one has for a minute",
    second === "new" && to - taken < MINUTE,
    `returning "${second}" after ${inSeconds(to - taken)}`,
  );
  if (second === "new") after.noteEvent(to, "takes the lease", "bad");
  const left = "select extract(epoch from expires - now()) * 1000 from lease";
  const { answer } = await before.ask(left);
  scene.claim(
    "and the old one sees it taken for more than a minute",
    answer > MINUTE,
    `for ${inSeconds(answer)}`,
  );
}

async function recover(scene, { server, connect }, ...sessions) {
  await scene.timeskew("recover", "--pid", server.pid, "--tree");
  const all = [...sessions, await connect("newest session")];
  const clocks = await Promise.all(all.map((session) => session.readClock()));
  const areRight = clocks.every(({ offset }) => isAbout(offset, 0));
  scene.claim(
    "all have the true time again, and so have new ones",
    areRight,
    clocks.map(({ offset }) => inSeconds(offset)).join(", "),
  );
}

async function rates(scene, { connect }, before) {
  const fast = await connect(`--rate ${FAST}`, { unit: "s", line: "straight" });
  const slow = await connect(`--rate ${SLOW}`, { unit: "s", line: "straight" });
  await before.ask("insert into job (note) values ('third')");
  const inserted = scene.now();
  await scene.timeskew("inject", "--pid", fast.pid, "--rate", FAST);
  await scene.timeskew("inject", "--pid", slow.pid, "--rate", SLOW);
  for (const session of [fast, slow]) await session.readClock();

  const [quick, long, exact] = await Promise.all([fast, slow, before].map((session) => session.timeOut()));
  const [more, less] = [await fast.ageOf("third"), await slow.ageOf("third")];
  const age = scene.now() - inserted;
  for (const session of [fast, slow]) await session.readClock();
  scene.claim(
    `a row is older for a clock at ${FAST} times the speed`,
    more > age + 1_000,
    `${inSeconds(more)}, and truly ${inSeconds(age)}`,
  );
  scene.claim(`and younger at ${SLOW} times`, less < age - 1_000, inSeconds(less));
  const seen = (took) => `it takes ${inSeconds(took)}`;
  scene.claim(
    "statement_timeout = 1 s is a true second at the true speed",
    isASecond(exact.took),
    seen(exact.took),
  );
  scene.claim("it is one for the fast clock, too", isASecond(quick.took), seen(quick.took));
  scene.claim("but lasts until a slow clock shows a second more", long.took > LATE, seen(long.took));
}

async function strobe(scene, { connect }) {
  const session = await connect("--strobe", { unit: "ms" });
  await scene.timeskew("inject", "--pid", session.pid, ...STROBE);

  const { isEarlier, isConstant, seen } = await timeWithinTransactions(scene, session);
  scene.claim("clock_timestamp() is earlier than its transaction's now()", isEarlier, seen);
  scene.claim("now() stays what it is throughout a transaction", isConstant);

  const steps = await stepsBack(scene, session);
  scene.claim(
    "rows are inserted in another order than their times tell",
    steps > 0,
    `${steps} of them before the last one`,
  );

  const late = await scene.within(scene.isSkewed ? PATIENCE : 1, async () => {
    await untilAhead(scene, session);
    const { took } = await session.timeOut();
    return took > LATE && took;
  });
  scene.claim(
    "a statement_timeout lasts longer by the step if the clock goes back meanwhile",
    late !== undefined,
    late === undefined ? "none did" : `1 s took ${inSeconds(late)}`,
  );
}

/** Until the strobe has it ahead, so that its next step is one back. */
function untilAhead(scene, session) {
  const isAhead = async () => (await session.readClock()).offset > 1_000;
  return scene.isSkewed && scene.until("a clock that is ahead", isAhead);
}

/** Looks at both clocks of transactions, until one has gone back in a transaction. */
async function timeWithinTransactions(scene, session) {
  let isConstant = true;
  let last = 0;
  const isEarlier = async () => {
    await untilAhead(scene, session);
    await session.ask("begin");
    const looks = [];
    await scene.within(IN_VAIN, async () => {
      looks.push(await lookAtBoth(session));
      return looks.at(-1).since < 0;
    });
    await session.ask("commit");
    isConstant &&= looks.every(({ began }) => began === looks[0].began);
    last = looks.at(-1).since;
    return last < 0;
  };
  await scene.within(scene.isSkewed ? PATIENCE : 1, isEarlier);
  return { isEarlier: last < 0, isConstant, seen: `by ${inSeconds(-last)}` };
}

/** now(), and by how much clock_timestamp() is later; ms. */
async function lookAtBoth(session) {
  const sql = "select extract(epoch from now()) * 1000, extract(epoch from clock_timestamp() - now()) * 1000";
  const { answer, from, to } = await session.ask(sql);
  const [began, since] = answer.split("|").map(Number);
  session.noteClock(began + since, from, to);
  return { began, since };
}

/** Inserts rows until one has an earlier time than the one before it. How many have, as Postgres counts. */
async function stepsBack(scene, session) {
  const insert = "insert into reading default values returning extract(epoch from at) * 1000";
  const steps = "select id, at - lag(at) over (order by id) as step from reading";
  const counted = async () => {
    const { answer, from, to } = await session.ask(insert);
    session.noteClock(Number(answer), from, to);
    return Number((await session.ask(`select count(*) from (${steps}) as steps where step < '0'`)).answer);
  };
  return (await scene.within(scene.isSkewed ? PATIENCE : IN_VAIN, counted)) ?? 0;
}

/** To some seconds, which a busy machine may take to answer. */
function isAbout(ms, expected) {
  return Math.abs(ms - expected) < MINUTE;
}

/** Never less; the machine may be late. */
function isASecond(ms) {
  return ms >= 999 && ms < LATE;
}

function inSeconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
