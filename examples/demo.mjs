/**
 * `npm run demo`: starts a program that prints the time, skews it by ten minutes with timeskew's command line,
 * takes the skew back, and shows what the program says next to the true time. Needs no privileges: everybody may
 * trace a process of their own. Succeeds only if the program was really seen to be wrong, and right again.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const OFFSET_S = -600;
const READINGS = 3;
const INTERVAL_MS = 250;

const file = (path) => relative(process.cwd(), fileURLToPath(new URL(path, import.meta.url)));
const CLI = file("../bin/timeskew.js");
const folder = mkdtempSync(join(tmpdir(), "timeskew-demo-"));
const children = new Set();

// However this ends, nothing stays behind.
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});
for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
  process.once(signal, () => process.exit(128 + number));
}

const colour = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb";
const style = (code) => (text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
const bold = style(1);
const dim = style(2);

// ---- processes -------------------------------------------------------------------------------------------------

function start(program, args, stdio) {
  const child = spawn(program, args, { stdio });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Shows a command as the reader could type it. */
function show(...words) {
  console.log(`\n${bold(`$ ${words.join(" ")}`)}`);
}

/** Runs timeskew; its words are its own. */
async function timeskew(...args) {
  show("node", CLI, ...args);
  const [code] = await once(start(process.execPath, [CLI, ...args], "inherit"), "exit");
  if (code !== 0) throw new Error(`timeskew ${args[0]} has ended with exit code ${code}`);
}

/** The command that starts the program: in C, or in JavaScript where C programs cannot be built. */
function buildClock() {
  const program = join(folder, "clock");
  const command = ["cc", "-O2", "-o", program, file("clock.c")];
  try {
    execFileSync(command[0], command.slice(1), { stdio: "pipe" });
    execFileSync(program, { stdio: ["ignore", "ignore", "ignore"] });
    show(...command);
    return [program];
  } catch {
    console.log(dim("\n(no C program can be built and run here: one in JavaScript takes its place)"));
    return [process.execPath, file("clock.mjs")];
  }
}

/** Starts the program. `read` asks it for the time, in ms since 1970. */
async function startClock() {
  const [program, ...args] = buildClock();
  show(...(program === process.execPath ? ["node"] : [program]), ...args);
  const child = start(program, args, ["pipe", "pipe", "inherit"]);
  await once(child, "spawn");
  child.stdin.on("error", () => {}); // of a program that has ended; so have its lines
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    child.stdin.write("\n");
    const { value, done } = await lines.next();
    if (done) throw new Error("the program has ended");
    return Math.round(Number(value) * 1000);
  };
  await read(); // it runs its own code from here on
  console.log(dim(`a program that prints the time: pid ${child.pid}`));
  return { pid: child.pid, read };
}

// ---- times -----------------------------------------------------------------------------------------------------

/** "14:39:02.123" */
function timeOfDay(ms) {
  const time = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  const hms = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${hms}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * Reads the program's clock a few times and prints what it says.
 *
 * @param {() => Promise<number>} read the program's clock, in ms
 * @param {number} expected by how much it is to differ from the true time, in ms
 * @returns {Promise<boolean>} whether each reading did
 */
async function watch(read, expected) {
  let asExpected = true;
  console.log(dim("\n  true time       the program says    difference"));
  for (let i = 0; i < READINGS; i++) {
    if (i > 0) await sleep(INTERVAL_MS);
    const before = Date.now();
    const said = await read();
    const after = Date.now();
    // The program read its clock at some time between the two; all three are cut to milliseconds.
    asExpected &&= said - after - 1 <= expected && expected <= said - before + 1;
    const truth = Math.round((before + after) / 2);
    const difference = `${((said - truth) / 1000).toFixed(2).replace(/^-(?=0\.00$)/, "")} s`;
    console.log(`  ${timeOfDay(truth)}    ${timeOfDay(said)}    ${difference.padStart(14)}`);
  }
  return asExpected;
}

// ---- the demonstration -----------------------------------------------------------------------------------------

async function demonstrate() {
  console.log("One program gets a wrong clock; the rest of the machine keeps the right one.");
  const clock = await startClock();
  const right = await watch(clock.read, 0);

  const target = ["--pid", `${clock.pid}`];
  await timeskew("inject", ...target, "--offset", `${OFFSET_S}s`, "--clock", "CLOCK_REALTIME");
  const wrong = await watch(clock.read, OFFSET_S * 1000);

  await timeskew("recover", ...target);
  const rightAgain = await watch(clock.read, 0);

  if (!right) throw new Error("the program did not read the true time at the beginning");
  if (!wrong) throw new Error(`the program did not read the time of ${OFFSET_S} s`);
  if (!rightAgain) throw new Error("the program did not read the true time at the end");
  console.log(`\nThe program was ${-OFFSET_S} s behind, and is right again; it was never restarted.`);
}

try {
  await demonstrate();
} catch (error) {
  console.error(`\ndemo: ${error.message}`);
  process.exitCode = 1;
}
process.exit();
