/** The skews of a play: given, taken back, and remembered for the timeline. */

/** @typedef {{ member: any, from: number, to?: number, text: string }} Skew in true ms since 1970 */

export class Skews {
  /** @type {Skew[]} */
  all = [];
  #scene;

  constructor(scene) {
    this.#scene = scene;
  }

  /** @param {any} member @param {string} text for the timeline @param {...(string | number)} flags of timeskew */
  async inject(member, text, ...flags) {
    const answer = await this.#scene.timeskew("inject", "--pid", member.pid, ...flags);
    if (answer) this.all.push({ member, from: this.#scene.now(), text }); // not in the control
  }

  async recover(member, ...flags) {
    await this.#scene.timeskew("recover", "--pid", member.pid, ...flags);
    const skew = this.all.find((one) => one.member === member && one.to === undefined);
    if (skew) skew.to = this.#scene.now();
  }
}
