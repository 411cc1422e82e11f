/**
 * A Redis server and its replica, whose clocks are wrong in turns. All that is said comes from redis-cli,
 * whose own clock is right, and from the servers' own TIME.
 */
import { demonstrate } from "../support/scene.mjs";
import { startPair } from "./pair.mjs";

/** ms. */
const LOCK_TTL = 60_000;
const SESSION_TTL = 3_000;
const TOKEN_TTL = 6_000;
const FLAG_TTL = 60_000;
/** Longer than any of them. */
const STEP = "120s";
const RATE = 4;
const STROBE = ["--strobe", STEP, "--period", "500ms"];
/** There, gone, there, gone, there. */
const CHANGES = 4;
/** How long a busy machine may take to see what should be seen, ms. */
const PATIENCE = 20_000;
const BETWEEN_LOOKS = 30;
/** Looks, where nothing is to be waited for because no clock is wrong. */
const LOOKS_OF_CONTROL = 10;

await demonstrate(
  {
    title: "Redis keys under a wrong clock",
    programs: { "redis-server": "redis-server", "redis-cli": "redis-tools" },
  },
  async (scene) => {
    const [primary, replica] = await startPair(scene);
    const keys = {
      primary: scene.timeline.lane("keys of the primary"),
      replica: scene.timeline.lane("keys of the replica"),
    };

    scene.head("Two minutes ahead: what was promised for a minute ends at once");
    await forward(scene, primary, keys);
    scene.head("Two minutes behind: a key outlives its time");
    await back(scene, primary, replica, keys);
    scene.head(`A clock that runs ${RATE} times as fast`);
    await fast(scene, primary, keys);
    scene.head("Forth and back each half second, on the replica");
    await strobeReplica(scene, primary, replica, keys);
    scene.head("Forth and back each half second, on the primary");
    await strobePrimary(scene, primary, replica, keys);
  },
);

async function forward(scene, primary, keys) {
  const locked = scene.now();
  const take = (who) => `SET lock ${who} NX PX ${LOCK_TTL}`;
  const [first, second] = await primary.ask(take("worker-1"), take("worker-2"));
  if (first !== "OK" || second !== "") throw new Error(`not a lock for one: "${first}", "${second}"`);
  scene.say("worker-1 has a lock for a minute, worker-2 cannot get it; a BLPOP waits for a minute");
  const wait = await blockOn(scene, primary, LOCK_TTL);

  await scene.timeskew("inject", "--pid", primary.pid, "--offset", STEP);
  const [again] = await primary.ask(take("worker-2"));
  const taken = scene.now();
  scene.claim(
    "worker-2 gets the lock that is worker-1's for a minute",
    again === "OK" && taken - locked < LOCK_TTL,
    `the answer is "${again}", ${inSeconds(taken - locked)} after it was locked`,
  );
  const end = await Promise.race([wait.exited, scene.sleep(LOCK_TTL / 10)]);
  const waited = scene.now() - locked;
  scene.claim(
    "a BLPOP that is to wait for a minute gives up",
    end?.code === 0 && waited < LOCK_TTL,
    `${end ? "it has ended" : "it waits"} after ${inSeconds(waited)}`,
  );
  keys.primary.span(locked, again === "OK" ? taken : scene.now(), "lock", "info");

  await scene.timeskew("recover", "--pid", primary.pid);
  const [left] = await primary.ask("PTTL lock");
  scene.claim(
    "back at the true time, worker-2's lock has more than a minute left",
    Number(left) > LOCK_TTL,
    `PTTL says ${inSeconds(left)}`,
  );
  await primary.ask("DEL lock");
  if (again === "OK") keys.primary.span(taken, scene.now(), "another's lock", "bad");
  await wait.stop();
}

async function back(scene, primary, replica, keys) {
  const { ttl, set, began, wait } = await stepBackDuringSession(scene, primary);
  const due = Math.max(set, began) + ttl;
  await scene.sleep(due + 1_000 - scene.now());
  const [value, left, ...clients] = await primary.ask("GET session", "PTTL session", "INFO clients");
  const age = inSeconds(scene.now() - set);
  scene.claim(
    "the session is there after its time",
    value === "alice",
    `"${value}" after ${age} of ${inSeconds(ttl)}`,
  );
  scene.claim("it has more time left than it was given", left > ttl, `PTTL says ${inSeconds(left)}`);
  const isWaiting = isBlocked(clients);
  scene.claim(
    "a BLPOP waits beyond its time",
    isWaiting,
    `${isWaiting ? "waits" : "has ended"} after ${age}`,
  );
  const [copy] = await replica.ask("GET session");
  scene.claim("the replica, whose clock is right, says that the session is gone", copy === "", `"${copy}"`);

  await scene.timeskew("recover", "--pid", primary.pid);
  const [afterwards] = await primary.ask("GET session");
  const gone = scene.now();
  scene.claim("back at the true time the session is gone at once", afterwards === "", `"${afterwards}"`);
  await wait.exited;
  keys.primary.span(set, set + ttl, "session", "info");
  if (value === "alice") keys.primary.span(set + ttl, gone, "still there", "bad");
  keys.replica.span(set, set + ttl, "session", "info");
}

/**
 * Sets the primary's clock back while a session lasts and a BLPOP waits. (A busy machine may need longer for
 * that than the session lasts: again, then, with a longer one.)
 */
async function stepBackDuringSession(scene, primary) {
  for (let ttl = SESSION_TTL; ; ttl *= 2) {
    const set = scene.now();
    await primary.ask(`SET session alice PX ${ttl}`);
    scene.say(`a session of ${ttl / 1000} s, and a BLPOP that waits as long`);
    const wait = await blockOn(scene, primary, ttl);
    const began = scene.now();
    await scene.timeskew("inject", "--pid", primary.pid, "--offset", `-${STEP}`);
    if (scene.now() - set < ttl) return { ttl, set, began, wait };
    await scene.timeskew("recover", "--pid", primary.pid);
    await wait.stop();
  }
}

/** A client that waits, as the server knows; or has waited, on a very busy machine. */
async function blockOn(scene, server, ms) {
  const client = await scene.start("BLPOP", [...server.client, "BLPOP", "nothing", String(ms / 1000)]);
  let isOver = false;
  client.exited.then(() => {
    isOver = true;
  });
  await scene.until("a client that waits", async () => isOver || isBlocked(await server.ask("INFO clients")));
  return client;
}

function isBlocked(info) {
  return info.includes("blocked_clients:1");
}

async function fast(scene, primary, keys) {
  await scene.timeskew("inject", "--pid", primary.pid, "--rate", RATE);
  const set = scene.now();
  await primary.ask(`SET token t PX ${TOKEN_TTL}`);
  const isGone = async () => (await primary.ask("GET token"))[0] === "";
  const gone = await scene.within(0.75 * TOKEN_TTL, async () => (await isGone()) && scene.now());
  scene.claim(
    `a token of ${TOKEN_TTL / 1000} s ends long before`,
    gone !== undefined,
    gone
      ? `after ${inSeconds(gone - set)} of true time`
      : `it is there after ${inSeconds(scene.now() - set)}`,
  );
  keys.primary.span(set, gone ?? scene.now(), "token", "info");
  if (gone !== undefined) keys.primary.event(gone, "token gone", "bad");
  await scene.timeskew("recover", "--pid", primary.pid);
}

/** A replica deletes nothing by itself: what it takes for expired it only does not show. */
async function strobeReplica(scene, primary, replica, keys) {
  const set = await setFlag(scene, primary, replica);
  await scene.timeskew("inject", "--pid", replica.pid, ...STROBE);
  const looks = await lookAtFlag(scene, primary, replica);
  await scene.timeskew("recover", "--pid", replica.pid);

  const changes = changesOf(looks);
  scene.claim(
    "on the replica the flag is there, is gone, is there again",
    changes.length >= CHANGES,
    `it came and went ${changes.length} times`,
  );
  const hidden = looks.filter(({ there }) => !there);
  scene.claim(
    "while it is gone the replica's DBSIZE counts it",
    hidden.length > 0 && hidden.every(({ size }) => size === 1),
    `${hidden.length} looks`,
  );
  scene.claim(
    "the primary has it all the time",
    looks.every((look) => look.onPrimary),
    `${looks.length} looks`,
  );
  drawFlag(keys.replica, [{ at: set, there: true }, ...looks]);
}

/** On both. @returns since when */
async function setFlag(scene, primary, replica) {
  const set = scene.now();
  await primary.ask(`SET flag on PX ${FLAG_TTL}`);
  await scene.until("the flag on the replica", async () => (await replica.ask("GET flag"))[0] === "on");
  return set;
}

/** Until it has come and gone often enough on the replica. */
async function lookAtFlag(scene, primary, replica) {
  const looks = [];
  await scene.within(PATIENCE, async () => {
    const [value, size] = await replica.ask("GET flag", "DBSIZE");
    const at = scene.now();
    const [original] = await primary.ask("GET flag");
    looks.push({ at, there: value === "on", size: Number(size), onPrimary: original === "on" });
    await scene.sleep(BETWEEN_LOOKS);
    return changesOf(looks).length >= CHANGES || (!scene.isSkewed && looks.length > LOOKS_OF_CONTROL);
  });
  return looks;
}

/** The looks that saw another thing than the look before them. */
function changesOf(looks) {
  return looks.filter(({ there }, index) => index > 0 && there !== looks[index - 1].there);
}

/** A span for each time that it was there. */
function drawFlag(lane, looks) {
  const turns = [looks[0], ...changesOf(looks)];
  for (const [index, { at, there }] of turns.entries()) {
    const until = turns[index + 1]?.at ?? looks.at(-1).at;
    if (there) lane.span(at, until, "flag", "info");
    else lane.event(at, "gone", "bad");
  }
}

/** A primary deletes what it takes for expired: once is enough. Stream ids are made of the same clock. */
async function strobePrimary(scene, primary, replica, keys) {
  const set = await setFlag(scene, primary, replica);
  await scene.timeskew("inject", "--pid", primary.pid, ...STROBE);
  const looks = await appendToStream(scene, primary);
  await scene.timeskew("recover", "--pid", primary.pid);

  const [value] = await primary.ask("GET flag");
  const [copy] = await replica.ask("GET flag");
  const age = scene.now() - set;
  scene.claim(
    "the flag is gone for good, and from the replica, too",
    value === "" && copy === "" && age < FLAG_TTL,
    `at the true time, ${inSeconds(age)} after it was set for a minute: "${value}", "${copy}"`,
  );
  const stepsBack = stepsBackOf(looks);
  scene.claim(
    "the primary's clock goes back",
    stepsBack.length > 0,
    `TIME went back ${stepsBack.length} times`,
  );
  const isInOrder = looks.every(({ id }, index) => index === 0 || isLater(id, looks[index - 1].id));
  scene.claim("its stream ids, which are times, do not", isInOrder, `${looks.length} of XADD`);
  const gone = looks.find(({ there }) => !there)?.at;
  keys.primary.span(set, gone ?? scene.now(), "flag", "info");
  if (gone !== undefined) keys.primary.event(gone, "flag gone", "bad");
}

/** Until the clock has gone back twice. */
async function appendToStream(scene, primary) {
  const looks = [];
  await scene.within(PATIENCE, async () => {
    const [seconds, microseconds, id, value] = await primary.ask(
      "TIME",
      "XADD stream * field value",
      "GET flag",
    );
    const time = Number(seconds) + Number(microseconds) / 1e6;
    looks.push({ at: scene.now(), time, id, there: value === "on" });
    await scene.sleep(BETWEEN_LOOKS);
    return stepsBackOf(looks).length === 2 || (!scene.isSkewed && looks.length > LOOKS_OF_CONTROL);
  });
  return looks;
}

function stepsBackOf(looks) {
  return looks.filter(({ time }, index) => index > 0 && time < looks[index - 1].time);
}

/** Of stream ids: "1795302881863-1". */
function isLater(id, other) {
  const [[ms, n], [otherMs, otherN]] = [id, other].map((each) => each.split("-").map(Number));
  return ms > otherMs || (ms === otherMs && n > otherN);
}

function inSeconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
