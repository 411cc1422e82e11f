/**
 * `npm run demo`: starts a program that prints the time, skews it by ten minutes with timeskew's command line,
 * takes the skew back, and shows what the program says next to the true time. Needs no privileges: everybody may
 * trace a process of their own. Succeeds only if the program was really seen to be wrong, and right again.
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { demonstrate } from "./support/scene.mjs";
import { commandLine, dim } from "./support/words.mjs";

const OFFSET_S = -600;
const READINGS = 3;
const INTERVAL_MS = 250;

const file = (path) => relative(process.cwd(), fileURLToPath(new URL(path, import.meta.url)));

const about = { title: "One program gets a wrong clock; the rest of the machine keeps the right one." };

await demonstrate(about, async (scene) => {
  const clock = await startClock(scene);
  const lane = scene.timeline.lane("the program");
  const right = await watch(scene, clock, lane);

  const target = ["--pid", clock.pid];
  await scene.timeskewInWords("inject", ...target, "--offset", `${OFFSET_S}s`, "--clock", "CLOCK_REALTIME");
  const from = scene.now();
  const wrong = await watch(scene, clock, lane);

  await scene.timeskewInWords("recover", ...target);
  if (scene.isSkewed) lane.span(from, scene.now(), `--offset ${OFFSET_S}s`, "skew");
  const rightAgain = await watch(scene, clock, lane);

  console.log();
  scene.claim("The program read the true time.", areOff(right, 0));
  scene.claim(`Then it was ${-OFFSET_S} s behind.`, areOff(wrong, OFFSET_S * 1000));
  scene.claim("It is right again, and was never restarted.", areOff(rightAgain, 0));
});

/** In C, or in JavaScript where C programs cannot be built. */
async function startClock(scene) {
  const program = join(scene.folder, "clock");
  const build = ["cc", "-O2", "-o", program, file("clock.c")];
  const here = { cwd: process.cwd() };
  let argv = [program];
  try {
    await scene.run(build, here);
    await scene.run(argv, here);
    scene.head(`$ ${commandLine(build)}`);
  } catch {
    console.log(dim("\n(no C program can be built and run here: one in JavaScript takes its place)"));
    argv = [process.execPath, file("clock.mjs")];
  }
  scene.head(`$ ${commandLine(argv)}`);
  const clock = await scene.start("a program that prints the time", argv, here);
  await read(clock); // it runs its own code from here on
  return clock;
}

/** Asks the program for the time. @returns {Promise<number>} ms since 1970 */
async function read(clock) {
  const already = clock.lines.length;
  clock.write("\n");
  const line = await clock.line((_, each) => clock.lines.indexOf(each) >= already, "the time");
  return Math.round(Number(line.text) * 1000);
}

/**
 * Reads the program's clock a few times and prints what it says.
 *
 * @returns {Promise<{ before: number, said: number, after: number }[]>} ms since 1970; the true times around each reading
 */
async function watch(scene, clock, lane) {
  const readings = [];
  console.log(dim("\n  true time       the program says    difference"));
  while (readings.length < READINGS) {
    if (readings.length > 0) await scene.sleep(INTERVAL_MS);
    const before = Date.now();
    const said = await read(clock);
    const after = Date.now();
    readings.push({ before, said, after });
    const truth = Math.round((before + after) / 2);
    lane.offset(truth, said - truth);
    const difference = `${((said - truth) / 1000).toFixed(2).replace(/^-(?=0\.00$)/, "")} s`;
    console.log(`  ${timeOfDay(truth)}    ${timeOfDay(said)}    ${difference.padStart(14)}`);
  }
  return readings;
}

/** The program read its clock at some time between the two; all three are cut to milliseconds. */
function areOff(readings, ms) {
  return readings.every(({ before, said, after }) => said - after - 1 <= ms && ms <= said - before + 1);
}

/** "14:39:02.123" */
function timeOfDay(ms) {
  const time = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  const hms = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${hms}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
