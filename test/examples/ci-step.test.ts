/** examples/ci/step.sh in the shells that there are: the test's exit code, and the true time, however it ends. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it, type TestContext } from "vitest";
import { writeProgram, writeTimeskew } from "../support/ci/program.ts";
import { status } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { EXAMPLES } from "../support/examples.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { realtimeSkews } from "../support/readings.ts";
import { temporaryFolder } from "../support/servers/server.ts";
import { type Clocks, startClocks } from "../support/victims.ts";
import { waitFor, within } from "../support/wait.ts";

const SCRIPT = join(EXAMPLES, "ci/step.sh");
const SKEW = "--offset -10m --duration 1h";
/** The last pid that there can be. */
const NOBODY_HAS = 2 ** 22 - 1;
const BACK = realtimeSkews(-10n * MINUTE);
const SHELLS = { dash: [], bash: [], busybox: ["sh"] } as const;
type Shell = keyof typeof SHELLS;
const names = Object.keys(SHELLS) as Shell[];

/** A test that begins, and ends with 5 when it may; told to end, it says so. */
const LONG = `trap "touch $FOLDER/told; exit 9" TERM
touch $FOLDER/begun
until [ -e $FOLDER/end ]; do sleep 0.05; done
exit 5`;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Step extends AsyncDisposable {
  /** Where its programs are, `timeskew` among them; the script has it as FOLDER. */
  readonly folder: string;
  /** "--pid N" of the victim. */
  readonly target: string;
  readonly victim: Clocks;
  start(target: string, skew: string, ...command: string[]): ChildProcess;
  run(target: string, skew: string, ...command: string[]): Promise<Ended>;
}

/** A service, and the script in one of the shells. */
function startStep(context: TestContext, name: Shell): Promise<Step> {
  needTracing(context, { permitted: true });
  const [shell = ""] = needPrograms(context, name, "env");
  return assemble(async (own) => {
    const { path: folder } = own(await temporaryFolder("step"));
    const victim = own(await startClocks());
    writeTimeskew(join(folder, "timeskew"));
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, FOLDER: folder };
    const start: Step["start"] = (...args) =>
      spawn(shell, [...SHELLS[name], SCRIPT, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    return { folder, victim, target: `--pid ${victim.pid}`, start, run: (...args) => end(start(...args)) };
  });
}

async function end(child: ChildProcess): Promise<Ended> {
  const streams = [text(child.stdout!), text(child.stderr!)];
  const [[code], stdout, stderr] = await within("the step", Promise.all([once(child, "close"), ...streams]));
  return { code: code as number | null, stdout: stdout as string, stderr: stderr as string };
}

/** Starts a long test, and waits until it runs and the service's clock is wrong. */
async function begin({ folder, victim, target, start }: Step, skew = SKEW) {
  const child = start(target, skew, "sh", "-c", LONG);
  const ended = end(child);
  await waitFor("the test", () => existsSync(join(folder, "begun")));
  expect(await victim.complaints(BACK)).toEqual([]);
  return { child, ended };
}

describe.for(names)("step.sh in %s", (shell) => {
  it("ends as its test does, which has a service with a wrong clock", async (context) => {
    await using step = await startStep(context, shell);
    const { ended } = await begin(step);
    writeFileSync(join(step.folder, "end"), "");
    expect(await ended).toMatchObject({ code: 5 });
    expect(await step.victim.complaints({})).toEqual([]);
    expect(await step.run(step.target, SKEW, "true")).toMatchObject({ code: 0 });
    expect(await step.victim.complaints({})).toEqual([]);
  });

  it.for([
    ["SIGHUP", 129],
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("gives the time back and ends the test at %s", async ([signal, code], context) => {
    await using step = await startStep(context, shell);
    const { child, ended } = await begin(step);
    child.kill(signal);
    expect(await ended).toMatchObject({ code });
    expect(existsSync(join(step.folder, "told"))).toBe(true);
    expect(await step.victim.complaints({})).toEqual([]);
  });

  it("is not kept from it by further signals", async (context) => {
    await using step = await startStep(context, shell);
    const { child, ended } = await begin(step);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGINT"] as const) child.kill(signal);
    await ended;
    expect(await step.victim.complaints({})).toEqual([]);
  });

  it("cancelled while it skews, it waits for that, begins no test, and gives the time back", async (context) => {
    await using step = await startStep(context, shell);
    const log = join(step.folder, "log");
    const injecting = `[ "$1" = recover ] || until [ -e ${step.folder}/end ]; do sleep 0.05; done`;
    writeProgram(join(step.folder, "timeskew"), `echo "$1" >>${log}\n${injecting}`);
    const child = step.start("", "", "touch", join(step.folder, "tested"));
    const ended = end(child);
    await waitFor("the injection", () => existsSync(log));
    child.kill("SIGTERM");
    writeFileSync(join(step.folder, "end"), "");
    expect(await ended).toMatchObject({ code: 143 });
    expect(readFileSync(log, "utf8")).toBe("inject\nrecover\n");
    expect(existsSync(join(step.folder, "tested"))).toBe(false);
  });

  it("leaves a test its SIGINT, where env is GNU's", async (context) => {
    await using step = await startStep(context, shell);
    const resets = ["-c", "env --default-signal=INT true"];
    if (spawnSync(shell, [...SHELLS[shell], ...resets]).status !== 0) context.skip("needs GNU's env");
    const test = ["sh", "-c", "trap 'exit 7' INT; kill -INT $$; exit 1"];
    expect(await step.run(step.target, SKEW, ...test)).toMatchObject({ code: 7 });
  });

  it("begins no test if the service cannot be skewed, or not all of it", async (context) => {
    await using step = await startStep(context, shell);
    const { target, folder, run, victim } = step;
    const test = ["touch", join(folder, "tested")];
    expect(await run(target, "--offset -10", ...test)).toMatchObject({ code: 2 });
    expect(await run(`${target} --pid ${NOBODY_HAS}`, SKEW, ...test)).toMatchObject({ code: 7 });
    expect(await run(`--pid ${NOBODY_HAS}`, SKEW, ...test)).toMatchObject({ code: 3 });
    expect(await run(target, SKEW)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^usage: /) });
    expect(existsSync(join(folder, "tested"))).toBe(false);
    expect(await victim.complaints({})).toEqual([]);
  });

  it("is not troubled by a service that has ended meanwhile", async (context) => {
    await using step = await startStep(context, shell);
    const sleeper = spawn("sleep", ["infinity"]);
    await once(sleeper, "spawn");
    const ended = await step.run(`--pid ${sleeper.pid}`, SKEW, "kill", String(sleeper.pid));
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  });

  it("fails if the time cannot be given back, but a failed test comes first", async (context) => {
    await using step = await startStep(context, shell);
    writeProgram(join(step.folder, "timeskew"), '[ "$1" = inject ] || exit 4');
    expect(await step.run("", "", "true")).toMatchObject({ code: 4 });
    expect(await step.run("", "", "sh", "-c", "exit 5")).toMatchObject({ code: 5 });
  });
});

it("killed, --duration is what gives the time back", async (context) => {
  await using step = await startStep(context, "dash");
  const { child, ended } = await begin(step, "--offset -10m --duration 8s");
  child.kill("SIGKILL");
  writeFileSync(join(step.folder, "end"), "");
  await ended;
  await waitFor("the true time", async () => (await step.victim.complaints({})).length === 0);
  expect((await status(step.victim.pid)).state).toBe("ended"); // so nobody has recovered it
});

it("examples/ci/README.md leads to every recipe, and to what is there", () => {
  const folder = join(EXAMPLES, "ci");
  const links = [...readFileSync(join(folder, "README.md"), "utf8").matchAll(/\]\(([^)#:]+)\)/g)].map(
    ([, to]) => to!,
  );
  expect(links.filter((to) => !existsSync(join(folder, to)))).toEqual([]);
  expect(links).toEqual(expect.arrayContaining(readdirSync(folder).filter((name) => name !== "README.md")));
});
