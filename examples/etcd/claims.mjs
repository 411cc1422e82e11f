/** Claims about clocks, warnings, leases and leaders; each says what the programs themselves have shown. */

/** Within what a number of seconds is taken for another one: on a busy machine lines come late. */
const ABOUT = 5;
/** How long a lease's end is waited for, ms. */
const PATIENCE = 20_000;

const isAbout = (a, b) => Math.abs(a - b) < ABOUT;

/** "−10.00 min", "−0.002 s" */
function inWords(seconds) {
  const [sign, rest] = seconds < 0 ? ["−", -seconds] : ["", seconds];
  return rest < 59 ? `${sign}${rest.toFixed(3)} s` : `${sign}${(rest / 60).toFixed(2)} min`;
}

function named(warnings) {
  return warnings.map(({ by, of, drift }) => `${by}: ${of} ${inWords(drift)}`).join(", ") || "no warning";
}

/** That those members' clocks have been off by so much since then: in every line of their logs, and whenever asked. */
export function claimClocks(scene, words, members, seconds, since) {
  const offsets = members.map((member) => member.offsets(since));
  const areSo = (all) => all.length > 0 && all.every(({ offset }) => isAbout(offset / 1000, seconds));
  const held = offsets.every(({ logged, read }) => areSo(logged) && areSo(read));
  const last = (all) => (all.length > 0 ? inWords(all.at(-1).offset / 1000) : "nothing");
  const seen = members.map(
    ({ name }, i) => `${name} ${last(offsets[i].read)}, log ${last(offsets[i].logged)}`,
  );
  scene.claim(words, held, seen.join("; "));
}

/** @param {[by: string, of: string, drift: number][]} expected all of them, `drift` in s */
export function claimWarnings(scene, words, warnings, expected) {
  const isExpected = ([by, of, drift]) =>
    warnings.some((one) => one.by === by && one.of === of && isAbout(one.drift, drift));
  scene.claim(words, warnings.length === expected.length && expected.every(isExpected), named(warnings));
}

/** That there are none among those. */
export function claimNoWarning(scene, words, warnings) {
  scene.claim(words, warnings.length === 0, named(warnings));
}

export async function claimEndsInTime(scene, words, lease) {
  await scene.within(PATIENCE, () => lease.endedAt);
  const now = scene.now();
  scene.claim(words, lease.endsInTime(now), lease.inWords(now));
}

/** That it ends in less than half of its time. */
export async function claimEndsEarly(scene, words, lease, ms) {
  await scene.within(ms, () => lease.endedAt);
  const now = scene.now();
  const held = lease.endedAt !== undefined && lease.age(now) < lease.ttl / 2;
  scene.claim(words, held, lease.inWords(now));
}

/** That it is still held, and etcd itself says that it should not be. */
export async function claimOverdue(scene, words, lease, leases, member) {
  const remaining = await leases.remaining(lease, member);
  const held = lease.endedAt === undefined && remaining !== undefined && remaining < 0;
  const says = remaining === undefined ? "already expired" : `remaining(${remaining}s)`;
  scene.claim(words, held, `${lease.inWords(scene.now())}; etcdctl: ${says}`);
}

/** That it had not ended before then, but does now. */
export async function claimEndsAfter(scene, words, lease, moment) {
  const endedAt = await scene.within(PATIENCE, () => lease.endedAt);
  scene.claim(words, endedAt !== undefined && endedAt >= moment, lease.inWords(scene.now()));
}

/** That somebody leads, in that term. */
export async function claimLeads(scene, words, cluster, { leader, term }) {
  const found = await cluster.agreed();
  const held = found.leader === leader && found.term === term;
  scene.claim(words, held, `${found.leader.name} leads in term ${found.term}`);
}

/** That the others have another leader soon, in a later term; who leads then. */
export async function claimDeposed(scene, words, cluster, before, ms) {
  const since = scene.now();
  const found = await cluster.deposed(before, ms);
  const after = ((scene.now() - since) / 1000).toFixed(1);
  const seen = found && `${found.leader.name} leads in term ${found.term}, ${after} s later`;
  scene.claim(words, found !== undefined, seen ?? `${before.leader.name} still leads`);
  return found ?? before;
}
