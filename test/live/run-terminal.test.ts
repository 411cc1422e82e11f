/** `timeskew run` on a terminal: keys, job control, and the end of the terminal. */
import { fileURLToPath } from "node:url";
import { describe, expect, type TestContext, test } from "vitest";
import { needPrograms, needTracing } from "../support/needs.ts";
import { A_DAY_LATE, ended, quoted, script } from "../support/programs.ts";

const TYPING = fileURLToPath(new URL("../support/typing.py", import.meta.url));
const HANGING_UP = fileURLToPath(new URL("../support/terminal.py", import.meta.url));

describe("on a terminal", () => {
  /** What was shown, and the exit code, of a command on a terminal of its own, where this is typed. */
  async function typed(
    context: TestContext,
    steps: [wait: string, keys: string][],
    command: readonly string[],
  ) {
    const [python = ""] = needPrograms(context, "python3", "bash");
    needTracing(context);
    return ended([python, TYPING, JSON.stringify(steps), ...command]);
  }

  test("what is typed, and its end", async (context) => {
    const run = await typed(
      context,
      [
        ["ready", "some words\n"],
        ["<some words>", "\u0004"],
      ],
      script('tty; echo ready; while read line; do echo "<$line>"; done; stty -a | grep -c icanon; exit 6'),
    );
    expect(run).toMatchObject({ code: 6, stderr: "" });
    expect(run.stdout).toMatch(/^\/dev\/pts\/\d+\r\nready/);
  });

  test("Ctrl-C, handled or not", async (context) => {
    const loop = "echo ready; while :; do sleep 0.05; done";
    const handled = await typed(
      context,
      [["ready", "\u0003"]],
      script(`trap 'echo caught; exit 5' INT; ${loop}`),
    );
    expect(handled).toMatchObject({ code: 5, stdout: expect.stringContaining("caught") });
    expect(await typed(context, [["ready", "\u0003"]], script(loop))).toMatchObject({ code: 128 + 2 });
  });

  test("Ctrl-Z, fg, bg and the exit code, in a shell with job control", async (context) => {
    const job = [...A_DAY_LATE, "sh", "-c", 'echo "re"ady; read line; echo "<$line>"; exit 7']
      .map(quoted)
      .join(" ");
    const { stdout } = await typed(
      context,
      [
        ["$ ", `${job}\n`],
        ["ready", "\u001a"],
        ["Stopped", "jobs -l\n"],
        ["Stopped", "fg\n"],
        ["fg\r\n", "word\n"],
        ["<word>", 'echo "code" $?\n'],
        ["code 7", "exit\n"],
      ],
      ["env", "PS1=$ ", "bash", "--norc", "--noprofile", "--noediting", "-i"],
    );
    expect(stdout).toContain("code 7");
  });

  test("a background job that reads is stopped", async (context) => {
    const job = [...A_DAY_LATE, "cat"].map(quoted).join(" ");
    const { stdout } = await typed(
      context,
      [
        ["$ ", `${job} & until jobs | grep Sto[p]ped; do sleep 0.1; done\n`],
        ["Stopped", "kill %1; fg; exit\n"],
      ],
      ["env", "PS1=$ ", "bash", "--norc", "--noprofile", "--noediting", "-i"],
    );
    expect(stdout).toContain("Stopped");
  });

  test("a terminal that goes away ends it by SIGHUP", async (context) => {
    const [python = ""] = needPrograms(context, "python3");
    needTracing(context);
    const run = await ended([python, HANGING_UP, "hang-up", ...script("echo STATE; sleep 60; sleep 60")]);
    expect(run).toMatchObject({ code: 128 + 1 });
  });
});
