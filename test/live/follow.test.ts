/**
 * inject --follow: whatever the processes of a tree or a cgroup start has the skew from its first instruction on, and
 * whoever comes has it soon; nothing else about them changes, and nobody is left behind at the end, however that comes.
 */
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { type Cgroup, needCgroup } from "../support/cgroups.ts";
import { type Run, type RunOptions, refusal, start, status, timeskew } from "../support/cli.ts";
import { bracket, difference, distance, MILLISECOND, MINUTE } from "../support/clock.ts";
import { NEWCOMER as INSIDE } from "../support/containers/rootfs.ts";
import { needRunc, startRunc } from "../support/containers/runc.ts";
import { Dialog } from "../support/dialog.ts";
import { lesserTool } from "../support/lesser.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { field } from "../support/proc.ts";
import { begun, needSettings, settingsOf } from "../support/profiles/slots.ts";
import { complaints, watchC } from "../support/profiles/watched.ts";
import { type Reading, realtimeSkews } from "../support/readings.ts";
import { GLIBC, GLIBC_STATIC, I386, NEWCOMER } from "../support/recipes.ts";
import { startClocks, startHammer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";

const SKEW = -10n * MINUTE;
const OFFSET = ["--offset", "-600s"];
const BACK = realtimeSkews(SKEW);

function need(context: TestContext): void {
  needPrograms(context, "gcc");
  needTracing(context);
}

interface Tool extends AsyncDisposable {
  readonly pid: number;
  /** How it ends. */
  readonly done: Promise<Run>;
  /** Has it end, which must be a success. */
  end(signal?: NodeJS.Signals): Promise<Run>;
}

/** A follower in the foreground, once everybody who is there has the skew. */
function follow(...flags: (string | number)[]): Promise<Tool> {
  return followBy({}, ...flags);
}

function followBy(options: RunOptions, ...flags: (string | number)[]): Promise<Tool> {
  return assemble(async (own) => {
    const { pid, done, hasSaid } = start(["inject", "--follow", ...flags], options);
    let run: Run | undefined;
    void done.then((ended) => {
      run = ended;
    });
    own({
      [Symbol.asyncDispose]: async () => {
        if (run === undefined) kill(pid);
        await done;
      },
    });
    await waitFor("the skew", () => run !== undefined || hasSaid("waiting;"));
    if (!hasSaid("waiting;")) expect(run, "it has ended").toBeUndefined();
    return {
      pid,
      done,
      async end(signal: NodeJS.Signals = "SIGINT") {
        process.kill(pid, signal);
        const run = await done;
        expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
        return run;
      },
    };
  });
}

function isFollowed(pid: number): boolean {
  return field(pid, "TracerPid") !== "0";
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

/** A shell that is told line by line what to do. */
interface Shell extends AsyncDisposable {
  readonly dialog: Dialog;
  readonly pid: number;
  /** What is wrong with the wall clock that a command prints as nanoseconds, if it is to be off by so much. */
  off(command: string, skew: bigint): Promise<bigint>;
}

function startShell(): Promise<Shell> {
  return assemble(async (own) => {
    const dialog = own(await Dialog.start(["sh"]));
    await dialog.ask("echo ready");
    return { dialog, pid: dialog.pid, off: (command, skew) => offBy(skew, () => dialog.ask(command)) };
  });
}

async function offBy(skew: bigint, read: () => Promise<string>): Promise<bigint> {
  const { value, wall } = await bracket(async () => BigInt(await read()));
  return distance(difference(value, 1n, wall), skew);
}

const NOW = "date +%s%N";

describe("a tree", () => {
  const COMMANDS = [
    NOW,
    `${NOW} | cat`,
    `cat /dev/null | ${NOW} | cat | cat`,
    `echo $(${NOW})`,
    `(exec sh -c 'exec ${NOW}')`,
    `sh -c "sh -c 'exec env sh -c \\"${NOW}\\"; true'; true"`,
    `${NOW} & wait`,
    `echo +%s%N | xargs date`,
    `setsid -w ${NOW}`,
    `(setsid sh -c 'sleep 0.05; ${NOW}' &)`,
    `nice ${NOW}`,
    `find /dev/null -exec ${NOW} ';'`,
    `timeout 20 ${NOW}`,
  ];

  test("every program that it starts, however it is started, has the skew", async (context) => {
    need(context);
    await using shell = await startShell();
    await using follower = await follow("--pid", shell.pid, "--tree", ...OFFSET);
    for (const command of COMMANDS) expect([command, await shell.off(command, SKEW)]).toEqual([command, 0n]);
    await follower.end();
    for (const command of COMMANDS) expect([command, await shell.off(command, 0n)]).toEqual([command, 0n]);
    expect(isFollowed(shell.pid)).toBe(false);
    expect(settingsOf(shell.pid)).toBeUndefined();
  });

  test("300 programs one after the other, and 100 at the same time", async (context) => {
    need(context);
    await using shell = await startShell();
    await using follower = await follow("--pid", shell.pid, ...OFFSET);
    const { value, wall } = await bracket(async () => {
      const loop = (times: number, command: string) =>
        `i=0; while [ $i -lt ${times} ]; do ${command} i=$((i+1)); done`;
      return shell.dialog.ask(`echo $(${loop(300, `${NOW};`)}; ${loop(100, `${NOW} &`)}; wait)`);
    });
    const off = value.split(" ").map((each) => distance(difference(BigInt(each), 1n, wall), SKEW));
    expect(off.filter((each) => each !== 0n)).toEqual([]);
    expect(off).toHaveLength(400);
    expect((await follower.end()).stdout).toContain("400 programs were started\n");
  });

  test("exit codes and signals are what they are without", async (context) => {
    need(context);
    await using plain = await startShell();
    await using shell = await startShell();
    await using follower = await follow("--pid", shell.pid, ...OFFSET);
    const commands = [
      "sh -c 'exit 7'; echo $?",
      "sh -c 'kill -TERM $$'; echo $?",
      "sh -c 'kill -SEGV $$' 2>/dev/null; echo $?",
      "sh -c 'trap \"echo caught\" USR1; kill -USR1 $$'",
      "/nonexistent 2>/dev/null; echo $?",
      "sh -c 'sleep 60 & kill $!; wait $!; echo $?'",
      "sh -c 'kill -STOP $$; echo resumed' & p=$!; while kill -CONT $p; do sleep 0.05; done 2>&- & wait $p; echo $?",
      "timeout -s INT 0.05 sleep 60; echo $?",
      "yes | head -1; echo $?",
      "ulimit -c 0; echo $(ulimit -n) $(umask)",
    ];
    for (const command of commands) {
      const expected = await plain.dialog.ask(command);
      expect([command, await shell.dialog.ask(command)]).toEqual([command, expected]);
    }
    await follower.end();
  });

  test("a program that cannot be skewed runs, and what it is not is told; what it starts is skewed", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context);
    const i386 = await build(I386);
    await using lesser = await lesserTool();
    await using shell = await startShell();
    await using follower = await followBy(lesser, "--pid", shell.pid, "--tree", ...OFFSET);
    expect(await shell.dialog.ask(`${i386} < /dev/null; echo`)).toBe('{"ready":true}');
    await shell.dialog.line();
    expect(await shell.off(NOW, SKEW)).toBe(0n);
    const { stderr, stdout } = await follower.end();
    expect(stderr).toMatch(/not skewed: pid \d+ \(i386-\w+\).*32-bit/);
    expect(stdout).toMatch(/2 programs were started; 1 has the true time/);
  });

  test("under a profile a new program goes on where the old one was, to the nanosecond", async (context) => {
    need(context);
    for (const [recipe, flags] of [
      [GLIBC, ["--rate", "1.5"]],
      [GLIBC_STATIC, ["--jitter", "5ms", "--jitter-every", "7ms"]],
    ] as const) {
      await using shell = await startShell();
      await using follower = await follow("--pid", shell.pid, ...flags);
      const settings = await begun(shell.pid);
      await shell.dialog.ask(`exec ${await build(recipe)}`);
      for (let i = 0; i < 20; i++) {
        const { readings } = await shell.dialog.askJson<{ readings: Reading[] }>("read");
        expect(complaints(readings, settings)).toEqual([]);
      }
      expect(needSettings(shell.pid).inForce.start).toEqual(settings.inForce.start);
      await follower.end();
      expect(settingsOf(shell.pid)).toBeUndefined();
    }
  });

  test("deadlines are translated in the libraries that a new program has mapped", async (context) => {
    need(context);
    await using shell = await startShell();
    await using follower = await follow("--pid", shell.pid, ...OFFSET);
    const { waitSites: expected } = await status(shell.pid);
    expect(expected).toBeGreaterThan(0);
    // One more variable in its environment, and what the kernel puts on its stack lies elsewhere.
    for (const variables of ["", "A=1", "A=1 B=2"]) {
      await using sleeper = await startSleeper(shell, variables);
      await waitFor("those of sleep", async () => (await status(sleeper.pid)).waitSites === expected);
    }
    await follower.end();
  });

  test("it ends by itself when its skew is over", async (context) => {
    need(context);
    await using clocks = await startClocks();
    await using follower = await follow("--pid", clocks.pid, "--offset", "1h", "--duration", "600ms");
    expect(await follower.done).toMatchObject({ code: 0 });
    expect(await clocks.complaints({})).toEqual([]);
    expect(settingsOf(clocks.pid)).toBeUndefined();
  });

  test("it ends when nobody is left", async (context) => {
    need(context);
    await using shell = await startShell();
    await using follower = await follow("--pid", shell.pid, ...OFFSET);
    // The last one is a process that has left the tree.
    shell.dialog.tell(`setsid sh -c 'sleep 0.3' & exit 0`);
    expect(await follower.done).toMatchObject({ code: 0 });
  });

  test("it does not follow what another one follows, and says who that is", async (context) => {
    need(context);
    await using clocks = await startClocks();
    await using follower = await follow("--pid", clocks.pid, ...OFFSET);
    const { message } = await refusal("E_TRACED", ["inject", "--follow", "--pid", clocks.pid, ...OFFSET]);
    expect(message).toContain(String(follower.pid));
    await refusal("E_TRACED", ["recover", "--pid", clocks.pid]);
    await follower.end();
  });
});

describe("the end", () => {
  test.for(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s: everybody has the true time, with nothing in between",
    async (signal, context) => {
      need(context);
      await using hammer = await startHammer(3, SKEW);
      await using shell = await startShell();
      await using follower = await follow("--pid", `${hammer.pid},${shell.pid}`, ...OFFSET);
      // Programs come and go all the time meanwhile.
      shell.dialog.tell(`while :; do ${NOW}; done`);
      await hammer.settle();
      for (let i = 0; i < 20; i++) {
        expect(await offBy(SKEW, () => shell.dialog.line()).then((off) => off <= 0n)).toBe(true);
      }
      await follower.end(signal);
      expect(await hammer.settle()).toMatchObject({ violations: 0, first: [] });
      const { seen } = await hammer.settle();
      expect(seen).toMatchObject({ [String(SKEW)]: 0 });
      for (const pid of [hammer.pid, shell.pid]) {
        expect(isFollowed(pid)).toBe(false);
        expect(settingsOf(pid)).toBeUndefined();
      }
      // What was started since has the true time: a line of the future is one of them.
      const now = BigInt(Date.now()) * MILLISECOND;
      await waitFor("a true time", async () => BigInt(await shell.dialog.line()) >= now);
    },
  );

  test("SIGKILL leaves all of them running, and skewed; recover does the rest", async (context) => {
    need(context);
    await using hammer = await startHammer(3, SKEW);
    await using shell = await startShell();
    await using follower = await follow("--pid", `${hammer.pid},${shell.pid}`, ...OFFSET);
    await using sleeper = await startSleeper(shell);
    process.kill(follower.pid, "SIGKILL");
    expect(await follower.done).toMatchObject({ code: null });
    expect(await hammer.settle()).toMatchObject({ violations: 0 });
    for (const pid of [hammer.pid, shell.pid, sleeper.pid]) {
      await waitFor("nobody to be traced", () => !isFollowed(pid));
      expect(await status(pid)).toMatchObject({ state: "skewed", skew: { offset: String(SKEW) } });
    }
    // Who is started now has the true time: nobody sees to it any more.
    expect(await shell.off(NOW, 0n)).toBe(0n);
    const all = [hammer.pid, shell.pid, sleeper.pid].join();
    expect(await timeskew("recover", "--pid", all)).toMatchObject({ code: 0 });
    expect(await hammer.settle()).toMatchObject({ violations: 0 });
  });
});

/** A child of a shell that lasts. */
async function startSleeper(shell: Shell, variables = "") {
  const pid = Number(await shell.dialog.ask(`${variables} sleep 1000 & echo $!`));
  await waitFor("sleep", () => field(pid, "Name") === "sleep" && settingsOf(pid));
  return { pid, [Symbol.asyncDispose]: async () => void process.kill(pid) };
}

/** A hundred times what is wanted: how late a newcomer may be on a machine with other things to do, ns. */
const LATE = 5_000_000_000;

interface Arrival {
  readings: number;
  true: number;
  wrong: number;
  ns: number;
}

describe.for(["v1", "v2"] as const)("a cgroup %s", (version) => {
  function needGroup(context: TestContext): Cgroup {
    need(context);
    return needCgroup(context, version, "freezer");
  }

  test("who enters has the skew soon, the same as those who were there", async (context) => {
    await using group = needGroup(context);
    await using first = await watchC();
    await using late = await watchC();
    await using neighbour = await startClocks();
    group.add(first.pid);
    await using follower = await follow("--cgroup", group.path, "--rate", "1.5");
    const settings = await begun(first.pid);
    group.add(late.pid);
    await waitFor("the newcomer to be skewed", () => settingsOf(late.pid));
    expect(await late.complaints(settings)).toEqual([]);
    expect(await first.complaints(settings)).toEqual([]);
    expect(await neighbour.complaints({})).toEqual([]);
    const { stdout } = await follower.end();
    expect(stdout).toContain("1 process came");
    for (const pid of [first.pid, late.pid]) expect(settingsOf(pid)).toBeUndefined();
  });

  test("how soon: told by newcomers themselves", async (context) => {
    await using group = needGroup(context);
    await using resident = await startClocks();
    await using shell = await startShell();
    const newcomer = await build(NEWCOMER);
    group.add(resident.pid);
    await using follower = await follow("--cgroup", group.path, ...OFFSET);
    const enter = `echo $$ > ${join(group.path, "cgroup.procs")}`;
    const arrivals: Arrival[] = [];
    for (let i = 0; i < 20; i++) {
      arrivals.push(await shell.dialog.askJson(`sh -c '${enter}; exec ${newcomer} ${SKEW}'`));
    }
    const times = arrivals.map(({ ns }) => ns).sort((a, b) => a - b);
    const ms = (ns = 0) => (ns / 1e6).toFixed(2);
    console.log(
      `newcomers to a cgroup ${version}: skewed after ${ms(times[10])} ms (median), ${ms(times.at(-1))} ms (latest)`,
    );
    for (const { ns, wrong } of arrivals) {
      expect(wrong).toBe(0);
      expect(ns).toBeGreaterThanOrEqual(0);
      expect(ns).toBeLessThan(LATE);
    }
    // What they start themselves has it at once.
    const followed = 'until grep -q "TracerPid:.*[1-9]" /proc/$$/status; do sleep 0.01; done';
    const child = `sh -c '${enter}; ${followed}; ${newcomer} ${SKEW} | cat'`;
    expect(await shell.dialog.askJson(child)).toMatchObject({ readings: 1, true: 0, wrong: 0 });
    await follower.end();
  });

  test("when nobody is left, newcomers are waited for", async (context) => {
    await using group = needGroup(context);
    const first = await startClocks();
    group.add(first.pid);
    await using follower = await follow("--cgroup", group.path, ...OFFSET);
    await first[Symbol.asyncDispose]();
    await using late = await startClocks();
    group.add(late.pid);
    await waitFor("the newcomer to be skewed", () => settingsOf(late.pid));
    expect(await late.complaints(BACK)).toEqual([]);
    await follower.end();
    expect(await late.complaints({})).toEqual([]);
  });

  test("who leaves it goes on being followed, and is recovered in the end", async (context) => {
    await using group = needGroup(context);
    await using first = await startClocks();
    await using leaver = await startClocks();
    group.add(first.pid);
    group.add(leaver.pid);
    await using follower = await follow("--cgroup", group.path, ...OFFSET);
    const parent = join(group.path, "..", "cgroup.procs");
    await using shell = await startShell();
    await shell.dialog.ask(`echo ${leaver.pid} > ${parent}; echo`);
    expect(await leaver.complaints(BACK)).toEqual([]);
    await follower.end();
    for (const each of [first, leaver]) {
      expect(await each.complaints({})).toEqual([]);
      expect(isFollowed(each.pid)).toBe(false);
    }
  });
});

test("what `runc exec` starts in a container is skewed soon, or before its first reading", async (context) => {
  needTracing(context);
  await using runtime = await startRunc(needRunc(context));
  const id = `timeskew-follow-${process.pid}`;
  const container = await runtime.run(id, `/${id}`);
  await using follower = await follow("--cgroup", container.cgroup, ...OFFSET);
  const arrivals: Arrival[] = [];
  for (let i = 0; i < 10; i++) {
    arrivals.push(JSON.parse(await runtime.runc("exec", id, INSIDE, String(SKEW))));
  }
  const atOnce = arrivals.filter(({ true: times }) => times === 0).length;
  const latest = Math.max(...arrivals.map(({ ns }) => ns));
  console.log(
    `runc exec: ${atOnce} of 10 skewed from the first reading on, the latest after ${latest / 1e6} ms`,
  );
  for (const { ns, wrong } of arrivals) {
    expect(wrong).toBe(0);
    expect(ns).toBeGreaterThanOrEqual(0);
    expect(ns).toBeLessThan(LATE);
  }
  expect(await container.complaints(BACK)).toEqual([]);
  await follower.end();
  expect(await container.complaints({})).toEqual([]);
});
