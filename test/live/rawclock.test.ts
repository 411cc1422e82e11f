/**
 * A program that reads its clocks by system calls only has the skewed time, too, wherever it can be proved that the
 * place may be patched. The others keep the true time, and the report names them.
 */
import { describe, expect, test } from "vitest";
import { build } from "../support/build.ts";
import { inject, recover } from "../support/cli.ts";
import { Dialog } from "../support/dialog.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { codeBytes } from "../support/proc.ts";
import { complaints, type Reading, type Skews } from "../support/readings.ts";
import { RAWCLOCK_GLIBC, RAWCLOCK_GLIBC_STATIC, RAWCLOCK_MUSL_STATIC } from "../support/recipes.ts";

const SKEW = -600_000_000_000n;
/** Cannot be patched: something jumps to the system call past its number. `true_clock` is where the truth comes from. */
const UNPROVED = ["branched_clock_gettime", "true_clock"];

const WALL = [
  "syscall(SYS_clock_gettime, CLOCK_REALTIME)",
  "syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE)",
  "syscall(SYS_gettimeofday)",
  "syscall(SYS_time)",
  "syscall(SYS_time, &t)",
  "bare_clock_gettime(CLOCK_REALTIME)",
  "spread_clock_gettime(CLOCK_REALTIME)",
  "bare_time()",
];
const MONOTONIC = [
  "syscall(SYS_clock_gettime, CLOCK_MONOTONIC)",
  "syscall(SYS_clock_gettime, CLOCK_BOOTTIME)",
  "bare_clock_gettime(CLOCK_MONOTONIC)",
];

function all(names: readonly string[]): Skews {
  return Object.fromEntries(names.map((name) => [name, SKEW]));
}

async function wrong(dialog: Dialog, skews: Skews): Promise<string[]> {
  const { readings } = await dialog.askJson<{ readings: Reading[] }>("read");
  return complaints(readings, skews, new Map());
}

describe.for([RAWCLOCK_GLIBC, RAWCLOCK_GLIBC_STATIC, RAWCLOCK_MUSL_STATIC])("$title", (variant) => {
  test("raw readings are skewed where that is safe, and named where it is not", async (context) => {
    needPrograms(context, ...variant.compilers);
    needTracing(context, { permitted: true });
    const program = await build(variant);
    await using victim = await Dialog.greeted([program]);
    const code = codeBytes(victim.pid);
    expect(await wrong(victim, {})).toEqual([]);

    const injected = await inject(victim.pid, "--offset", "-600s");
    expect(await wrong(victim, all(WALL))).toEqual([]);
    expect(injected).toMatchObject({ waits: { sites: expect.toSatisfy((count: number) => count > 3) } });
    for (const name of UNPROVED) {
      const named = {
        image: program,
        function: name,
        call: "clock_gettime",
        why: expect.stringMatching(/./),
      };
      expect(injected).toMatchObject({
        waits: { unproved: expect.arrayContaining([expect.objectContaining(named)]) },
      });
    }

    await recover(victim.pid);
    expect(await wrong(victim, {})).toEqual([]);
    expect(codeBytes(victim.pid)).toEqual(code);
  });

  test("so are monotonic clocks", async (context) => {
    needPrograms(context, ...variant.compilers);
    needTracing(context, { permitted: true });
    await using victim = await Dialog.greeted([await build(variant)]);
    const flags = ["--offset", "-600s", "--allow-backward-monotonic"];
    await inject(victim.pid, ...flags, "--clock", "CLOCK_MONOTONIC");
    expect(await wrong(victim, all(MONOTONIC))).toEqual([]);
    await inject(victim.pid, ...flags, "--clock", "CLOCK_MONOTONIC,CLOCK_REALTIME");
    expect(await wrong(victim, all([...WALL, ...MONOTONIC]))).toEqual([]);
  });

  test("without the translation they read the true time", async (context) => {
    needPrograms(context, ...variant.compilers);
    needTracing(context, { permitted: true });
    await using victim = await Dialog.greeted([await build(variant)]);
    await inject(victim.pid, "--offset", "-600s", "--no-waits");
    expect(await wrong(victim, {})).toEqual([]);
    expect(await wrong(victim, all(WALL))).toHaveLength(WALL.length);
  });
});
