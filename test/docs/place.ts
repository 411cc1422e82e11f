/**
 * Where the commands of a page are carried out as they stand there: in a folder of their own, and in a process namespace of
 * their own, which has the process 1234 that the page speaks of, and in which `--all` means nobody else's processes. It ends
 * with everything that was started there.
 */
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";
import { needNamespaces } from "../support/namespaces.ts";
import { needPrograms } from "../support/needs.ts";
import { type Ended, ended, temporary } from "../support/programs.ts";

const CLI = fileURLToPath(new URL("../../bin/timeskew.js", import.meta.url));
/** The process that pages give a wrong clock. */
export const VICTIM = 1234;

const NAMESPACE = ["--pid", "--fork", "--kill-child", "--mount-proc"];

/**
 * The process that pages speak of; and two commands as a person may have them whose machine differs from ours: who is root
 * already may have no sudo, and who types by hand is slower than a server that has just been started.
 */
const PRELUDE = `
set -euo pipefail
sudo() { "$@"; }
curl() { command curl --retry 20 --retry-delay 1 --retry-connrefused --noproxy '*' "$@"; }
echo ${VICTIM - 1} > /proc/sys/kernel/ns_last_pid
sleep infinity &
[ $! = ${VICTIM} ]
`;

/** What npm has told us, as it does whoever it starts; a person types into a shell that npm has not started. */
const OF_NPM = Object.keys(process.env).filter((name) => name.startsWith("npm_"));

export interface TypedHow {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly patienceMs?: number;
}

export interface Place extends AsyncDisposable {
  /** Where commands are typed. */
  readonly folder: string;
  /**
   * Types a block into bash, each line of which must succeed.
   *
   * @param how `cwd`: where, if not in the folder; `env`: further variables; `patienceMs`: for the whole block
   */
  type(block: string, how?: TypedHow): Promise<Ended>;
}

export function needPlace(context: TestContext): void {
  needPrograms(context, "unshare", "bash");
  needNamespaces(context, ...NAMESPACE);
}

/** @param command what `timeskew` is there; "" if it is not installed yet */
export async function place(command = CLI): Promise<Place> {
  const temporaryFolder = await temporary();
  const [folder, bin] = ["here", "bin"].map((name) => join(temporaryFolder.path, name)) as [string, string];
  for (const each of [folder, bin]) await mkdir(each);
  if (command !== "") await symlink(command, join(bin, "timeskew"));
  return {
    folder,
    type: (block, { cwd = folder, env = {}, patienceMs = 60_000 } = {}) => {
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const unset = OF_NPM.map((name) => `--unset=${name}`);
      const script = `${PRELUDE}cd '${cwd}'\nPATH='${bin}':$PATH\n${block}\n`;
      const command = ["env", ...unset, ...variables, "unshare", ...NAMESPACE, "bash", "-c", script];
      return ended(command, { patienceMs });
    },
    [Symbol.asyncDispose]: () => temporaryFolder[Symbol.asyncDispose](),
  };
}
