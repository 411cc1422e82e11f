/** Completions in real shells, on a terminal; and the man page, as it is checked and shown. */
import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, type TestContext, test } from "vitest";
import { flagsOf, tree } from "../../src/cli/manual/tree.ts";
import { needPrograms } from "../support/needs.ts";
import { ended } from "../support/programs.ts";
import { shared } from "../support/shared.ts";
import { completed, type Home, homeWithScripts, listed, type ShellName } from "../support/shells.ts";

const SHELLS: readonly ShellName[] = ["bash", "zsh", "fish"];
const home = shared((context) => needPrograms(context, "python3", "timeout"), homeWithScripts);

function needShell(context: TestContext, shell: ShellName): Promise<Home> {
  needPrograms(context, shell);
  return home(context);
}

/** A process of a name that nobody else has: of the folder of a home, whose name is random. */
async function named({ path }: Home, name: string) {
  const program = join(path, name);
  await copyFile("/bin/sleep", program);
  const child = spawn(program, ["1h"], { stdio: "ignore" });
  return { pid: child.pid!, [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

describe.each(SHELLS)("%s", (shell) => {
  test("commands, options, values, and the program's own", async (context) => {
    const there = await needShell(context, shell);
    // zsh leaves room for a value behind the option's name.
    const [option, insert] = shell === "zsh" ? ["--offset=", "insert "] : ["--offset ", "insert "];
    const lines: [typed: string, then: string][] = [
      ["timeskew inj", "timeskew inject "],
      ["timeskew inject --off", `timeskew inject ${option}`],
      ["timeskew --json stat", "timeskew --json status "],
      ["timeskew inject --leap ins", `timeskew inject --leap ${insert}`],
      ["timeskew inject --leap=ins", `timeskew inject --leap=${insert}`],
      ["timeskew inject --offset -10m --dry", "timeskew inject --offset -10m --dry-run "],
      [
        "timeskew inject --at 2038-01-19T03:14:00Z --dry",
        "timeskew inject --at 2038-01-19T03:14:00Z --dry-run ",
      ],
      ["timeskew inject --offset=-10m --dry", "timeskew inject --offset=-10m --dry-run "],
      ["timeskew recover --gli", "timeskew recover --glide "],
      ["timeskew recover --offs", "timeskew recover --offs"],
      ["timeskew completion f", "timeskew completion fish "],
      ["timeskew help rec", "timeskew help recover "],
      ["timeskew inject --user nob", "timeskew inject --user nobody "],
    ];
    expect(
      await completed(
        there,
        shell,
        lines.map(([typed]) => typed),
      ),
    ).toEqual(lines.map(([, then]) => then));
  });

  test("clocks, also in lists", async (context) => {
    const there = await needShell(context, shell);
    const lines = ["timeskew inject -c CLOCK_REALTIME_A", "timeskew inject -c CLOCK_TAI,CLOCK_REALTIME_A"];
    const [one, two] = await completed(there, shell, lines);
    expect(one).toMatch(/ CLOCK_REALTIME_ALARM[ ,]?$/);
    expect(two).toMatch(/ CLOCK_TAI,CLOCK_REALTIME_ALARM[ ,]?$/);
  });

  test("what is completed behind -- is the program", async (context) => {
    const there = await needShell(context, shell);
    const program = "timeskew run --offset -1d -- timeskew";
    // Without its package bash knows files and programs only.
    const options = { withPackage: true };
    if (shell === "bash") needPrograms(context, "/usr/share/bash-completion/bash_completion");
    expect(
      await completed(
        there,
        shell,
        [`${program} stat`, `${program} inject --dry`, "sudo timeskew rec"],
        options,
      ),
    ).toEqual([`${program} status `, `${program} inject --dry-run `, "sudo timeskew recover "]);
  });

  test("processes, by pid and by name", async (context) => {
    const there = await needShell(context, shell);
    const name = `tsv${process.pid}${shell}`;
    using target = await named(there, name);
    const [byName, byPid, nobody] = await completed(there, shell, [
      `timeskew inject --comm ${name.slice(0, -1)}`,
      `timeskew inject --pid ${target.pid}`,
      "timeskew inject --pid 99999999",
    ]);
    expect(byName).toBe(`timeskew inject --comm ${name} `);
    expect(byPid).toMatch(new RegExp(` --pid ${target.pid}[ ,]$`));
    expect(nobody).toBe("timeskew inject --pid 99999999");
  });

  test("names that a shell would take apart", async (context) => {
    const there = await needShell(context, shell);
    using _ = await named(there, `q${process.pid} '$x`);
    const [line] = await completed(there, shell, [`timeskew inject --comm q${process.pid}`]);
    expect(line).toBe(`timeskew inject --comm q${process.pid}\\ \\'\\$x `);
  });

  test("lists say what each word means", async (context) => {
    const there = await needShell(context, shell);
    const list = await listed(there, shell, "timeskew ", "read a process's clocks");
    for (const { name } of tree().commands) expect(list).toContain(name);
  });

  test("who is asked may hang, and is given up", async (context) => {
    const there = await needShell(context, shell);
    await stand(there, "prompt", "printf 'abc\\tcontainer\\n'");
    await stand(there, "hanging", "exec sleep 1h");
    const ask = (which: string) => `~/${which}/timeskew inject --container a`;
    expect(await completed(there, shell, [ask("prompt"), ask("hanging")])).toEqual([
      `${ask("prompt")}bc `,
      ask("hanging"),
    ]);
  });
});

/** Something else under our name, in a folder of a home. */
async function stand({ path }: Home, folder: string, script: string): Promise<void> {
  await mkdir(join(path, folder), { recursive: true });
  await writeFile(join(path, folder, "timeskew"), `#!/bin/sh\n${script}\n`);
  await chmod(join(path, folder, "timeskew"), 0o755);
}

describe.each(tree().commands)("all options of $name", (command) => {
  const line = `timeskew ${command.name} --`;
  const all = flagsOf(command)
    .map(({ long }) => long)
    .sort();

  test("bash", async (context) => {
    const { path } = await needShell(context, "bash");
    const { stdout } = await ended([
      ...["bash", "--noprofile", "--norc", "-c"],
      `source "$1"; COMP_WORDS=($2) COMP_CWORD=2 COMP_LINE=$2 COMP_POINT=\${#2} COMP_TYPE=9
       _timeskew timeskew -- "$3"; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ...["bash", join(path, "timeskew.bash"), line, command.name],
    ]);
    expect(stdout.trimEnd().split("\n").sort()).toEqual(all.length > 0 ? all : [""]);
  });

  test("fish", async (context) => {
    const { path } = await needShell(context, "fish");
    const ask = `source ${path}/timeskew.fish; complete -C '${line}'`;
    const { stdout, stderr } = await ended(["fish", "--no-config", "-c", ask]);
    const words = stdout.split("\n").filter((each) => each.startsWith("--"));
    expect({ words: words.map((each) => each.split("\t")[0]).sort(), stderr }).toEqual({
      words: all,
      stderr: "",
    });
  });
});

test("the script for bash has no complaint of shellcheck", async (context) => {
  const [shellcheck = ""] = needPrograms(context, "shellcheck");
  const { path } = await home(context);
  const { code, stdout } = await ended([shellcheck, "-s", "bash", join(path, "timeskew.bash")]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
});

describe("the man page", () => {
  const PAGE = fileURLToPath(new URL("../../dist/man/timeskew.1", import.meta.url));

  test("has no complaint of groff, man or mandoc", async (context) => {
    const [groff = "", man = "", mandoc = ""] = needPrograms(context, "groff", "man", "mandoc");
    const quiet = { code: 0, stdout: "", stderr: "" };
    expect(await ended([groff, "-man", "-ww", "-rCHECKSTYLE=3", "-z", PAGE])).toMatchObject(quiet);
    expect(await ended([mandoc, "-Tlint", "-W", "style", PAGE])).toMatchObject(quiet);
    expect(await ended([man, "--warnings", "-l", PAGE])).toMatchObject({ code: 0, stderr: "" });
  });

  test("fits on a terminal of 80 columns, and cuts no word", async (context) => {
    const [env = "", man = ""] = needPrograms(context, "env", "man");
    const { stdout } = await ended([env, "MANWIDTH=80", "LC_ALL=C.UTF-8", man, "-l", PAGE]);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).not.toMatch(/\u2010$/m);
    for (const command of tree().commands) {
      expect(stdout).toContain(`timeskew ${command.name}`);
      for (const { long } of flagsOf(command)) expect(stdout).toContain(long);
    }
  });
});
