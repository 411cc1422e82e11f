/** Leases, each with one key that goes when it ends. */

/** etcd looks twice a second which leases have ended, and a busy machine is slow to tell, s. */
const SLACK = 6;

export class Lease {
  /** When its key was deleted, true ms since 1970. @type {number | undefined} */
  endedAt;

  /** @param {{ key: string, id: string, ttl: number, from: number }} grant `ttl` in s, `from`: before it was asked for */
  constructor({ key, id, ttl, from }) {
    this.key = key;
    this.id = id;
    this.ttl = ttl;
    this.from = from;
  }

  /** How long it has lived, s. */
  age(now) {
    return ((this.endedAt ?? now) - this.from) / 1000;
  }

  /** "TTL 5 s, held for 5.2 s" */
  inWords(now) {
    return `TTL ${this.ttl} s, held for ${this.age(now).toFixed(1)} s`;
  }

  endsInTime(now) {
    return this.endedAt !== undefined && this.age(now) >= this.ttl && this.age(now) < this.ttl + SLACK;
  }
}

/** All the leases of a play; a client that watches tells when they end. */
export class Leases {
  /** @type {Lease[]} */
  all = [];
  #cluster;

  constructor(cluster) {
    this.#cluster = cluster;
  }

  /** @param {import("./member.mjs").Member} member that the watching client asks */
  async watch(member) {
    const { scene } = this.#cluster;
    const command = this.#cluster.command(["watch", "--rev", 1, "--prefix", "lease/"], member);
    const watcher = await scene.start("etcdctl watch", command, { env: { ETCDCTL_API: "3" } });
    let last = "";
    watcher.onLine(({ at, text }) => {
      // "DELETE", then the key, then an empty line for its value.
      if (last === "DELETE") this.#end(text, at);
      last = text;
    });
  }

  #end(key, at) {
    const lease = this.all.find((one) => one.key === key);
    if (lease) lease.endedAt = at;
  }

  /** @param {string} name @param {number} ttl s @param {import("./member.mjs").Member} member that is asked for it */
  async grant(name, ttl, member) {
    const from = this.#cluster.scene.now();
    const said = await this.#cluster.ctl(["lease", "grant", ttl], member);
    const [, id] = said.match(/^lease (\w+) granted/) ?? [];
    if (id === undefined) throw new Error(`no lease was granted: ${said}`);
    const lease = new Lease({ key: `lease/${name}`, id, ttl, from });
    this.all.push(lease);
    await this.#cluster.ctl(["put", lease.key, "held", `--lease=${id}`], member);
    return lease;
  }

  /** What etcd says is left of it, s: negative if it is overdue; undefined if it has ended. */
  async remaining(lease, member) {
    const said = await this.#cluster.ctl(["lease", "timetolive", lease.id], member);
    const [, left] = said.match(/remaining\((-?\d+)s\)/) ?? [];
    return left === undefined ? undefined : Number(left);
  }
}
