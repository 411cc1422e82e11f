/** A client of both replicas, which writes keys twice and looks whether the second write is there. */

/** Between reading and writing, at least; between one key and the next; and between readings of the clocks, ms. */
const [THINKING, PAUSE, BETWEEN_READINGS] = [2, 10, 500];
/** The last, while the clocks are being changed, ms. */
const OFTEN = 20;

/**
 * @typedef {{ first: number, at: number, gap: number, stamped: number, isLost: boolean }} Pair of writes, the second in
 *   place of the first: at which replica the first was made (0 or 1); when the second was written, true ms since 1970; how
 *   long after the first had been acknowledged, and how much later its stamp is, ms; whether the first is there afterwards
 * @typedef {{ apart: number, error: number, at: number }} Distance by which the first replica's clock is ahead of the second's,
 *   and how wrong that may be, ms
 */

export class Client {
  /** @type {Pair[]} */
  #pairs = [];
  #scene;
  #replicas;

  /** @param {import("./replica.mjs").Replica[]} replicas */
  constructor(scene, replicas) {
    this.#scene = scene;
    this.#replicas = replicas;
    const how = { unit: "ms", line: "straight" };
    /** Of the timeline: each replica's clock, and how many writes were lost. */
    this.clocks = replicas.map((_, index) => scene.timeline.lane(`replica ${index + 1}`, how));
    this.losses = scene.timeline.lane("writes that were lost so far");
  }

  /** @returns {Promise<Pair[]>} written meanwhile */
  async writeFor(duration) {
    const { now, sleep } = this.#scene;
    const already = this.#pairs.length;
    this.#countLosses(now());
    let nextReading = now();
    for (const end = now() + duration; now() < end; await sleep(PAUSE)) {
      if (now() >= nextReading) {
        await this.distance();
        nextReading = now() + BETWEEN_READINGS;
      }
      await this.#writePair();
    }
    const { apart } = await this.distance();
    this.#countLosses(now());
    const pairs = this.#pairs.slice(already);
    this.#scene.say(`clocks ${ms(apart)} apart: ${lostOf(pairs)}`);
    return pairs;
  }

  /** Reads the clocks for as long as something is done to them. */
  async watch(doing) {
    let isDone = false;
    const done = doing.finally(() => {
      isDone = true;
    });
    const reading = async () => {
      for (; !isDone; await this.#scene.sleep(OFTEN)) await this.distance();
    };
    await Promise.all([done, reading()]);
  }

  /** Reads the clocks, for the timeline too. @returns {Promise<Distance>} */
  async distance() {
    const readings = [];
    for (const [index, replica] of this.#replicas.entries()) {
      const reading = await replica.offset();
      this.clocks[index].offset(reading.at, reading.offset);
      readings.push(reading);
    }
    const [one, other] = readings;
    return { apart: one.offset - other.offset, error: one.error + other.error, at: other.at };
  }

  async #writePair() {
    const number = this.#pairs.length;
    const first = number % 2;
    const pair = await this.#writeInTurn(this.#replicas[first], this.#replicas[1 - first], `key ${number}`);
    this.#pairs.push({ ...pair, first });
    if (pair.isLost) this.#countLosses(pair.at);
  }

  /** Writes a key at one replica, reads that at the other, and writes the key again there. */
  async #writeInTurn(one, other, key) {
    const { now, sleep } = this.#scene;
    const stamp = await one.put(key, "first");
    const acknowledged = now();
    if ((await other.get(key)) !== "first") throw new Error(`${key} was acknowledged, and is not there`);
    // A timer may be early by what passed since the event loop began to turn.
    for (const end = now() + THINKING; now() < end; ) await sleep(end - now());
    const at = now();
    const stamped = Number((await other.put(key, "second")) - stamp) / 1e6;
    const found = [await one.get(key), await other.get(key)];
    if (found[0] !== found[1]) throw new Error(`${key} is ${found[0]} here and ${found[1]} there`);
    return { at, gap: at - acknowledged, stamped, isLost: found[0] === "first" };
  }

  #countLosses(at) {
    this.losses.value(at, this.#pairs.filter(({ isLost }) => isLost).length);
  }
}

/** "−1.25 ms" */
export function ms(number) {
  return `${number.toFixed(2).replace("-", "−").replace("−0.00", "0.00")} ms`;
}

/** "3 of 200 later writes lost" @param {readonly Pair[]} pairs */
export function lostOf(pairs) {
  return `${pairs.filter(({ isLost }) => isLost).length} of ${pairs.length} later writes lost`;
}
