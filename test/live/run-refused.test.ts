/** Programs that `timeskew run` cannot skew are not started, or have the true time, and that is said. */
import { describe, expect, type TestContext, test } from "vitest";
import { build } from "../support/build.ts";
import { lesserTool } from "../support/lesser.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { A_DAY_LATE, ended, notADayLate, tool } from "../support/programs.ts";
import { I386 } from "../support/recipes.ts";

describe("programs that cannot be skewed", () => {
  async function prepare(context: TestContext) {
    needPrograms(context, "gcc");
    needTracing(context);
    const program = await build(I386);
    const lesser = await lesserTool();
    const run = (...words: string[]) => [process.execPath, lesser.cli, "run", "--offset", "-1d", ...words];
    return { program, run, [Symbol.asyncDispose]: () => lesser[Symbol.asyncDispose]() };
  }

  test("the one that was named is ended before its first instruction", async (context) => {
    await using setting = await prepare(context);
    const { code, stdout, stderr } = await ended(setting.run("--", setting.program));
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toMatch(/^timeskew: .*32-bit programs need a payload/);
  });

  test("one that is started later runs, with the true time, and that is said once", async (context) => {
    await using setting = await prepare(context);
    const { program, run } = setting;
    const several = `for each in 1 2 3; do ${program}; done; exec ${program}`;
    const { code, stdout, stderr } = await ended(run("--", "sh", "-c", several));
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"ready":true}\n'.repeat(4) });
    expect(stderr).toMatch(/^timeskew: i386\S* \(pid \d+\) runs with the true time: .*\n$/);
    const quiet = await ended(run("-q", "--", "sh", "-c", `${program}; exit 4`));
    expect(quiet).toMatchObject({ code: 4, stderr: "" });
  });

  test("what was told about a child of one that cannot be skewed is its skew all the same", async (context) => {
    await using setting = await prepare(context);
    const from = Date.now();
    const { stdout } = await ended(setting.run("--", "sh", "-c", `${setting.program}; date +%s`));
    expect(notADayLate(stdout.replace('{"ready":true}\n', ""), from)).toEqual([]);
  });

  test("a skew that cannot be had is told before the program is started", async (context) => {
    needTracing(context);
    const { code, stdout, stderr } = await ended(tool("run", "--offset", "-200y", "--", "echo", "started"));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^timeskew: /);
  });

  test("a process that is traced already becomes no program", async (context) => {
    needPrograms(context, "strace");
    needTracing(context);
    const { code, stdout, stderr } = await ended([
      "strace",
      "-qq",
      "-e",
      "trace=none",
      ...A_DAY_LATE,
      "echo",
      "started",
    ]);
    expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
    expect(stderr).toMatch(/is traced by strace/);
  });
});
