/** One etcd member: what it says in its log, to its peers, and in its metrics. */

const DRIFT = "prober found high clock drift";
const UNHEALTHY = "prober detected unhealthy status";

/** How long it may take to answer, ms. */
const PATIENCE = 10_000;

const UNITS = { h: 3600, m: 60, s: 1, ms: 1e-3, µs: 1e-6, ns: 1e-9 };

/** @param {string} text as Go writes it: "10m0.000115558s" @returns {number} s @throws Error if it is none */
export function secondsOf(text) {
  const parts = [...text.matchAll(/([\d.]+)(ms|µs|ns|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new Error(`not a duration: ${text}`);
  }
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit], 0);
}

const ask = (url) => fetch(url, { signal: AbortSignal.timeout(PATIENCE) });

/** @typedef {{ at: number, ownClock: number, msg: string, fields: any }} Entry `at`: true, `ownClock`: its own; ms since 1970 */
/** @typedef {{ at: number, offset: number }} Reading its own clock minus the true one, ms, at a true time */

export class Member {
  /** Each line is stamped by the member's own clock. @type {Entry[]} */
  log = [];
  /** What its clock read when it was asked, as its peers ask it. @type {Reading[]} */
  readings = [];

  /** @param {string} name @param {string} client its address for clients @param {string} peer its address for members */
  constructor(name, client, peer) {
    this.name = name;
    this.client = client;
    this.clientUrl = `http://${client}`;
    this.peerUrl = `http://${peer}`;
  }

  /** @param {import("../support/processes.mjs").Actor} actor that runs it */
  listenTo(actor) {
    this.pid = actor.pid;
    actor.onLine(({ at, text }) => {
      if (!text.startsWith("{")) return; // a library's words, not its log
      const fields = JSON.parse(text);
      this.log.push({ at, ownClock: Date.parse(fields.ts), msg: fields.msg, fields });
    });
  }

  /** Its id among the members, in hex, as soon as it has told it. @returns {string | undefined} */
  get id() {
    return this.log.find(({ msg }) => msg === "starting local member")?.fields["local-member-id"];
  }

  get isServing() {
    return this.log.some(({ msg }) => msg.startsWith("serving client traffic"));
  }

  /** Asks it for its time as the probers of its peers do. @param {() => number} now true ms since 1970 */
  async readClock(now) {
    const before = now();
    const { Now } = await (await ask(`${this.peerUrl}/raft/probing`)).json();
    const at = (before + now()) / 2;
    this.readings.push({ at, offset: Date.parse(Now) - at });
  }

  /**
   * How far its clock was off in each line that it has logged since then, and in each reading. A line reaches us a little
   * later than it was stamped, so a right clock shows some ms less than 0.
   *
   * @returns {{ logged: Reading[], read: Reading[] }}
   */
  offsets(since) {
    const logged = this.log.map(({ at, ownClock }) => ({ at, offset: ownClock - at }));
    const lately = (all) => all.filter(({ at }) => at >= since);
    return { logged: lately(logged), read: lately(this.readings) };
  }

  /** Its warnings of clocks since then: whose (an id), and how far from its own, s. It has two probers, so most come twice. */
  warnings(since) {
    const lines = this.log.filter(({ at, msg }) => at >= since && msg === DRIFT);
    return lines.map(({ at, fields }) => ({
      at,
      id: fields["remote-peer-id"],
      drift: secondsOf(fields["clock-drift"]),
    }));
  }

  /** When it has become the leader, and in which term. */
  elections() {
    const won = this.log.map(({ at, msg }) => ({
      at,
      term: Number(msg.match(/ became leader at term (\d+)$/)?.[1]),
    }));
    return won.filter(({ term }) => term > 0);
  }

  /** How often its two probers have looked at that peer and got an answer, in all. */
  async looksAt(id) {
    const metrics = await (await ask(`${this.clientUrl}/metrics`)).text();
    const count = metrics.match(
      new RegExp(`^etcd_network_peer_round_trip_time_seconds_count\\{To="${id}"\\} (\\d+)$`, "m"),
    );
    const inVain = this.log.filter(({ msg, fields }) => msg === UNHEALTHY && fields["remote-peer-id"] === id);
    return Number(count?.[1] ?? 0) - inVain.length;
  }
}
