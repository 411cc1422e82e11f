/** What a change of the clock does to waits, and what it does not. */
import { near, ready } from "./trial.mjs";

const MINUTES = 600;
/** Tries of an experiment in which a wait must outlast a command, on a machine that may be busy. */
const TRIES = 3;

/** A wait that is to be ended by a step in 2 s, ms. */
const ANNOUNCED = 6_000;

/** Has a program wait, and runs a command meanwhile: the wait is longer each time, until it outlasts the command. */
async function during({ trial, program }, command) {
  const start = trial.transcript.length;
  for (let ms = 1500, left = trial.isSkewed ? TRIES : 1; ; ms *= 2, left--) {
    program.write(`${ms}`);
    trial.note(await program.line());
    await command();
    const answer = await program.answer();
    trial.note(...answer.lines);
    const [waited, past] = [answer.number("waited"), answer.number("past the deadline by its clock")];
    if (past > 1 || left === 1) return { ms, waited, past };
    trial.transcript.length = start;
  }
}

const lastedToTheEnd = ({ ms, waited, past }) => waited >= ms - 1 && near(past, MINUTES, 30);

const underWay = {
  name: "wait-under-way",
  expected: "a wait that has begun keeps its deadline; one that begins before an announced step ends with it",
  async look(trial) {
    const program = await trial.startBuilt("waiter.c");
    const command = (words) => trial.timeskew(words.replace("PID", program.pid));
    const injected = await during({ trial, program }, () => command("inject --pid PID --offset 10m"));
    await command("inject --pid PID --offset -10m");
    const recovered = await during({ trial, program }, () => command("recover --pid PID"));
    await command("inject --pid PID --offset 10m --start-in 2s");
    const announced = (await program.ask(`${ANNOUNCED}`)).number("waited");
    const words = ({ ms, waited, past }) => `${waited} ms of ${ms}, then ${past} s late`;
    return {
      seen: `${words(injected)}; ${words(recovered)}; announced: ${announced} ms of ${ANNOUNCED}`,
      holds: lastedToTheEnd(injected) && lastedToTheEnd(recovered) && announced < ANNOUNCED / 2,
    };
  },
};

const notTold = {
  name: "not-told",
  expected: "a program that asks to be told of steps (TFD_TIMER_CANCEL_ON_SET) is not",
  async look(trial) {
    const program = await trial.startBuilt("told.c");
    await trial.timeskew(`inject --pid ${program.pid} --offset 10m`);
    const answer = await program.ask();
    return {
      seen: `its clock has stepped by ${answer.number("its clock")} s; ${answer.lines.at(-1)}`,
      holds: near(answer.number("its clock"), MINUTES, 1) && answer.lines.includes("told of a step: no"),
    };
  },
};

const ROUNDS = 4;

const frozen = {
  name: "frozen-clock",
  expected:
    "a wait lasts as long as its deadline was ahead, and the clock is not there then; unless --freeze has an end",
  async look(trial) {
    const program = await trial.startBuilt("waiter.c");
    const wait = async () => {
      const answer = await program.ask(`300 ${ROUNDS}`);
      return {
        rounds: answer.number("rounds"),
        waited: answer.number("waited"),
        past: answer.number("past the deadline by its clock"),
      };
    };
    await trial.timeskew(`inject --pid ${program.pid} --freeze`);
    const still = await wait();
    await trial.timeskew(`inject --pid ${program.pid} --freeze --duration 2s`);
    const ending = await wait();
    return {
      seen: `${still.rounds} waits of 300 ms last ${still.waited} ms, ${-still.past} s are left; with an end, ${ending.rounds}`,
      holds: still.rounds === ROUNDS && still.past < 0 && ending.rounds === 1 && ending.past >= 0,
    };
  },
};

/** How long the threads have waited when they are disturbed, ms. */
const BEFORE = 400;

/** Has programs wait, disturbs them, and tells how long each took; `isInTime`: none was through by then. */
async function disturb({ trial, programs, pids }, ms) {
  for (const program of programs) program.write(`${ms}`);
  for (const program of programs) await program.line(); // it waits
  const begun = trial.now();
  await trial.sleep(BEFORE);
  const disturbed = trial.now() - begun;
  await trial.timeskew(`inject --pid ${pids} --offset 1h`);
  const isInTime = trial.now() - begun < ms;
  const times = [];
  for (const program of programs) {
    const { lines } = await program.answer();
    trial.note(...lines);
    times.push(Number.parseInt(lines[0].split(": ")[1], 10));
  }
  return { times, disturbed, isInTime };
}

const socketTimeout = {
  name: "socket-timeout",
  expected: "SO_RCVTIMEO begins again where all threads are in it; other timeouts do not",
  async look(trial) {
    const path = await trial.build("receiver.c");
    const programs = [];
    for (const how of ["recv", "poll", "threads"]) {
      programs.push(await trial.start([path, how]));
      await ready(programs.at(-1));
    }
    const pids = programs.map(({ pid }) => pid).join(",");
    const start = trial.transcript.length;
    for (let ms = 1500, left = trial.isSkewed ? TRIES : 1; ; ms *= 2, left--) {
      const { times, disturbed, isInTime } = await disturb({ trial, programs, pids }, ms);
      const [recv, poll, withOther] = times;
      if (isInTime || left === 1) {
        return {
          seen: `of ${ms} ms, recv takes ${recv}, poll ${poll}, recv beside another thread ${withOther}`,
          holds: recv >= ms + disturbed - 1 && poll < ms + disturbed && withOther < ms + disturbed,
        };
      }
      await trial.timeskew(`recover --pid ${pids}`);
      trial.transcript.length = start;
    }
  },
};

export const WAITS = [underWay, notTold, frozen, socketTimeout];
