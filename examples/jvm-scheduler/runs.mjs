/**
 * What can be seen in a list of runs, in the order in which they came.
 *
 * @typedef {{ at: number, who: "executor" | "Timer" | "cron", offset: number, due?: number }} Run at true ms;
 *   `offset`: the program's own clock less that, ms; `due`: the second that it was for, ms by the program's
 *   own clock
 */

export function countOf(runs, who) {
  return runs.filter((run) => run.who === who).length;
}

/** How many times one has run between each two runs of another. */
export function streaksOf(runs, one, another) {
  const streaks = [0];
  for (const { who } of runs) {
    if (who === one) streaks.push(streaks.pop() + 1);
    if (who === another) streaks.push(0);
  }
  return streaks;
}

/** Jobs of cron that another run of it had been for before; or that are earlier than those. */
export function repeated(runs) {
  const dues = runs.filter(({ who }) => who === "cron").map(({ due }) => due);
  return dues.filter((due, index) => dues.slice(0, index).some((earlier) => earlier >= due));
}

/** Seconds that no run of cron was for, at the most in one place. */
export function skipped(runs) {
  const dues = runs.filter(({ who }) => who === "cron").map(({ due }) => due);
  const gaps = dues.slice(1).map((due, index) => (due - dues[index]) / 1_000 - 1);
  return Math.max(0, ...gaps);
}
