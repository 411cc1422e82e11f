/** What the registry knows against the packages in package-lock.json. */
import { spawnSync } from "node:child_process";

/**
 * @param {string} root
 * @returns {{ installed: number, all: number } | { why: string }} vulnerabilities: of what users install, and of everything;
 *   or why nobody could be asked
 */
export function audit(root) {
  const [installed, all] = [["--omit=dev"], []].map((flags) => ask(root, flags));
  if (installed.why !== undefined) return { why: installed.why };
  if (all.why !== undefined) return { why: all.why };
  return { installed: installed.total, all: all.total };
}

/** @param {string} root @param {string[]} flags */
function ask(root, flags) {
  return answerOf(spawnSync("npm", ["audit", "--json", ...flags], { cwd: root, encoding: "utf8" }));
}

/**
 * What npm said; it ends with 1 both if it knows of something and if it could not ask.
 *
 * @param {{ stdout: string, stderr: string, error?: Error | undefined }} run
 * @returns {{ total: number, why?: undefined } | { why: string }}
 */
export function answerOf({ stdout, stderr, error }) {
  if (error) return { why: error.message };
  const answer = JSON.parse(stdout || "{}");
  const total = answer.metadata?.vulnerabilities?.total;
  if (total !== undefined) return { total };
  return { why: answer.message || answer.error?.summary || stderr.trim() || "npm said nothing" };
}
