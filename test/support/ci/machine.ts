/**
 * A machine as CI services have them: an ordinary user with `sudo` and no password, a network where every port is free, npm,
 * which installs this tree as `timeskew`, and a project. Made of namespaces, so that nothing of it is outside.
 */
import { execFile, spawn } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { source } from "../build.ts";
import { entering, NOBODY, needNamespaces } from "../namespaces.ts";
import { needPrograms } from "../needs.ts";
import { assemble } from "../own.ts";
import { Server, temporaryFolder } from "../servers/server.ts";
import { waitFor } from "../wait.ts";
import { writeProgram, writeTimeskew } from "./program.ts";

const RECIPES = fileURLToPath(new URL("../../../examples/ci/", import.meta.url));

export interface Machine extends AsyncDisposable {
  /** Where steps are run: a copy of test/victims/ci-project, with the recipe's scripts. */
  readonly workspace: string;
  /** A folder that its user may write to. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Starts a command as its user; it takes the place of what enters the machine, so signals go to it. */
  start(command: readonly string[], env: Readonly<Record<string, string>>, cwd: string): Running;
  /** Runs a command in it, as root, and returns its output. */
  output(...command: string[]): Promise<string>;
  /** Kills whatever was started in it. */
  clear(): Promise<void>;
}

export type Running = ReturnType<typeof spawn>;

interface Programs {
  readonly npm: string;
  readonly busybox: string;
}

export function needMachine(context: TestContext): Programs {
  needNamespaces(context, "--mount", "--net");
  const [npm = "", busybox = ""] = needPrograms(context, "npm", "busybox", "sudo", "nsenter", "curl", "bash");
  return { npm, busybox };
}

export function startMachine({ npm, busybox }: Programs): Promise<Machine> {
  return assemble(async (own) => {
    const folder = own(await temporaryFolder("ci", NOBODY)).path;
    const sudoers = own(await temporaryFolder("sudoers")).path;
    writeFileSync(join(sudoers, "ci"), "nobody ALL=(ALL) NOPASSWD: ALL\n", { mode: 0o440 });
    const bin = installer(folder, npm);
    const workspace = join(folder, "workspace");
    cpSync(source("ci-project"), workspace, { recursive: true });
    for (const script of readdirSync(RECIPES).filter((name) => name.endsWith(".sh"))) {
      cpSync(join(RECIPES, script), join(workspace, script));
    }
    for (const path of [workspace, ...readdirSync(workspace).map((name) => join(workspace, name))]) {
      chownSync(path, NOBODY, NOBODY);
    }

    const setUp = `${busybox} ifconfig lo up && mount --bind ${sudoers} /etc/sudoers.d && touch ${folder}/up && exec sleep infinity`;
    const unshare = ["unshare", "--mount", "--net", "--", "sh", "-c", setUp];
    const holder = own(await Server.start({ command: unshare, stopSignal: "SIGTERM" }));
    await waitFor("the machine", () => existsSync(join(folder, "up")));
    const enter = entering(holder.pid, "--mount", "--net");
    const asUser = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"];
    const { PATH = "" } = process.env;
    const env = { PATH: [bin, join(folder, "global"), PATH].join(":"), HOME: folder, TMPDIR: folder };
    return {
      workspace,
      folder,
      env,
      start: (command, more, cwd) => {
        const [program = "", ...args] = [...enter, "env", "-C", cwd, ...asUser, ...command];
        return spawn(program, args, { env: { ...env, ...more }, stdio: ["ignore", "pipe", "pipe"] });
      },
      output: async (...command) => {
        const [program = "", ...args] = [...enter, ...command];
        return (await promisify(execFile)(program, args)).stdout;
      },
      clear: () => clear(holder.pid),
    };
  });
}

/** By their network: one that is just being started has no environment to be known by. */
async function clear(holder: number): Promise<void> {
  const network = networkOf(holder);
  await waitFor("the end of all that was started in a machine", () => {
    const pids = readdirSync("/proc").map(Number);
    const left = pids.filter((pid) => pid > 0 && pid !== holder && networkOf(pid) === network);
    for (const pid of left) process.kill(pid, "SIGKILL");
    return left.length === 0;
  });
}

function networkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined; // It has ended meanwhile.
  }
}

/** An npm that takes `timeskew` from this tree, and does the rest as ever. Like the machine's, it puts programs where sudo
 * does not look for them. */
function installer(folder: string, npm: string): string {
  const [bin, global] = [join(folder, "bin"), join(folder, "global")];
  for (const path of [bin, global]) mkdirSync(path);
  chownSync(global, NOBODY, NOBODY);
  const timeskew = join(folder, "timeskew");
  writeTimeskew(timeskew);
  writeProgram(
    join(bin, "npm"),
    `[ "$*" = "install --global --ignore-scripts timeskew" ] || exec '${npm}' "$@"\nln -sf '${timeskew}' '${global}/timeskew'`,
  );
  return bin;
}
