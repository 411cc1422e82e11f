/**
 * Three etcd members: the leader's wall clock falls ten minutes behind, then another one's is ten minutes ahead, then
 * both are right again. Who warns of whom, who leads, and when do leases end?
 */
import { demonstrate } from "../support/scene.mjs";
import {
  claimClocks,
  claimEndsAfter,
  claimEndsInTime,
  claimLeads,
  claimNoWarning,
  claimOverdue,
  claimWarnings,
} from "./claims.mjs";
import { PROGRAMS, startCluster, versions } from "./cluster.mjs";
import { drawCluster } from "./lanes.mjs";
import { Leases } from "./leases.mjs";
import { Skews } from "./skews.mjs";

const BEHIND = -600;
const AHEAD = 600;
/** Of every lease, s. The least that etcd grants with the timeouts of this cluster is 3. */
const TTL = 5;
/** By what a clock that nobody skews may differ from the host's, ns, and this program's from its own stopwatch, ms. */
const NEARLY_NS = 1e6;
const NEARLY_MS = 1_000;

const title = "etcd: one member ten minutes behind, another one ten minutes ahead";

await demonstrate({ title, programs: PROGRAMS }, async (scene) => {
  const cluster = await startCluster(scene);
  scene.timeline.subtitle = await versions(scene);
  const play = {
    scene,
    cluster,
    leases: new Leases(cluster),
    skews: new Skews(scene),
    ownClock: ownClock(scene),
  };
  await cluster.withClocksRead(async () => {
    const before = await allRight(play);
    await leaderBehind(play);
    await anotherAhead(play, before);
    await everybodyElse(play);
    await recovered(play, before);
  });
  drawCluster(play);
});

async function allRight({ scene, cluster, leases }) {
  const [one, , three] = cluster.members;
  await leases.watch(three);
  const leadership = await cluster.agreed();
  scene.head(`etcd-1 leads, in term ${leadership.term}`);
  claimClocks(scene, "all three stamp their logs with the true time", cluster.members, 0, 0);
  return { leadership, lease: await leases.grant("early", TTL, one) };
}

async function leaderBehind({ scene, cluster, leases, skews }) {
  const [one, two] = cluster.members;
  scene.head("The leader falls ten minutes behind");
  await skews.inject(one, "−600 s", "--offset", `${BEHIND}s`, "--clock", "CLOCK_REALTIME");
  const since = scene.now();
  const lease = await leases.grant("behind", TTL, two);
  await cluster.compareClocks();
  const warnings = cluster.warnings(since);

  claimClocks(scene, "etcd-1 stamps its log ten minutes in the past", [one], BEHIND, since);
  claimWarnings(scene, "the others warn of its clock, and of nobody else's", warnings, [
    ["etcd-2", "etcd-1", -BEHIND],
    ["etcd-3", "etcd-1", -BEHIND],
  ]);
  const its = warnings.filter(({ by }) => by === one.name);
  claimNoWarning(scene, "etcd-1 has compared its clock with theirs, and warns of nothing", its);
  await claimEndsInTime(scene, "a lease granted now ends when it should", lease);
}

async function anotherAhead({ scene, cluster, leases, skews }, before) {
  const [, two, three] = cluster.members;
  scene.head("Besides, etcd-2 is ten minutes ahead");
  await skews.inject(two, "+600 s", "--offset", `${AHEAD}s`, "--clock", "CLOCK_REALTIME");
  const since = scene.now();
  const lease = await leases.grant("ahead", TTL, two);
  await cluster.compareClocks();
  const warnings = cluster.warnings(since);

  claimClocks(scene, "etcd-2 stamps its log ten minutes in the future", [two], AHEAD, since);
  claimWarnings(scene, "it warns of both others, etcd-3 of etcd-1 as before", warnings, [
    ["etcd-2", "etcd-1", AHEAD - BEHIND],
    ["etcd-2", "etcd-3", AHEAD],
    ["etcd-3", "etcd-1", -BEHIND],
  ]);
  const ofIt = warnings.filter(({ of }) => of === two.name);
  claimNoWarning(scene, "nobody warns of etcd-2, the one that is ahead", ofIt);
  await claimEndsInTime(scene, "a lease granted through it ends when it should", lease);
  await claimOverdue(
    scene,
    "the lease from before the skew is overdue, and held",
    before.lease,
    leases,
    three,
  );
  await claimLeads(scene, "etcd-1 has led all the time, in the same term", cluster, before.leadership);
}

async function everybodyElse({ scene, cluster, ownClock }) {
  const three = cluster.members[2];
  scene.head("Meanwhile, everybody else");
  claimClocks(scene, "etcd-3 has stamped its log with the true time all along", [three], 0, 0);
  await claimNeighbour(scene, three);
  const moved = ownClock();
  scene.claim(
    "this program's clock is right, too",
    moved < NEARLY_MS,
    `${moved.toFixed(1)} ms off its stopwatch`,
  );
}

async function recovered({ scene, cluster, skews }, before) {
  scene.head("Both get the true time back");
  const until = scene.now();
  for (const member of cluster.members.slice(0, 2)) await skews.recover(member);
  const since = scene.now();
  await claimEndsAfter(scene, "the lease from before the skew ends only now", before.lease, until);
  await cluster.compareClocks();

  claimClocks(scene, "all three stamp their logs with the true time again", cluster.members, 0, since);
  claimNoWarning(scene, "they have compared their clocks, and nobody warns", cluster.warnings(since));
  await claimLeads(scene, "etcd-1 still leads, in the same term", cluster, before.leadership);
  await claimUnskewed(scene, cluster.members);
}

/** By how much this program's wall clock has moved since then against its monotonic one, ms. */
function ownClock(scene) {
  const read = () => Date.now() - scene.now();
  const first = read();
  return () => Math.abs(read() - first);
}

/** By the member's own clock functions, called in it. Not looked at in the control. */
async function claimNeighbour(scene, { name, pid }) {
  const now = await scene.timeskew("now", "--pid", pid);
  const real = now?.targets[0].readings.find((reading) => reading.name === "CLOCK_REALTIME");
  const seen = real && `CLOCK_REALTIME: ${real.difference} ns from the host's`;
  scene.claim(
    `${name}'s clock functions return it, too`,
    !now || Math.abs(real.difference) < NEARLY_NS,
    seen,
  );
}

async function claimUnskewed(scene, members) {
  const status = await scene.timeskew("status", ...members.flatMap(({ pid }) => ["--pid", pid]));
  const states = status?.targets.map(({ state }) => state) ?? [];
  const held = states.length === members.length && states.every((state) => state === "unskewed");
  scene.claim("timeskew finds nothing of itself in them", held, states.join(", ") || "not asked");
}
