/**
 * What was aimed at, and what came of it: pure, from the figures of a report. Where an aim is missed, it says by how much, and
 * what the figures know about why.
 */

/** Issue 8; those for what is not selected, profiles and the search are of issues 2, 5 and 4. */
export const AIMS = {
  skewed: 1.3,
  notSelected: 1.1,
  profile: 3,
  percall: 8,
  faketime: 3,
  stopNs: 200_000,
  thousand: 0.2,
  command: 2,
  searchNs: 60e6,
};

/**
 * @typedef {import("./statistics.mjs").Summary} Summary
 * @typedef {object} Verdict
 * @property {string} group what the aim is about
 * @property {string} who of these it is
 * @property {string} aim in words, with its unit
 * @property {string} seen the median, in the same words
 * @property {number} value of it, to be compared
 * @property {boolean} met
 * @property {string} [why] it was missed
 */

/**
 * Of what was measured; nothing is said of parts that were left out.
 *
 * @param {import("./shape.mjs").Report} report
 * @returns {Verdict[]}
 */
export function judge({ reads, start, pause }) {
  return [
    ...(reads?.functions.filter(isARead).flatMap(judgeReads) ?? []),
    ...(pause === undefined ? [] : judgeStops(pause)),
    ...(start === undefined ? [] : judgeCommands(start)),
  ];
}

/** Everything but what tells no time. */
export function isARead({ command }) {
  return command !== "clock_getres";
}

/** @param {import("./reads.mjs").Reads} reads */
function judgeReads({ name, ns, ratios, gains }) {
  const { untouched, skewed } = ns;
  const added = skewed.median - untouched.median;
  const faster = (key, by) => {
    const gain = gains[key]?.median;
    if (gain === undefined) return [];
    return [
      verdict({
        group: `a skewed read against ${by}`,
        who: `\`${name}\``,
        aim: `≥ ${AIMS[key]} × faster`,
        seen: `${times(gain)} faster`,
        value: gain,
        met: gain >= AIMS[key],
        why: () => slower(ns[key].median, skewed.median, untouched.median, AIMS[key]),
      }),
    ];
  };
  return [
    verdict({
      group: "a skewed read",
      who: `\`${name}\``,
      aim: `≤ ${AIMS.skewed} × untouched`,
      seen: times(ratios.skewed.median),
      value: ratios.skewed.median,
      met: ratios.skewed.median <= AIMS.skewed,
      why: () => `+${nanoseconds(added)} on ${nanoseconds(untouched.median)}: the way to our code and back`,
    }),
    ...faster("percall", "a system call per read"),
    ...faster("faketime", "libfaketime"),
  ];
}

/** Why a read is not as many times faster: the other one's time, and how fast an untouched read is. */
function slower(other, skewed, untouched, aim) {
  const best = other / untouched;
  const words = `${nanoseconds(other)} against ${nanoseconds(skewed)}`;
  return best < aim ? `${words}; an untouched read would be ${times(best)} faster` : words;
}

/** @param {import("./pause.mjs").Pauses[]} pauses */
function judgeStops(pauses) {
  const alone = pauses.filter(({ threads }) => threads === 1);
  const thousand = pauses.find(({ threads, ratio }) => threads === 1000 && ratio !== undefined);
  return [
    ...alone.map(({ activity, inject, bare, sites }) =>
      verdict({
        group: "a stop of 1 thread",
        who: activity === "sleep" ? "asleep" : "reading the clock",
        aim: `≤ ${milliseconds(AIMS.stopNs)}`,
        seen: milliseconds(inject.median),
        value: inject.median,
        met: inject.median <= AIMS.stopNs,
        why: () =>
          `${milliseconds(inject.median - AIMS.stopNs)} more; without the ${sites} places where libc makes waits it is ` +
          `${milliseconds(bare.median)}, and the fastest with them ${milliseconds(inject.min)}`,
      }),
    ),
    ...(thousand === undefined
      ? []
      : [
          verdict({
            group: "a stop of 1,000 threads",
            who: "all asleep",
            aim: `≤ ${AIMS.thousand} × one by one`,
            seen: times(thousand.ratio.median),
            value: thousand.ratio.median,
            met: thousand.ratio.median <= AIMS.thousand,
            why: () =>
              `${milliseconds(thousand.inject.median)} against ${milliseconds(thousand.sequential.median)}`,
          }),
        ]),
  ];
}

/** @param {Awaited<ReturnType<typeof import("./start.mjs").measureStart>>} start */
function judgeCommands({ commands, node }) {
  const of = (key) => commands.find((each) => each.key === key);
  const search = of("inject").wall.median - of("noWaits").wall.median;
  const loading = of("version").wall.median - node.wall.median;
  const reasons = {
    inject: `${milliseconds(loading)} to load the tool, ${milliseconds(search)} to search libc for waits`,
    update: `${milliseconds(loading)} to load the tool`,
    recover: `${milliseconds(loading)} to load the tool`,
  };
  return Object.keys(reasons).map((key) => {
    const { name, wall, wallRatio } = of(key);
    return verdict({
      group: "a whole command",
      who: `\`${name}\``,
      aim: `≤ ${AIMS.command} × \`node -e 0\``,
      seen: times(wallRatio.median),
      value: wallRatio.median,
      met: wallRatio.median <= AIMS.command,
      why: () => `${milliseconds(wall.median - AIMS.command * node.wall.median)} more; ${reasons[key]}`,
    });
  });
}

/** @returns {Verdict} */
function verdict({ why, ...rest }) {
  return rest.met ? rest : { ...rest, why: why() };
}

function times(ratio) {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} ×`;
}

function nanoseconds(ns) {
  return `${ns.toFixed(ns < 10 ? 1 : 0)} ns`;
}

function milliseconds(ns) {
  const ms = ns / 1e6;
  return `${ms.toFixed(Math.abs(ms) < 10 ? 2 : 0)} ms`;
}
