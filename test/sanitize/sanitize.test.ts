/**
 * The helper built with AddressSanitizer and UndefinedBehaviorSanitizer: a run of each command, and random plans. With
 * `npm run test:sanitize` also the live tests, through a copy of the package, and many more plans. Any report of the
 * checks fails the test.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, readdir, readFile, rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import { picture } from "../fault/aftermath.ts";
import { SKEW } from "../fault/targets.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { compileSanitized, SANITIZED, type Staged, stage } from "../support/variant.ts";
import { startClocks, startHammer } from "../support/victims.ts";

const ALL = process.env.TIMESKEW_SANITIZE === "all";
const PLANS = ALL ? 500_000 : 20_000;
const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Those that bring the helper into the most situations. */
const SUITES = [
  "hammer",
  "glibc-musl",
  "edges",
  "prologue",
  "persistence",
  "sandbox",
  "reports",
  "wrong-use",
];

let staged: Staged;
let runtime = "";

beforeAll(async () => {
  const { stdout } = await promisify(execFile)("cc", ["-print-file-name=libasan.so"]);
  runtime = stdout.trim();
  if (!existsSync(runtime)) return;
  staged = await stage(SANITIZED, [
    ...["src", "native/payload", "native/timeskew.h", "tsconfig.json"],
    ...["examples", "test/live", "test/support", "test/victims", "test/setup", "test/sanitize"],
  ]);
  await rename(join(staged.folder, "bin/timeskew.js"), join(staged.folder, "bin/unchecked.js"));
  await cp(join(HERE, "preloaded.mjs"), join(staged.folder, "bin/timeskew.js"));
  await mkdir(join(staged.folder, "reports"));
  await chmod(join(staged.folder, "reports"), 0o777);
});
afterAll(async () => {
  await staged?.[Symbol.asyncDispose]();
});

function needSanitizer(context: TestContext): void {
  if (!existsSync(runtime))
    context.skip("needs AddressSanitizer: apt-get install libasan8, or libgcc-12-dev");
}

function environment(): NodeJS.ProcessEnv {
  const log = `log_path=${join(staged.folder, "reports/report")}`;
  return {
    ...process.env,
    TIMESKEW_SANITIZER: runtime,
    // Node frees little before it ends: its leaks are not the helper's.
    ASAN_OPTIONS: `detect_leaks=0:${log}`,
    UBSAN_OPTIONS: `print_stacktrace=1:${log}`,
  };
}

/** What the checks have had to say. */
async function reports(): Promise<string[]> {
  const folder = join(staged.folder, "reports");
  return Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")));
}

interface Ended {
  code: number | null;
  output: string;
}

/** @param shown its output is shown as it comes */
async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  shown = false,
): Promise<Ended> {
  const child = spawn(program, args, { cwd: staged.folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (shown) process.stdout.write(text);
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

/** A command of the copy. */
async function timeskew(...args: (string | number)[]): Promise<void> {
  const ended = await run(process.execPath, ["bin/timeskew.js", ...args.map(String)], environment());
  expect({ ...ended, reports: await reports() }).toMatchObject({ code: 0, reports: [] });
}

test("the checks do notice", async (context) => {
  needSanitizer(context);
  await using broken = await stage({
    ...SANITIZED,
    compile: [...SANITIZED.compile, join(HERE, "overrun.c")],
  });
  const koffi = createRequire(import.meta.url).resolve("koffi");
  for (const [call, complaint] of [
    ["ts_overrun(8)", /stack-buffer-overflow/],
    ["ts_overflow(0x7fffffff)", /signed integer overflow/],
  ] as const) {
    const script = `const helper = require(${JSON.stringify(koffi)}).load(${JSON.stringify(broken.helper)});
      const [ts_overrun, ts_overflow] = ["overrun", "overflow"].map((name) => helper.func(\`int ts_\${name}(int n)\`));
      ${call};`;
    const { ASAN_OPTIONS: _, UBSAN_OPTIONS: __, ...env } = environment();
    const ended = await run(process.execPath, ["-e", script], {
      ...env,
      LD_PRELOAD: runtime,
      ASAN_OPTIONS: "detect_leaks=0",
    });
    expect(ended.code).not.toBe(0);
    expect(ended.output).toMatch(complaint);
  }
});

test(`${PLANS} random plans, against a kernel that is made up`, { timeout: 600_000 }, async (context) => {
  needPrograms(context, "gcc");
  needSanitizer(context);
  await using victim = await startClocks();
  const before = picture(victim.pid);
  const fuzz = join(staged.folder, "plans");
  await compileSanitized(fuzz, ["-DTS_HOOKED", join(HERE, "plans.c")]);
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { code, output } = await run(fuzz, [PLANS, seed, victim.pid].map(String), environment());
  expect({ code, output, reports: await reports() }, `seed ${seed}`).toMatchObject({ code: 0, reports: [] });
  const counts = JSON.parse(output) as Record<"refused" | "failed" | "done", number>;
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
  expect(picture(victim.pid)).toEqual(before);
  expect(await victim.complaints({})).toEqual([]);
});

test("each command, on a program that hammers the clock", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  needSanitizer(context);
  await using hammer = await startHammer(4, SKEW, -SKEW);
  const { pid } = hammer;
  const before = picture(pid);
  await timeskew("inject", "--pid", pid, "--offset", `${SKEW}ns`);
  await timeskew("inject", "--pid", pid, "--offset", `${-SKEW}ns`);
  await timeskew("status", "--pid", pid);
  await timeskew("now", "--pid", pid);
  expect(await hammer.settle()).toMatchObject({ violations: 0, seen: { 0: 0, [String(SKEW)]: 0 } });
  await timeskew("recover", "--pid", pid);
  expect(await hammer.settle()).toMatchObject({ violations: 0, seen: { [String(-SKEW)]: 0 } });
  expect(picture(pid)).toEqual(before);
});

test("the live tests", { timeout: 3_600_000 }, async (context) => {
  needSanitizer(context);
  if (!ALL) context.skip("takes minutes: npm run test:sanitize");
  const suites = SUITES.map((name) => `test/live/${name}.test.ts`);
  // These run a command by its own words, or kill one: in between stands our preloaded.mjs.
  const but = ["-t", "^(?!.*(the undo command|two tools at once))"];
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "test/sanitize/vitest.config.ts"];
  const env = { ...environment(), LD_PRELOAD: runtime };
  const ended = await run(process.execPath, [...vitest, ...but, ...suites], env, true);
  expect(await reports()).toEqual([]);
  expect(ended.code).toBe(0);
});
