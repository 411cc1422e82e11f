/** Times that do not come from a clock function. */
import { near, seconds } from "./trial.mjs";

const HOUR = 3600;

const rdtsc = {
  name: "rdtsc",
  expected: "the processor's counter is not skewed",
  async look(trial) {
    const program = await trial.startBuilt("counter.c");
    await trial.sleep(200); // from which it learns the counter's frequency
    await program.ask("", { silently: true });
    await trial.timeskew(`inject --pid ${program.pid} --rate 3 --clock CLOCK_MONOTONIC`, {
      show: /not covered/,
    });
    await program.ask("", { silently: true });
    await trial.sleep(300);
    const answer = await program.ask();
    const [clock, counter] = [answer.number("by CLOCK_MONOTONIC"), answer.number("by the counter")];
    return {
      seen: `${clock} ms by CLOCK_MONOTONIC at --rate 3, ${counter} ms by the counter`,
      holds: near(clock / counter, 3, 0.5),
    };
  },
};

const AGE = "age of a file just written";
const WRITES_A_FILE = `
  touch new
  echo "${AGE}: $(($(date +%s) - $(stat -c %Y new))) s"
  echo "find -mmin +30: $(find new -mmin +30)"`;

const fileTimes = {
  name: "file-times",
  expected: "a file's times are true",
  async look(trial) {
    trial.note(
      "$ cat write",
      ...WRITES_A_FILE.trim()
        .split("\n")
        .map((line) => line.trim()),
    );
    const argv = trial.underTimeskew("--offset 1h", ["sh", "-c", WRITES_A_FILE]);
    const answer = await trial.run(argv, { shown: "timeskew run --offset 1h -- sh write" });
    const age = answer.number(AGE);
    const found = answer.lines.includes("find -mmin +30: new");
    return {
      seen: `by its own clock, a file just written is ${age} s old${found ? ", and find takes it for an old one" : ""}`,
      holds: near(age, HOUR, 60) && found,
    };
  },
};

const KERNEL_TIMES = ["a packet's SO_TIMESTAMPNS", "adjtimex", "shm_ctime", "sysinfo", "/proc/uptime"];

const kernelTimes = {
  name: "kernel-times",
  expected: "times that the kernel tells are true",
  async look(trial) {
    const program = await trial.startBuilt("stamps.c");
    await trial.timeskew(`inject --pid ${program.pid} --offset 1h --clock CLOCK_REALTIME,CLOCK_MONOTONIC`);
    const answer = await program.ask();
    const differences = KERNEL_TIMES.map((label) => answer.number(label));
    return {
      seen: `${KERNEL_TIMES.length} of them, ${differences.map(seconds).join(", ")} from the program's clocks`,
      // Whole seconds; time() and the kernel may be on two sides of one.
      holds: differences.every((each) => near(each, -HOUR, 2)),
    };
  },
};

export const READINGS = [rdtsc, fileTimes, kernelTimes];
