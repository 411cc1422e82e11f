/**
 * A program as execve(2) takes it. File names, arguments and variables are any bytes but NUL, so they are kept as byte
 * strings here: each character stands for one byte.
 */
import { readFileSync, statSync } from "node:fs";
import { constants } from "node:os";

export interface Program {
  /** The files to try, one after the other, as execvp(3) does. */
  readonly paths: readonly string[];
  readonly argv: readonly string[];
  /** NAME=VALUE. */
  readonly env: readonly string[];
}

/** Of a program that is to be looked for where the environment does not say (glibc's default). */
export const DEFAULT_PATH = "/bin:/usr/bin";

/** A text as the bytes that it has in UTF-8. */
export function byteString(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** A byte string for people, and for Node's own functions where they take nothing else. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}

/** The words of /proc/PID/cmdline or /proc/PID/environ, which each end with a NUL. */
export function wordsOf(file: string): string[] {
  const words = readFileSync(file, "latin1").split("\0");
  if (words.at(-1) === "") words.pop();
  return words;
}

/** What a variable is set to, by the first definition, as getenv(3) has it. */
export function variable(env: readonly string[], name: string): string | undefined {
  return env.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The files that a command may mean. An empty entry of PATH is the current directory. */
export function pathsOf(command: string, path = DEFAULT_PATH): string[] {
  if (command.includes("/")) return [command];
  if (command === "") return [];
  return path.split(":").map((folder) => (folder === "" ? command : `${folder}/${command}`));
}

/** Why none of these files can be executed, as far as that can be told without trying: an errno. */
export function whyNotExecutable(paths: readonly string[]): number | undefined {
  let reason: number = constants.errno.ENOENT;
  for (const path of paths) {
    const why = whyNot(Buffer.from(path, "latin1"));
    if (why === undefined) return undefined;
    if (why !== constants.errno.ENOENT && why !== constants.errno.ENOTDIR) reason = why;
  }
  return reason;
}

function whyNot(path: Buffer): number | undefined {
  try {
    const { mode } = statSync(path);
    const isFile = (mode & constantsOfMode.type) === constantsOfMode.file;
    return isFile && (mode & constantsOfMode.execute) !== 0 ? undefined : constants.errno.EACCES;
  } catch (error) {
    return -((error as NodeJS.ErrnoException).errno ?? -constants.errno.EIO);
  }
}

/** Of st_mode. Whether we are among those who may execute it is for execve to say. */
const constantsOfMode = { type: 0o170000, file: 0o100000, execute: 0o111 };
