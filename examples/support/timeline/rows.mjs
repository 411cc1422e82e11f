/** Rows in which nothing may overlap: what is taken of each, px. */

export class Rows {
  /** @type {[from: number, to: number][][]} */
  #taken = [];

  /** How many there are in which something is. */
  get count() {
    return this.#taken.length;
  }

  take(row, from, to) {
    while (this.#taken.length <= row) this.#taken.push([]);
    this.#taken[row].push([from, to]);
  }

  isFree(row, from, to) {
    return (this.#taken[row] ?? []).every(([start, end]) => to <= start || end <= from);
  }

  /** The first row for which `fits`. Those beyond the last are empty, so it has to hold there. */
  first(fits) {
    let row = 0;
    while (!fits(row)) row++;
    return row;
  }
}
