/** System calls that are not rewritten. */
import { near, Skipped, seconds } from "./trial.mjs";

const BEHIND = -600;
/** What every wait here is to last, ms. One that is not translated ends at once: its deadline was ten minutes ago. */
const WAIT = 300;

const inject = (trial, program, how = {}) =>
  trial.timeskew(`inject --pid ${program.pid} --offset -600s`, how);
const isBehind = (value) => near(value, BEHIND, 0.1);
const isTrue = (value) => near(value, 0, 0.1);
const lasted = (ms) => ms >= WAIT - 1;
const endedAtOnce = (ms) => ms < WAIT / 2;

const ownCall = {
  name: "own-system-call",
  expected: "one that is not proved safe to rewrite reads the true time, and is named",
  async look(trial) {
    const program = await trial.startBuilt("direct.c");
    const report = await inject(trial, program, { show: /not covered/ });
    const answer = await program.ask();
    const [libc, raw, own] = ["clock_gettime()", "syscall(SYS_clock_gettime)", "own instruction"].map(
      (each) => answer.number(each),
    );
    const isNamed = /not covered: .*clock_gettime in own_clock_gettime of direct/.test(report.text);
    return {
      seen: `libc ${seconds(libc)}, syscall() ${seconds(raw)}, own ${seconds(own)}; ${isNamed ? "named" : "not named"}`,
      holds: isBehind(libc) && isBehind(raw) && isTrue(own) && isNamed,
    };
  },
};

const FREESTANDING = "-m32 -O1 -nostdlib -static -ffreestanding -fno-pie -no-pie -fno-stack-protector";

const int80 = {
  name: "int-0x80",
  expected: "in 32-bit programs, it reads the true time, and is named",
  async look(trial) {
    if (process.arch !== "x64") throw new Skipped("32-bit programs are skewed on x86-64 only");
    const program = await trial.startBuilt("int80.c", { flags: FREESTANDING.split(" ") });
    const report = await inject(trial, program, { show: /not covered/ });
    const answer = await program.ask();
    const difference = answer.number("by the vDSO") - answer.number("by int 0x80");
    const isNamed = /not covered: clock_gettime in .* of int80 \(by int 0x80\)/.test(report.text);
    return {
      seen: `the vDSO's call is ${seconds(difference)} from int 0x80; ${isNamed ? "named" : "not named"}`,
      holds: near(difference, BEHIND, 2) && isNamed,
    };
  },
};

const generated = {
  name: "generated-code",
  expected: "its own system calls read the true time; the report says that there is such code",
  async look(trial) {
    const program = await trial.startBuilt("generated.c");
    const report = await inject(trial, program, { show: /not covered/ });
    const answer = await program.ask();
    const [libc, own] = [answer.number("clock_gettime()"), answer.number("generated code")];
    const isNamed = /not covered: .*code generated at run time/.test(report.text);
    return {
      seen: `libc ${seconds(libc)}, generated ${seconds(own)}; ${isNamed ? "told" : "not told"}`,
      holds: isBehind(libc) && isTrue(own) && isNamed,
    };
  },
};

const laterLibrary = {
  name: "later-library",
  expected: "its clock is right; its own system calls are not translated until it is injected anew",
  async look(trial) {
    const library = await trial.build("library.c", { as: "library.so", flags: ["-shared", "-fPIC"] });
    const program = await trial.startBuilt("loader.c", { args: [library, "later"], flags: ["-ldl"] });
    await inject(trial, program);
    const later = await program.ask();
    await trial.timeskew(`recover --pid ${program.pid}`);
    await inject(trial, program);
    const anew = await program.ask();
    const inLibrary = (answer) => answer.number("a wait in the library");
    return {
      seen: `of ${WAIT} ms, libc waits ${later.number("a wait in libc")}, the library ${inLibrary(later)}; anew ${inLibrary(anew)}`,
      holds:
        isBehind(later.number("its clock")) &&
        lasted(later.number("a wait in libc")) &&
        endedAtOnce(inLibrary(later)) &&
        lasted(inLibrary(anew)),
    };
  },
};

const ioUring = {
  name: "io-uring",
  expected: "its deadlines lie in memory, and are not translated",
  async look(trial) {
    const program = await trial.startBuilt("ring.c");
    await inject(trial, program);
    const answer = await program.ask();
    const [libc, ring] = [answer.number("sem_timedwait"), answer.number("io_uring")];
    return {
      seen: `of ${WAIT} ms, sem_timedwait waits ${libc}, io_uring ${ring}`,
      holds: lasted(libc) && endedAtOnce(ring),
    };
  },
};

const TIMED_OUT = /timed out/;

const muslLock = {
  name: "musl-pi-lock",
  needs: { "musl-gcc": "musl-tools" },
  expected: "musl's timed lock of such a mutex is not translated, and is named; glibc's is",
  async look(trial) {
    const wait = async (compiler, flags) => {
      const program = await trial.startBuilt("pilock.c", { compiler, as: `${compiler}-pilock`, flags });
      const report = await inject(trial, program, { show: /not covered/ });
      const answer = await program.ask();
      return {
        report,
        ms: Number.parseInt(answer.lines[0]?.split(": ")[1] ?? "", 10),
        isOver: TIMED_OUT.test(answer.text),
      };
    };
    const [glibc, musl] = [await wait("cc", []), await wait("musl-gcc", ["-static"])];
    const isNamed = /not covered: .*futex in pthread_mutex_timedlock/.test(musl.report.text);
    return {
      seen: `of ${WAIT} ms, glibc waits ${glibc.ms}, musl ${musl.ms}; ${isNamed ? "named" : "not named"}`,
      holds: glibc.isOver && lasted(glibc.ms) && musl.isOver && endedAtOnce(musl.ms) && isNamed,
    };
  },
};

export const CALLS = [ownCall, int80, generated, laterLibrary, ioUring, muslLock];
