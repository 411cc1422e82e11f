/** The client's end of a replica. */
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/** Readings of a clock, of which the one that took the shortest counts. */
const READINGS = 10;

/** A replica, over one connection; it is asked one thing at a time. */
export class Replica {
  #socket;
  #answers;
  #now;

  /** @param {number} port on loopback @param {() => number} now the true time, ms since 1970 */
  static async connect(port, now) {
    const socket = connect(port, "127.0.0.1").setNoDelay();
    await once(socket, "connect");
    return new Replica(socket, now);
  }

  constructor(socket, now) {
    this.#socket = socket;
    this.#answers = createInterface({ input: socket })[Symbol.asyncIterator]();
    this.#now = now;
  }

  /** Returns when both replicas have it. @returns {Promise<bigint>} its stamp, ns since 1970 by the replica's clock */
  async put(key, value) {
    return BigInt((await this.#ask({ do: "put", key, value })).stamp);
  }

  async get(key) {
    return (await this.#ask({ do: "get", key })).value;
  }

  /** Its clock minus the true one. @returns {Promise<{ at: number, offset: number, error: number }>} ms; `error`: at most */
  async offset() {
    const readings = [];
    for (let count = 0; count < READINGS; count++) {
      const before = this.#now();
      const { stamp } = await this.#ask({ do: "clock" });
      const after = this.#now();
      const at = (before + after) / 2;
      readings.push({ at, offset: Number(stamp) / 1e6 - at, error: (after - before) / 2 });
    }
    return readings.reduce((best, each) => (each.error < best.error ? each : best));
  }

  async #ask(request) {
    this.#socket.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("a replica has gone away");
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`a replica says: ${answer.error}`);
    return answer;
  }
}
