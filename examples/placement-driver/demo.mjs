/**
 * The experiment of Chaos Mesh's article on TiDB. The monitor of the placement driver, which hands out the timestamps of
 * all transactions, gets a clock that is ten minutes behind for a while, again and again, and says so. A bank beside it
 * notices nothing. Then the bank itself gets such a clock.
 */
import { demonstrate } from "../support/scene.mjs";
import { openBank, TOTAL } from "./bank.mjs";
import { goVersion, startMonitor } from "./monitor.mjs";
import { beginningOf, isOff, truthOf, windowsOf } from "./schedule.mjs";
import { drawPlay } from "./timeline.mjs";

/** The article's is ten minutes behind for 10 s of each minute. Here each takes less long; in ms. */
const SCHEDULE = { offset: -600_000, duration: 1_000, every: 3_000 };
const SKEW = ["--offset", "-600s", "--duration", "1s", "--every", "3s"];

/** Between two looks at the bank, and at who traces the monitor, ms. */
const PAUSE = 100;
/** How long windows are waited for that do not come, ms. */
const PATIENCE = 30_000;
/** A reading lies between the true times before and after it; these may run off the machine's clock by so much, ms. */
const ABOUT = 50;

const ABOUT_IT = {
  title: "The placement driver's monitor sees its clock jump back; the bank goes on",
  programs: {
    go: "golang-go",
    initdb: "postgresql",
    postgres: "postgresql",
    psql: "postgresql",
    pgbench: "postgresql",
  },
};

await demonstrate(ABOUT_IT, async (scene) => {
  const [monitor, bank] = await Promise.all([startMonitor(scene), openBank(scene)]);
  scene.timeline.subtitle = `PostgreSQL ${await bank.version()}, ${await goVersion(scene)}, ${scene.kernel}`;
  /** What is told in the end: who traced the monitor, and the commands that were given. */
  const play = { monitor, bank, looks: [], commands: [] };
  const atMonitor = await skewMonitor(scene, play);
  const atBank = await skewBank(scene, play);
  await tellAfterwards(scene, play, atMonitor.recovered);
  drawPlay(scene.timeline, play, atMonitor, atBank);
});

// ---- the parts -----------------------------------------------------------------------------------------------------

/** The skew comes and goes at the monitor: what it says of that, and what the bank does meanwhile. */
async function skewMonitor(scene, play) {
  const { monitor, bank } = play;
  scene.head("The monitor's clock, ten minutes behind for 1 s of each 3 s, by one command");
  const injected = await timeskew(scene, play, "inject", monitor, "--pid", monitor.pid, ...SKEW);
  const seen = await watchWindows(scene, play, monitor.readings, 3);
  const jumps = [...monitor.jumps];
  const recovered = await timeskew(scene, play, "recover", monitor, "--pid", monitor.pid);

  for (const { text } of jumps) scene.say(text);
  claimJumps(scene, jumps, seen);
  claimSchedule(scene, "monitor", seen);
  claimAlone(scene, play.looks, seen, injected);
  scene.head("The bank beside it");
  claimTrueClock(scene, "Beside it, the bank's clock is true.", bank.readings);
  claimSum(scene, "The sum of all accounts never changes.", bank.readings);
  await claimTransfers(scene, "Transfers go on in each window.", bank, seen.spans);
  return { ...seen, recovered };
}

/** The same skew for all processes of the bank's Postgres. */
async function skewBank(scene, play) {
  const { bank } = play;
  scene.head("The same clock for the bank itself");
  const first = bank.readings.length;
  await timeskew(scene, play, "inject", bank, "--pid", bank.pid, "--tree", ...SKEW);
  const seen = await watchWindows(scene, play, bank.readings, 2);
  const readings = bank.readings.slice(first);
  const back = readings
    .map((reading, n) => ({ ...reading, before: bank.readings[first + n - 1].now }))
    .filter(({ now, before }) => now < before);
  await timeskew(scene, play, "recover", bank, "--pid", bank.pid, "--tree");

  for (const { now, before } of back) {
    scene.say(`its now() is ${timeOfDay(before)}, and the next time ${timeOfDay(now)}`);
  }
  const { windows, spans } = seen;
  scene.claim(
    "The bank's now() goes back once in each window, and never else.",
    windows.length >= 2 && back.length === windows.length,
    `${windows.length} windows, ${back.length} times`,
  );
  claimSchedule(scene, "bank", seen);
  claimSum(scene, "With such a clock, too, the sum of all accounts never changes.", readings);
  await claimTransfers(
    scene,
    "Transfers go on in each of these windows, too.",
    bank,
    spans,
    scene.isSkewed ? SCHEDULE.offset : 0,
  );
  await claimStatement(scene, bank);
  return { ...seen, back };
}

/** All is as it was. */
async function tellAfterwards(scene, { monitor, bank }, recovered) {
  scene.head("Afterwards");
  const since = monitor.readings.filter((reading) => truthOf(reading, SCHEDULE) > recovered);
  const off = since.filter((reading) => isOff(reading, SCHEDULE)).length;
  const said = monitor.jumps.filter(({ last }) => last > recovered).length;
  const ms = since.length > 0 ? since.at(-1).own - since[0].own : 0;
  scene.claim(
    "The monitor's clock is true again, and it says nothing more.",
    off === 0 && said === 0 && ms > SCHEDULE.every,
    `${since.length} readings in ${seconds(ms)}, ${off} wrong; ${said} lines`,
  );
  claimTrueClock(scene, "The bank's clock is true again.", [
    await bank.look(),
    await bank.look(),
    await bank.look(),
  ]);
  await bank.close();
  const { accounts, transfers, differ } = await bank.audit();
  scene.claim(
    "Each account has what the ledger makes of it.",
    accounts > 0 && differ === 0,
    `${accounts} accounts, ${transfers} transfers, ${differ} differ`,
  );
}

// ---- looking on ----------------------------------------------------------------------------------------------------

/** Looks at the bank, and at who traces the monitor, until it is over. */
async function watch(scene, { monitor, bank, looks }, isOver) {
  while (!isOver()) {
    await bank.look();
    looks.push({ at: scene.now(), tracer: monitor.tracer() });
    await scene.sleep(PAUSE);
  }
}

/** Watches while timeskew works. @returns {Promise<number>} when it had ended */
async function timeskew(scene, play, name, whom, ...words) {
  const from = scene.now();
  let hasEnded = false;
  const command = scene.timeskew(name, ...words).finally(() => {
    hasEnded = true;
  });
  await Promise.all([command, watch(scene, play, () => hasEnded)]);
  const to = scene.now();
  if (scene.isSkewed) play.commands.push({ name, whom, from, to });
  return to;
}

/**
 * Watches until so many windows are over; in the control, as long as they would have taken.
 *
 * @param {readonly import("./schedule.mjs").Reading[]} readings of the clock whose windows they are
 * @returns {Promise<{ windows: import("./schedule.mjs").Window[], beginning?: import("./schedule.mjs").Between,
 *   spans: [from: number, until: number][] }>} what the readings tell, and the times of the windows by the schedule
 */
async function watchWindows(scene, play, readings, count) {
  const asked = scene.now();
  const latest = asked + (count - 1) * SCHEDULE.every + SCHEDULE.duration;
  const seen = () => windowsOf(readings, SCHEDULE);
  const isOver = () =>
    scene.isSkewed
      ? seen().filter(({ end }) => end).length >= count || scene.now() > latest + PATIENCE
      : scene.now() > latest;
  await watch(scene, play, isOver);
  const windows = seen();
  const beginning = beginningOf(readings, SCHEDULE);
  const spans = Array.from({ length: count }, (_, n) => {
    const from = (beginning?.[1] ?? asked) + n * SCHEDULE.every;
    return [from, from + SCHEDULE.duration];
  });
  return { windows, beginning, spans };
}

// ---- claims --------------------------------------------------------------------------------------------------------

function claimJumps(scene, jumps, { windows }) {
  scene.claim(
    'The monitor says "system time jump backward" once in each window, at its beginning, and never else.',
    windows.length >= 3 &&
      jumps.length === windows.length &&
      jumps.every(({ last }, n) => last === windows[n].begin[0]),
    `${windows.length} windows, ${jumps.length} lines`,
  );
}

function claimSchedule(scene, whose, { beginning }) {
  scene.claim(
    `The ${whose}'s readings fit one schedule, 1 s of each 3 s.`,
    beginning !== undefined,
    beginning ? `begun between ${beginning.map(timeOfDay).join(" and ")}` : "no beginning explains them",
  );
}

/** Only looks that were inside a window by the clock's own readings count. */
function claimAlone(scene, looks, { windows }, injected) {
  const later = windows.filter(({ begin }) => begin[0] > injected);
  const inside = looks.filter(({ at }) =>
    later.some(({ begin, end }) => end && begin[1] < at && at < end[0]),
  );
  const traced = inside.filter(({ tracer }) => tracer !== "0").length;
  scene.claim(
    "Windows come when the command has long ended, and nobody traces the monitor in them.",
    later.length >= 2 && inside.length > 0 && traced === 0,
    `${later.length} such windows; TracerPid was 0 at ${inside.length - traced} of ${inside.length} looks`,
  );
}

function claimTrueClock(scene, words, readings) {
  const wrong = readings.filter(({ own, from, at }) => own < from - ABOUT || own > at + ABOUT).length;
  scene.claim(words, readings.length > 0 && wrong === 0, `${readings.length} readings, ${wrong} wrong`);
}

function claimSum(scene, words, readings) {
  const others = readings.filter(({ sum }) => sum !== TOTAL).length;
  scene.claim(
    words,
    readings.length > 0 && others === 0,
    `${readings.length} readings, ${readings.length - others} of them ${TOTAL.toLocaleString("en")}`,
  );
}

/** @param {number} [offset] of the clock by which they are stamped in these times, ms */
async function claimTransfers(scene, words, bank, spans, offset = 0) {
  const counts = [];
  for (const [from, until] of spans) counts.push(await bank.stamped(from + offset, until + offset));
  scene.claim(
    words,
    counts.every((count) => count > 0),
    `${counts.join(", ")} of them`,
  );
}

async function claimStatement(scene, bank) {
  const { listed, all } = await bank.statement();
  const age = seconds(scene.now() - bank.readings[0].from);
  scene.claim(
    "A statement of the last five minutes lacks transfers that were just made.",
    listed < all,
    `it lists ${listed} of ${all}, all made in ${age}`,
  );
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** "23:19:05.833" */
function timeOfDay(ms) {
  return new Date(ms).toISOString().slice(11, 23);
}
