/** Three etcd members on loopback, and etcdctl. */
import { join } from "node:path";
import { Member } from "./member.mjs";

export const PROGRAMS = { etcd: "etcd-server", etcdctl: "etcd-client" };

const NAMES = ["etcd-1", "etcd-2", "etcd-3"];
/** Twice etcd's defaults, so that a busy machine is not taken for a dead leader. */
const TIMES = { "heartbeat-interval": 200, "election-timeout": 2000 }; // ms
/** etcdctl gives up after 5 s otherwise. */
const PATIENCE = ["--dial-timeout", "30s", "--command-timeout", "30s"];
/** Each member looks at each other one with two probers. */
const PROBERS = 2;
/** Between two questions of the same kind, ms. */
const PACE = 200;
/** Between two readings of all clocks, ms. */
const CLOCK_PACE = 250;

export class Cluster {
  /** When all clocks were compared: began and ended, true ms since 1970. @type {{ from: number, at: number }[]} */
  comparisons = [];

  /** @param {any} scene @param {Member[]} members that run */
  constructor(scene, members) {
    this.scene = scene;
    this.members = members;
  }

  /** `etcdctl WORDS`, asking that member (default: all); what it prints. */
  async ctl(words, member) {
    const run = await this.scene.run(this.command(words, member), { env: { ETCDCTL_API: "3" } });
    return run.stdout;
  }

  command(words, member) {
    const endpoints = (member ? [member] : this.members).map(({ client }) => client).join(",");
    return ["etcdctl", "--endpoints", endpoints, ...PATIENCE, ...words.map(String)];
  }

  /** Whom all members take for the leader, in one term. @returns {Promise<{ leader: Member, term: number } | undefined>} */
  async leadership() {
    const rows = (await this.ctl(["endpoint", "status"])).trimEnd().split("\n");
    const states = rows.map((row) => {
      const [client, , , , isLeader, , term] = row.split(", ");
      return { client, isLeader, term };
    });
    const leading = states.filter(({ isLeader }) => isLeader === "true");
    if (leading.length !== 1 || states.some(({ term }) => term !== leading[0].term)) return undefined;
    const [{ client, term }] = leading;
    return { leader: this.members.find((member) => member.client === client), term: Number(term) };
  }

  /** Waits until they agree. */
  agreed() {
    return this.scene.until("the members agree on a leader", () => this.leadership());
  }

  /** Has that member lead. */
  async lead(member) {
    const { leader } = await this.agreed();
    if (leader !== member) await this.ctl(["move-leader", member.id], leader);
    return this.scene.until(`${member.name} leads`, async () => {
      const found = await this.leadership();
      return found?.leader === member && found;
    });
  }

  /** Waits for another leader than that one, in a later term than that; undefined if there is none within that time. */
  deposed({ leader, term }, ms) {
    return this.scene.within(ms, async () => {
      await this.scene.sleep(PACE);
      const found = await this.leadership();
      return found && found.leader !== leader && found.term > term && found;
    });
  }

  /**
   * Has every member compare its clock with every other's now. By itself it does so every 30 s; it begins anew, with a
   * comparison after 5 s, when the address of a peer is updated, if only by the same one.
   */
  async compareClocks() {
    const from = this.scene.now();
    for (const { id, peerUrl } of this.members) {
      await this.ctl(["member", "update", id, `--peer-urls=${peerUrl}`]);
    }
    const before = await this.#looks();
    await this.scene.until("every member has looked at every other", async () => {
      await this.scene.sleep(PACE);
      const looks = await this.#looks();
      return looks.every((count, i) => count >= before[i] + PROBERS);
    });
    await this.scene.sleep(PACE); // what they have logged is on its way to us
    this.comparisons.push({ from, at: this.scene.now() });
  }

  /** How often each has looked at each other one. */
  #looks() {
    const pairs = this.members.flatMap((one) => this.members.map((other) => [one, other]));
    const others = pairs.filter(([one, other]) => one !== other);
    return Promise.all(others.map(([one, { id }]) => one.looksAt(id)));
  }

  /** Reads all members' clocks over and over during `play`. */
  async withClocksRead(play) {
    // Who does not answer has no reading; what claims one fails then.
    const read = () => Promise.allSettled(this.members.map((member) => member.readClock(this.scene.now)));
    let isOver = false;
    const readOn = async () => {
      for (; !isOver; await this.scene.sleep(CLOCK_PACE)) await read();
    };
    await read();
    const reading = readOn();
    try {
      await play();
    } finally {
      isOver = true;
      await reading;
    }
  }

  /** Who has warned of whose clock since then, once each: `drift` in s, the last one. */
  warnings(since) {
    const nameOf = (id) => this.members.find((member) => member.id === id)?.name;
    return this.members.flatMap((member) => {
      const all = member.warnings(since).map(({ id, drift }) => [nameOf(id), drift]);
      return [...new Map(all)].map(([of, drift]) => ({ by: member.name, of, drift }));
    });
  }
}

/** Starts three members that have never run before. @returns {Promise<Cluster>} as soon as the first one leads */
export async function startCluster(scene) {
  const members = [];
  for (const name of NAMES) {
    members.push(new Member(name, `127.0.0.1:${await scene.port()}`, `127.0.0.1:${await scene.port()}`));
  }
  const initial = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
  for (const member of members) member.listenTo(await scene.start(member.name, etcd(scene, member, initial)));
  const cluster = new Cluster(scene, members);
  for (const member of members) await scene.until(`${member.name} serves clients`, () => member.isServing);
  await cluster.lead(members[0]);
  return cluster;
}

function etcd(scene, { name, clientUrl, peerUrl }, initial) {
  const settings = {
    name,
    "data-dir": join(scene.folder, name),
    "listen-client-urls": clientUrl,
    "advertise-client-urls": clientUrl,
    "listen-peer-urls": peerUrl,
    "initial-advertise-peer-urls": peerUrl,
    "initial-cluster": initial,
    ...TIMES,
    logger: "zap",
    "log-outputs": "stderr",
  };
  return ["etcd", ...Object.entries(settings).map(([key, value]) => `--${key}=${value}`)];
}

/** "etcd 3.4.23, Linux 6.1.0" */
export async function versions(scene) {
  const { stdout } = await scene.run(["etcd", "--version"]);
  return `etcd ${stdout.match(/etcd Version: (\S+)/)?.[1]}, ${scene.kernel}`;
}
