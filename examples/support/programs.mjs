/** Where programs are, and how they are run as somebody else. */
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** Debian keeps these off the path of users. */
const FURTHER = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

function newestFirst(folder, inside) {
  try {
    const versions = readdirSync(folder).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(folder, version, inside));
  } catch {
    return []; // it is not installed
  }
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns {string | undefined} its path */
export function findProgram(name) {
  if (name.includes("/")) return isExecutable(name) ? name : undefined;
  // Postgres is off everybody's path, and what is called psql there is a script that looks for it.
  const path = (process.env.PATH ?? "").split(delimiter).filter(isAbsolute);
  const folders = [...newestFirst("/usr/lib/postgresql", "bin"), ...path, ...FURTHER];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** @param {Readonly<Record<string, string>>} programs each command's, or file's, Debian package */
export function missingPrograms(programs) {
  const isThere = (name) => (name.startsWith("/") ? existsSync(name) : findProgram(name) !== undefined);
  return Object.keys(programs).filter((name) => !isThere(name));
}

/**
 * The words that start a program: found where Debian has it, as a user, and ended by the kernel when the demonstration's
 * process is gone. (setpriv executes the program in its own place, so the pid is the program's.)
 *
 * @param {readonly string[]} argv
 * @param {{ user?: string, stopBy?: string }} how `user`: ignored unless this is root, for then there is no choice;
 *   `stopBy`: the signal that ends it
 * @throws Error if there is no such program
 */
export function commandFor([name, ...args], { user, stopBy = "SIGKILL" }) {
  const program = findProgram(name);
  if (program === undefined) throw new Error(`there is no program ${name}`);
  const command = [program, ...args];
  const setpriv = findProgram("setpriv");
  const isRoot = process.getuid?.() === 0;
  if (setpriv === undefined) {
    if (user !== undefined && isRoot)
      throw new Error(`setpriv (util-linux) is needed to run ${name} as ${user}`);
    return command;
  }
  const as = user !== undefined && isRoot ? [`--reuid=${user}`, `--regid=${user}`, "--init-groups"] : [];
  return [setpriv, ...as, `--pdeathsig=${stopBy.slice(3)}`, "--", ...command];
}
