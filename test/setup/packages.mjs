/**
 * Installs the Debian packages that the tests need and that are missing: `node test/setup/packages.mjs`.
 * Not root, or not Debian: names what to install and goes on; the tests concerned are skipped and say why.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { findProgram, missingPackages } from "./programs.mjs";

const INSTALL = ["install", "--yes", "--no-install-recommends"];
const POLICY = "/usr/sbin/policy-rc.d";

/** Runs apt-get without a question and without a word; its complaint if it fails, "" if it succeeds. */
function aptGet(...arguments_) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const result = spawnSync("apt-get", ["-qq", ...arguments_], { env, encoding: "utf8" });
  if (result.status === 0) return "";
  return result.error?.message ?? (result.stderr.trim() || result.stdout.trim() || `status ${result.status}`);
}

/** The tests start servers of their own: none is to be started by its package. */
function withoutServices(work) {
  if (existsSync(POLICY)) return work();
  const remove = () => rmSync(POLICY, { force: true });
  process.once("exit", remove);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return work();
  } finally {
    remove();
  }
}

/**
 * All at once; one by one if that fails, so that a package which cannot be had does not cost the others. What it provides
 * may have come with another one: Debian 12 has no docker-cli, its docker.io is both.
 */
function install(packages) {
  for (const name of packages) console.log(`test setup: installing ${name}`);
  const updateProblem = aptGet("update");
  if (updateProblem) console.error(`test setup: apt-get update: ${updateProblem}`);
  if (aptGet(...INSTALL, ...packages) === "") return;
  for (const name of packages) {
    if (!missingPackages().includes(name)) continue;
    const problem = aptGet(...INSTALL, name);
    if (problem) console.error(`test setup: ${name} cannot be installed: ${problem}`);
  }
}

const missing = missingPackages();
if (missing.length > 0 && process.geteuid() === 0 && findProgram("apt-get")) {
  withoutServices(() => install(missing));
} else if (missing.length > 0) {
  console.log("test setup: the tests that need a missing program are skipped; to run them as well:");
  console.log(`  sudo apt-get update && sudo apt-get ${INSTALL.join(" ")} ${missing.join(" ")}`);
}
