/**
 * Two replicas of one store, whose clocks drift apart by 200 ppm: 0.2 ms in each second. The store keeps the last write, by
 * the stamps that its replicas put on them. As soon as the clocks are further apart than two writes of a client that has
 * read the first, the second may be lost, though both replicas have acknowledged it.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { demonstrate } from "../support/scene.mjs";
import { Client, lostOf, ms } from "./client.mjs";
import { Replica } from "./replica.mjs";

/** What the clock of each replica gains, and how fast they part, ppm. */
const DRIFTS = [100, -100];
const APART = DRIFTS[0] - DRIFTS[1];
/** How long is written before and after the drift, ms; and meanwhile so many times so long. */
const [BEFORE, AFTER] = [1_500, 1_500];
const [ROUNDS, ROUND] = [6, 3_000];

const about = {
  title: "Clocks drift apart by 200 ppm, and the last write is lost",
  programs: { go: "golang-go" },
};

await demonstrate(about, async (scene) => {
  const { actors, replicas } = await startReplicas(scene);
  const client = new Client(scene, replicas);

  scene.head("A client writes a key at one replica, reads it at the other, and writes it again there");
  const before = await client.writeFor(BEFORE);
  scene.claim("With the right time no write is lost.", areKept(before), lostOf(before));

  const began = [];
  for (const [index, { pid }] of actors.entries()) {
    await client.watch(scene.timeskew("inject", "--pid", pid, `--drift=${DRIFTS[index]}ppm`));
    began.push(scene.now());
  }
  const during = [];
  for (let round = 0; round < ROUNDS; round++) during.push(...(await client.writeFor(ROUND)));
  const distance = await client.distance();
  for (const [index, { pid }] of actors.entries()) {
    await client.watch(scene.timeskew("recover", "--pid", pid));
    const lane = client.clocks[index];
    if (scene.isSkewed) lane.span(began[index], scene.now(), `--drift ${DRIFTS[index]}ppm`, "skew");
  }

  claimDrift(scene, distance, began[1]);
  claimLosses(scene, during, client.losses);

  const after = await client.writeFor(AFTER);
  scene.claim("With the right time again no write is lost.", areKept(after), lostOf(after));
});

async function startReplicas(scene) {
  const program = join(scene.folder, "replica");
  const source = fileURLToPath(new URL("replica.go", import.meta.url));
  await scene.run(["go", "build", "-o", program, source], { env: { CGO_ENABLED: "0" } });
  const version = (await scene.run(["go", "env", "GOVERSION"])).stdout.trim();
  scene.timeline.subtitle = `Each replica stamps writes by its own clock, and the later stamp wins. ${version}, ${scene.kernel}`;
  const ports = [await scene.port(), await scene.port()];
  const actors = [];
  for (const [index, port] of ports.entries()) {
    const actor = await scene.start(`replica ${index + 1}`, [program, `${port}`, `${ports[1 - index]}`]);
    await actor.line(/^listening$/, "that it listens");
    actors.push(actor);
  }
  return { actors, replicas: await Promise.all(ports.map((port) => Replica.connect(port, scene.now))) };
}

// ---- what was seen ---------------------------------------------------------------------------------------------

function claimDrift(scene, { apart, error, at }, began) {
  const seconds = (at - began) / 1000;
  const expected = (seconds * APART) / 1000;
  const isExpected = Math.abs(apart - expected) <= error + expected / 10;
  scene.claim(
    `The clocks drift apart by ${APART} ppm.`,
    isExpected,
    `${ms(apart)} in ${seconds.toFixed(1)} s`,
  );
}

function claimLosses(scene, pairs, lane) {
  const lost = pairs.filter(({ isLost }) => isLost);
  const [earliest] = lost;
  if (earliest) {
    const words = `made ${ms(earliest.gap)} later, stamped ${ms(-earliest.stamped)} earlier`;
    scene.say(`The first that was lost: ${words}.`);
    lane.event(earliest.at, `the first: ${words}`, "bad");
  }
  scene.claim(
    "Acknowledged writes are lost, each made after the one that it replaces had been read.",
    lost.length > 0,
    lostOf(pairs),
  );
  const ofAhead = pairs.filter(({ first }) => DRIFTS[first] > 0);
  const others = pairs.filter(({ first }) => DRIFTS[first] < 0);
  scene.claim(
    "None is lost where the first of the two was made at the replica that is behind.",
    areKept(others),
    `${lostOf(others)}, and ${lostOf(ofAhead)} elsewhere`,
  );
}

/** @param {readonly import("./client.mjs").Pair[]} pairs */
function areKept(pairs) {
  return pairs.length > 0 && pairs.every(({ isLost }) => !isLost);
}
