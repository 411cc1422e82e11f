/** The timeline of a play with a cluster. */

/** Warnings of one clock that come so close together are one comparison's: ms. */
const ONE_COMPARISON = 2_000;

/**
 * @param {{ scene: any, cluster: import("./cluster.mjs").Cluster, leases: import("./leases.mjs").Leases,
 *   skews: import("./skews.mjs").Skews }} play
 */
export function drawCluster({ scene, cluster, leases, skews }) {
  for (const member of cluster.members) {
    const lane = scene.timeline.lane(member.name, { unit: "s" });
    for (const { at, offset } of member.readings) lane.offset(at, offset);
    for (const { from, to = scene.now(), text } of skews.all.filter((skew) => skew.member === member)) {
      lane.span(from, to, text, "skew");
    }
    drawWarnings(lane, cluster, member);
    drawElections(lane, cluster, member);
  }
  for (const lease of leases.all) drawLease(scene, lease);
}

function drawWarnings(lane, cluster, member) {
  const nameOf = (id) => cluster.members.find((one) => one.id === id)?.name;
  for (const { at, id, drift } of warnings(member)) {
    lane.event(at, `warns: ${nameOf(id)} ${Math.round(drift / 60)} min`, "bad");
  }
  for (const { from, at } of cluster.comparisons) {
    if (!member.warnings(from).some((warning) => warning.at <= at)) lane.event(at, "warns of nobody", "info");
  }
}

/** Those during the play, and at its beginning the last one before. */
function drawElections(lane, { members }, member) {
  const begin = Math.min(...members.map(({ readings: [first] }) => first.at));
  const earlier = members.flatMap((one) => one.elections()).filter(({ at }) => at < begin);
  const last = Math.max(...earlier.map(({ term }) => term));
  for (const { at, term } of member.elections()) {
    if (at >= begin || term === last) lane.event(Math.max(at, begin), `leads in term ${term}`, "info");
  }
}

function drawLease(scene, lease) {
  const now = scene.now();
  const kind = lease.endsInTime(now) ? "good" : "bad";
  scene.timeline.lane(lease.key).span(lease.from, lease.endedAt ?? now, lease.inWords(now), kind);
}

/** One of each comparison's two. */
function warnings(member) {
  const last = new Map();
  return member.warnings(0).filter(({ at, id }) => {
    const isAgain = at - (last.get(id) ?? 0) < ONE_COMPARISON;
    last.set(id, at);
    return !isAgain;
  });
}
