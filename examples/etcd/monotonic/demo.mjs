/**
 * Three etcd members, and the leader's CLOCK_MONOTONIC, by which it counts what has passed: it is slow, then it is far
 * ahead, then it is taken back. Who leads, and when do leases end?
 */
import { demonstrate } from "../../support/scene.mjs";
import { claimClocks, claimDeposed, claimEndsEarly, claimLeads } from "../claims.mjs";
import { PROGRAMS, startCluster, versions } from "../cluster.mjs";
import { drawCluster } from "../lanes.mjs";
import { Leases } from "../leases.mjs";
import { Skews } from "../skews.mjs";

/** A heartbeat each 0.2 s becomes one each 10 s; the others wait for it for 2 to 4 s. */
const SLOW = 0.02;
const AHEAD = 60;
const TTL = 60;
/** How long a new leader, and the end of a lease, are waited for, ms. */
const SOON = 12_000;

const title = "etcd: the leader's monotonic clock slow, ahead, and taken back";

await demonstrate({ title, programs: PROGRAMS }, async (scene) => {
  const cluster = await startCluster(scene);
  scene.timeline.subtitle = await versions(scene);
  const play = { scene, cluster, leases: new Leases(cluster), skews: new Skews(scene) };
  await cluster.withClocksRead(async () => {
    await slow(play);
    const leadership = await ahead(play);
    await takenBack(play, leadership);
  });
  drawCluster(play);
});

async function slow({ scene, cluster, skews }) {
  const [one] = cluster.members;
  const leadership = await cluster.agreed();
  scene.head(`etcd-1 leads, in term ${leadership.term}; its monotonic clock runs at a fiftieth`);
  await skews.inject(one, `CLOCK_MONOTONIC × ${SLOW}`, "--rate", SLOW, "--clock", "CLOCK_MONOTONIC");
  const words = "the others miss its heartbeats, and elect another leader";
  const next = await claimDeposed(scene, words, cluster, leadership, SOON);
  claimClocks(scene, "its log has the true time all along: its wall clock is right", [one], 0, 0);
  await skews.recover(one);
  await claimLeads(scene, "when it is right again it follows", cluster, next);
}

async function ahead({ scene, cluster, leases, skews }) {
  const [one, two, three] = cluster.members;
  await leases.watch(three);
  const leadership = await cluster.lead(two);
  scene.head(`etcd-2 leads, in term ${leadership.term}; both its clocks are a minute ahead`);
  const lease = await leases.grant("minute", TTL, one);
  const clocks = ["--clock", "CLOCK_REALTIME", "--clock", "CLOCK_MONOTONIC"];
  await skews.inject(two, `both clocks +${AHEAD} s`, "--offset", `${AHEAD}s`, ...clocks);
  await claimEndsEarly(scene, "a lease of a minute ends at once", lease, SOON);
  await claimLeads(scene, "etcd-2 leads on", cluster, leadership);
  return leadership;
}

async function takenBack({ scene, cluster, skews }, leadership) {
  const two = cluster.members[1];
  scene.head("Its clocks are taken back");
  await claimRefused(scene, two);
  await skews.recover(two, "--allow-backward-monotonic");
  await claimDeposed(scene, "taken back by force, it loses the leadership", cluster, leadership, SOON);
}

/** That timeskew does not let the monotonic clock jump back unless it is told to. */
async function claimRefused(scene, { pid }) {
  const words = await scene.timeskew("recover", "--pid", pid).then(
    () => "not refused",
    (error) => error.message,
  );
  scene.claim("timeskew refuses to take a monotonic clock back", /which no kernel does/.test(words), words);
}
