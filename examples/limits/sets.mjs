/** When a skew comes to whom, and to which clock. */
import { needTracing, ready } from "./trial.mjs";

const NEWCOMERS = 5;

const newcomer = {
  name: "newcomer",
  expected: "who comes from elsewhere reads the true time for some ms; then it is skewed",
  async look(trial) {
    needTracing(); // of programs in their first instructions
    // Such a name has nobody else, so nobody else is followed.
    const name = `late-${process.pid}`;
    const member = await trial.startBuilt("newcomer.c", { as: name });
    const path = await trial.build("newcomer.c", { as: name });
    const follower = await trial.stay(`inject --comm ${name} --offset 10m --follow`, /Ctrl-C/);
    const times = [];
    for (let i = 0; i < NEWCOMERS; i++) {
      const answer = await trial.run([path, `${trial.now() / 1000}`], {
        shown: `./${name} "$(date +%s)"`,
        show: /readings|skewed/,
      });
      times.push(answer.text.includes("skewed from") ? 0 : answer.number("true readings for"));
      if (Number.isNaN(times.at(-1))) break;
    }
    await follower.stop();
    await member.actor.stop();
    return {
      seen: `true for ${times.map((each) => each.toFixed(1)).join(", ")} ms`,
      holds: times.every((each) => each >= 0) && times.some((each) => each > 0),
    };
  },
};

const MEMBERS = 8;

const membersApart = {
  name: "members-apart",
  expected: "a constant offset comes to one member after the other; a profile to all at once",
  async look(trial) {
    const path = await trial.build("steps.c", { flags: ["-lm"] });
    const members = [];
    trial.note(`$ for i in $(seq ${MEMBERS}); do ./steps & done`);
    for (let i = 0; i < MEMBERS; i++) {
      members.push(await trial.start([path], { shown: false }));
      await ready(members[i]);
    }
    const whom = `--pid ${members.map(({ pid }) => pid).join(",")}`;
    /** By how much the first and the last were certainly apart, ms; a member has seen the step between two readings. */
    const apart = async () => {
      const seen = [];
      for (const member of members) {
        const answer = await member.ask("", { silently: true });
        seen.push(answer.text.split(" ").map((us) => Number(us) / 1000));
      }
      if (seen.some(([, after]) => after === 0)) return Number.NaN; // it has seen none
      const certainly =
        Math.max(...seen.map(([before]) => before)) - Math.min(...seen.map(([, after]) => after));
      trial.note(
        `from the first to the last: ${certainly > 0 ? `${certainly.toFixed(1)} ms or more` : "nothing to be seen"}`,
      );
      return certainly;
    };
    await trial.timeskew(`inject ${whom} --offset 1h`);
    const constant = await apart();
    await trial.timeskew(`recover ${whom}`);
    await apart();
    await trial.timeskew(`inject ${whom} --offset 1h --duration 1h`);
    const profile = await apart();
    return {
      seen: `${MEMBERS} members: ${constant.toFixed(1)} ms apart or more; with --duration ${profile <= 0 ? "at one moment" : `${profile.toFixed(1)} ms`}`,
      holds: constant > 0 && profile <= 0,
    };
  },
};

const CHANGES = 8;

const coarse = {
  name: "coarse-clocks",
  expected: "they show a change at their next tick",
  async look(trial) {
    const program = await trial.startBuilt("ticks.c");
    if (!trial.isSkewed) return { seen: "nothing to be seen", holds: false };
    await trial.timeskew(`inject --pid ${program.pid} --offset 1h --duration 101ms --every 203ms`);
    const answer = await program.ask(`${CHANGES}`);
    const lags = /later by: (.*) ms/.exec(answer.text)?.[1]?.split(" ").map(Number) ?? [];
    return {
      seen: `a tick is ${answer.number("a tick")} ms; later by ${lags.join(", ")} ms`,
      holds: lags.length === CHANGES && lags.some((each) => each > 0),
    };
  },
};

export const SETS = [newcomer, membersApart, coarse];
