/** Programs that fetch and unpack. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/**
 * What a program prints on stdout.
 *
 * @throws Error with the last line of its complaint
 */
export async function run(
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const [program = "", ...args] = command;
  const env = { ...process.env, LC_ALL: "C", ...options.env };
  try {
    const limits = { maxBuffer: 64 << 20, encoding: "utf8" as const };
    return (await promisify(execFile)(program, args, { ...options, ...limits, env })).stdout;
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    throw new Error(`${program}: ${stderr.trim().split("\n").at(-1) || message}`, { cause: error });
  }
}
