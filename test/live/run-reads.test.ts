/** `timeskew run`: programs that never read the true time, nor do those that they start. */
import { readFileSync } from "node:fs";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { build } from "../support/build.ts";
import { DAY } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { startInside } from "../support/namespaces.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import {
  A_DAY_LATE,
  ended,
  MANY,
  notADayLate,
  quoted,
  script,
  temporary,
  tool,
} from "../support/programs.ts";
import { realtimeSkews } from "../support/readings.ts";
import { GLIBC, GLIBC_STATIC, MUSL_STATIC } from "../support/recipes.ts";
import { RUNTIMES, readRuntime } from "../support/runtimes.ts";
import { waitFor } from "../support/wait.ts";

const BACK = realtimeSkews(-DAY);

describe("what a program reads", () => {
  test("date", async (context) => {
    needTracing(context);
    const from = Date.now();
    const { code, stdout, stderr } = await ended([...A_DAY_LATE, "date", "+%s"]);
    expect({ code, stderr, wrong: notADayLate(stdout, from) }).toEqual({ code: 0, stderr: "", wrong: [] });
  });

  test("a shell with pipes, subshells and substitutions", async (context) => {
    needTracing(context);
    const from = Date.now();
    const { code, stdout } = await ended(
      script(
        'date +%s; date +%s | cat; (date +%s); echo "$(date +%s)"; { date +%s & wait; }; env date +%s | sort | uniq',
      ),
    );
    expect({ code, count: stdout.trim().split("\n").length, wrong: notADayLate(stdout, from) }).toEqual({
      code: 0,
      count: 6,
      wrong: [],
    });
  });

  test.for([GLIBC, GLIBC_STATIC, MUSL_STATIC])(
    "$name: every clock, from the first reading on",
    async (recipe, context) => {
      needPrograms(context, recipe.command[0]!);
      needTracing(context);
      await using victim = await startInside(A_DAY_LATE, await build(recipe));
      expect(await victim.complaints(BACK)).toEqual([]);
    },
  );

  test.for(RUNTIMES)("$title", async (runtime, context) => {
    needTracing(context);
    await using dialog = await Dialog.greeted([...A_DAY_LATE, ...(await runtime.command(context))]);
    const { value, wall } = await readRuntime(dialog);
    expect(value.wall).toBeGreaterThan(wall.from - DAY - runtime.unit);
    expect(value.wall).toBeLessThan(wall.to - DAY);
  });

  test("make, and what it makes", async (context) => {
    needPrograms(context, "make");
    needTracing(context);
    await using folder = await temporary();
    const recipe = "\t@date +%s\n";
    const makefile = join(folder.path, "Makefile");
    await writeFile(makefile, `all: a b c\na:\n${recipe}b: a\n${recipe}c:\n${recipe}.PHONY: a b c\n`);
    // A file of today is of tomorrow for make, which would say so.
    await utimes(makefile, 0, 0);
    const from = Date.now();
    const { code, stdout, stderr } = await ended([...A_DAY_LATE, "make", "-s", "-j2", "-C", folder.path]);
    expect({ code, stderr, wrong: notADayLate(stdout, from) }).toEqual({ code: 0, stderr: "", wrong: [] });
  });

  test("make keeps its jobserver through us", async (context) => {
    needPrograms(context, "make");
    needTracing(context);
    await using folder = await temporary();
    const makefile = join(folder.path, "Makefile");
    const inner = `+${A_DAY_LATE.map(quoted).join(" ")} $(MAKE) -s dates`;
    await writeFile(
      makefile,
      `all:\n\t@${inner}\ndates: a b c\na b c:\n\t@date +%s\n.PHONY: all dates a b c\n`,
    );
    await utimes(makefile, 0, 0);
    const from = Date.now();
    // It would warn of a jobserver that is not there.
    const { code, stdout, stderr } = await ended(["make", "-s", "-j3", "-C", folder.path]);
    expect({ code, stderr, wrong: notADayLate(stdout, from) }).toEqual({ code: 0, stderr: "", wrong: [] });
  });

  test("waits are by its own clock", async (context) => {
    needTracing(context);
    const fast = tool("run", "--rate", "1000", "-c", "realtime,monotonic", "--", "sh", "-c");
    // Twenty minutes, which no test would wait for.
    expect(await ended([...fast, "sleep 600; sleep 600"])).toMatchObject({ code: 0, stderr: "" });
  });

  test("a program that executes itself again, and again", async (context) => {
    needTracing(context);
    const from = Date.now();
    const again = 'date +%s; [ "$1" -eq 0 ] || exec sh -c "$0" "$0" $(($1 - 1))';
    const { code, stdout } = await ended([...A_DAY_LATE, "sh", "-c", again, again, "20"]);
    expect({ code, count: stdout.trim().split("\n").length, wrong: notADayLate(stdout, from) }).toEqual({
      code: 0,
      count: 21,
      wrong: [],
    });
  });

  test("a daemon, which starts programs when the program itself has ended", async (context) => {
    needPrograms(context, "setsid");
    needTracing(context);
    await using folder = await temporary();
    const [go, dates] = [join(folder.path, "go"), join(folder.path, "dates")];
    const from = Date.now();
    const daemon = `until [ -e ${go} ]; do sleep 0.02; done; date +%s; sh -c 'date +%s; exec date +%s'; echo end`;
    const { code } = await ended(script(`setsid sh -c "${daemon}" >${dates} 2>&1 </dev/null &`));
    expect(code).toBe(0);
    await writeFile(go, "");
    const text = await waitFor("the daemon's end", () => {
      const lines = readFileSync(dates, "utf8");
      return lines.endsWith("end\n") && lines.replace("end\n", "");
    });
    expect({ count: text.trim().split("\n").length, wrong: notADayLate(text, from) }).toEqual({
      count: 3,
      wrong: [],
    });
  });

  test("1,000 quick programs, in turns and side by side", async (context) => {
    needTracing(context);
    const from = Date.now();
    const loop = "i=0; while [ $i -lt 250 ]; do date +%s; i=$((i + 1)); done";
    const { code, stdout, stderr } = await ended(
      script(`for each in 1 2 3 4; do { ${loop}; } & done; wait`),
      MANY,
    );
    expect({
      code,
      stderr,
      count: stdout.trim().split("\n").length,
      wrong: notADayLate(stdout, from),
    }).toEqual({
      code: 0,
      stderr: "",
      count: 1000,
      wrong: [],
    });
  });

  test("a profile begins with the program", async (context) => {
    needTracing(context);
    const from = BigInt(Date.now()) * 1_000_000n;
    const frozen = tool("run", "--freeze", "--", "sh", "-c", "date +%s%N; sleep 0.1; date +%s%N");
    const { stdout } = await ended(frozen);
    const to = BigInt(Date.now()) * 1_000_000n;
    const [first = 0n, second] = stdout.trim().split("\n").map(BigInt);
    expect(second).toBe(first);
    expect([from < first, first < to]).toEqual([true, true]);
  });
});
