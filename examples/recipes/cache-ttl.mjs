/**
 * Which cache follows which clock? Entries of a minute in Redis, nginx and memcached, while first their wall clocks and
 * then their monotonic ones step two minutes ahead; and a memcached that was started on another day.
 */
import { demonstrate } from "../support/scene.mjs";
import { startMemcached, startNginx, startRedis } from "./caches.mjs";

const programs = {
  "redis-server": "redis-server",
  "redis-cli": "redis-tools",
  nginx: "nginx-light",
  curl: "curl",
  memcached: "memcached",
};

await demonstrate({ title: "A minute in three caches", programs }, async (scene) => {
  const caches = {
    Redis: await startRedis(scene),
    nginx: await startNginx(scene),
    memcached: await startMemcached(scene),
  };
  await stepAhead(scene, caches, "CLOCK_REALTIME", ["Redis", "nginx"]);
  await stepAhead(scene, caches, "CLOCK_MONOTONIC", ["memcached"]);
  await startedOnAnotherDay(scene);
});

/** Those of the caches that lose their entry are named. */
async function stepAhead(scene, caches, clock, losers) {
  const pids = Object.values(caches).flatMap(({ pid }) => ["--pid", pid]);
  for (const cache of Object.values(caches)) await cache.fill();
  await scene.timeskew("inject", ...pids, "--tree", "--clock", clock, "--offset", "2m");
  for (const [name, cache] of Object.entries(caches)) {
    const [isThere, words] = await cache.look();
    const isLost = losers.includes(name);
    scene.claim(`${name} ${isLost ? "loses" : "keeps"} it by ${clock}`, isThere !== isLost, words);
  }
  // A monotonic clock that went back would have their timers stand still for two minutes.
  if (clock === "CLOCK_REALTIME") await scene.timeskew("recover", ...pids, "--tree");
}

/** What is to end at a given moment (an expiry of more than 30 days is one), in a memcached that knows only its start. */
async function startedOnAnotherDay(scene) {
  const inSeconds = (count) => Math.floor(scene.now() / 1000) + count;
  const ahead = await startMemcached(scene, ["--offset", "1d"]);
  await ahead.fill(inSeconds(60));
  const [isThere, answer] = await ahead.look();
  scene.claim("started a day ahead, it has nothing that is to end in a minute", !isThere, answer);

  const behind = await startMemcached(scene, ["--offset", "-1d", "--duration", "5s"]);
  const end = inSeconds(3);
  await behind.fill(end);
  await scene.sleep((end + 5) * 1000 - scene.now());
  const [isStill, words] = await behind.look();
  scene.claim("a day behind for five seconds, at its start, it keeps what has ended", isStill, words);
}
