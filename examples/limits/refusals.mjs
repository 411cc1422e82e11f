/** What is refused. */
import { near, ready, whole } from "./trial.mjs";

const NO = "Operation not permitted";

const tracer = {
  name: "tracer",
  expected: "who is followed has a tracer; another one, and a nested run, are refused in words",
  async look(trial) {
    const [waiter, attach] = [await trial.build("waiter.c"), await trial.build("attach.c")];
    const followed = await trial.start(trial.underTimeskew("--offset 1h", [waiter]), {
      shown: "timeskew run --offset 1h -- ./waiter",
    });
    await ready(followed);
    const refused = await trial.run([attach, `${followed.pid}`], { shown: "./attach PID" });
    const nested = await trial.run(
      trial.underTimeskew("--offset 1h", trial.underTimeskew("--offset 2h", ["true"])),
      { shown: "timeskew run --offset 1h -- timeskew run --offset 2h -- true" },
    );
    const alone = await trial.start([waiter], { shown: "./waiter" });
    await ready(alone);
    const debuggerOf = await trial.start([attach, `${alone.pid}`], { shown: "./attach PID" });
    const attached = await debuggerOf.line();
    trial.note(attached);
    const inject = await trial.timeskew(`inject --pid ${alone.pid} --offset 1h`, {
      exit: 6,
      show: /^timeskew|hint/,
    });
    return {
      seen: `attach: ${refused.lines[0]}; nested run: exit code ${nested.code}; inject beside a debugger: exit code ${inject.code}`,
      holds:
        refused.text.includes(NO) && nested.code === 6 && inject.code === 6 && /traced/.test(inject.text),
    };
  },
};

const noVdso = {
  name: "no-vdso",
  expected: "a process without vDSO is refused",
  async look(trial) {
    const program = await trial.startBuilt("bare.c");
    const inject = await trial.timeskew(`inject --pid ${program.pid} --offset 1h`, {
      exit: 5,
      show: /^timeskew|hint/,
    });
    const truth = trial.now() / 1000;
    const clock = (await program.ask()).number("its clock"); // whole seconds
    return {
      seen: `exit code ${inject.code}; its clock is ${whole(clock - Math.floor(truth))} s off`,
      holds: inject.code === 5 && /no vDSO/.test(inject.text) && near(clock, truth, 30),
    };
  },
};

export const REFUSALS = [tracer, noVdso];
