/**
 * Every clock under a profile, by every function and system call, with each libc: each goes by its own true reading, so that
 * the coarse ones, which stand still between ticks, are right to the nanosecond. And the languages that profiles.test.ts
 * leaves out.
 */
import { expect, test } from "vitest";
import { inject, recover } from "../support/cli.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { begun, needSettings } from "../support/profiles/slots.ts";
import { type Watched, watchC } from "../support/profiles/watched.ts";
import { watchRuntime } from "../support/profiles/watched-runtime.ts";
import {
  GLIBC,
  GLIBC_STATIC,
  MUSL_STATIC,
  RAWCLOCK_GLIBC,
  RAWCLOCK_GLIBC_STATIC,
  RAWCLOCK_MUSL_STATIC,
} from "../support/recipes.ts";
import { RUNTIMES } from "../support/runtimes.ts";

/** Forward only, so that every clock may have it. */
const PROFILE = [
  ...["--rate", "1.25", "--drift", "-150ppb", "--offset", "1h1ns"],
  ...["--jitter", "3ms", "--jitter-every", "11ms", "--jitter-glide"],
];
const ALL = ["--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC,CLOCK_MONOTONIC_RAW"];
const WATCHED_MS = 200;

/** Skews a program, and reads its clocks for a while, from the first moment on. */
async function watch(program: Watched, ...flags: string[]): Promise<string[]> {
  await inject(program.pid, ...flags);
  const settings = needSettings(program.pid);
  const found = await program.complaints(settings);
  await begun(program.pid);
  const until = performance.now() + WATCHED_MS;
  do found.push(...(await program.complaints(settings)));
  while (performance.now() < until);
  return found;
}

const C_PROGRAMS = [
  ...[GLIBC, GLIBC_STATIC, MUSL_STATIC].map((recipe) => ({
    what: "functions",
    recipe,
    compiler: recipe.compiler,
  })),
  ...[RAWCLOCK_GLIBC, RAWCLOCK_GLIBC_STATIC, RAWCLOCK_MUSL_STATIC].map((recipe) => ({
    what: "system calls",
    recipe,
    compiler: recipe.compilers[0]!,
  })),
].map((row) => ({ ...row, title: row.recipe.title }));

test.for(C_PROGRAMS)("$title, $what", async ({ recipe, compiler }, context) => {
  needPrograms(context, compiler);
  needTracing(context, { permitted: true });
  await using program = await watchC(recipe);
  expect(await watch(program, ...PROFILE, ...ALL)).toEqual([]);
  await recover(program.pid, "--allow-backward-monotonic");
});

test.for(["CLOCK_TAI", "CLOCK_BOOTTIME", "CLOCK_REALTIME_COARSE", "CLOCK_MONOTONIC_RAW"])(
  "%s alone",
  async (clock, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using program = await watchC();
    expect(await watch(program, "--exact", "--clock", clock, ...PROFILE)).toEqual([]);
  },
);

const OTHERS = RUNTIMES.filter(({ title }) => !["Go", "Node"].includes(title));

test.for(OTHERS)("$title", async (runtime, context) => {
  needTracing(context);
  await using program = await watchRuntime(runtime, context);
  expect(await watch(program, ...PROFILE, "--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC")).toEqual([]);
});
