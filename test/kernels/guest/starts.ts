/** Programs that are started with a wrong clock: by `run`, by a process that is followed, beside one that is skewed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { build } from "../../support/build.ts";
import { DAY } from "../../support/clock.ts";
import { Dialog } from "../../support/dialog.ts";
import { A_DAY_LATE, compared, ended, notADayLate, tool } from "../../support/programs.ts";
import { complaints, failures, type Reading, realtimeSkews } from "../../support/readings.ts";
import { GLIBC } from "../../support/recipes.ts";
import { startClocks } from "../../support/victims.ts";
import { waitFor, within } from "../../support/wait.ts";
import { inject } from "./outside.ts";

const DATE = "/bin/busybox date +%s";
const BACK = realtimeSkews(-DAY);

/** All of it in one cell. */
export async function starts(): Promise<string[]> {
  const found: string[] = [];
  const parts = { run: isRun, "exit codes": endsAsWithout, exec: isBeside, follow: isFollowed };
  for (const [title, part] of Object.entries(parts)) {
    found.push(...(await part()).map((words) => `${title}: ${words}`));
    console.log(`${title}: ${found.length} wrong so far`);
  }
  return found;
}

/** A program reads every clock as it should from its first reading on; so does what a shell forks, and becomes. */
async function isRun(): Promise<string[]> {
  await using victim = await Dialog.greeted([...A_DAY_LATE, await build(GLIBC)]);
  const readings = await read(victim);
  const from = Date.now();
  const shell = await ended([...A_DAY_LATE, "sh", "-c", `${DATE}; (${DATE}) & wait; exec ${DATE}`]);
  return [...complaints(readings, BACK, failures(readings)), ...dates(shell, 3, from)];
}

async function read(clocks: Dialog): Promise<Reading[]> {
  return (await clocks.askJson<{ readings: Reading[] }>("read")).readings;
}

/** What is wrong with so many lines that are to be a day late. */
function dates(run: { stdout: string; stderr: string }, count: number, from: number): string[] {
  const lines = run.stdout.trim().split("\n");
  const late = notADayLate(run.stdout, from);
  return lines.length === count && late.length === 0 ? [] : [`${run.stdout}${run.stderr}`];
}

async function endsAsWithout(): Promise<string[]> {
  const found: string[] = [];
  for (const script of ["exit 7", "kill -TERM $$"]) {
    const { ours, control } = await compared(["sh", "-c", script]);
    if (JSON.stringify(ours) !== JSON.stringify(control))
      found.push(`${script}: ${JSON.stringify(ours)}, not ${JSON.stringify(control)}`);
  }
  return found;
}

async function isBeside(): Promise<string[]> {
  await using victim = await startClocks();
  await inject(victim.pid, ["--offset=-1d"]);
  const from = Date.now();
  return dates(await ended([...tool("exec", "--pid", victim.pid, "--"), ...DATE.split(" ")]), 1, from);
}

/** A shell that is followed starts a program, and becomes one; afterwards that has the true time. */
async function isFollowed(): Promise<string[]> {
  await using shell = await Dialog.start(["sh"]);
  await shell.ask("echo ready");
  await using follower = await follow(shell.pid);
  const from = Date.now();
  const stdout = await shell.ask(DATE);
  await shell.ask(`exec ${await build(GLIBC)}`);
  const readings = await read(shell);
  const failing = failures(readings);
  const ending = await follower.end();
  return [
    ...dates({ stdout, stderr: "" }, 1, from),
    ...complaints(readings, BACK, failing),
    ...(ending.code === 0 ? [] : [`the follower ended with exit code ${ending.code}: ${ending.said}`]),
    ...complaints(await read(shell), {}, failing).map((words) => `afterwards ${words}`),
  ];
}

/** `inject --follow`, once the process has the skew. */
async function follow(pid: number) {
  const [program = "", ...args] = tool("inject", "--follow", "--pid", pid, "--offset", "-1d");
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(child, "close") as Promise<[number | null]>;
  const stop = async () => {
    child.kill("SIGKILL");
    await closed;
  };
  let heard = "";
  child.stderr.on("data", (chunk: Buffer) => {
    heard += chunk;
  });
  try {
    await waitFor("the skew", () => heard.includes("waiting;"));
  } catch (error) {
    await stop();
    throw new Error(heard, { cause: error });
  }
  return {
    async end() {
      child.kill("SIGINT");
      const [code] = await within("the end of the follower", closed);
      return { code, said: heard };
    },
    [Symbol.asyncDispose]: stop,
  };
}
