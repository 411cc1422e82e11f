/** A run of the matrix that is stopped leaves neither its guest nor the guest's 100 MB behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { children } from "../support/proc.ts";
import { waitFor, within } from "../support/wait.ts";
import { SERIES } from "./arch.ts";
import { needGuest } from "./needs.ts";
import { ROOT } from "./place.ts";

const RUN = join(ROOT, "test/kernels/run.mjs");
const ONE_GUEST = ["--as-is", "--kernel", SERIES[0]!, "--arch", "x86_64", "--machine", "x86_64"];

/** The processes below a process that run QEMU. */
function guestsOf(pid: number): number[] {
  const below = children(pid).flatMap((child) => [child, ...guestsOf(child)]);
  return below.filter((each) => readFileSync(`/proc/${each}/cmdline`, "utf8").startsWith("qemu-system"));
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

test.for(["SIGTERM", "SIGHUP"] as const)("by %s", { timeout: 300_000 }, async (signal, context) => {
  await needGuest(context, SERIES[0]!, "x86_64");
  const folder = mkdtempSync(join(tmpdir(), "timeskew-stopped-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const run = spawn(process.execPath, [RUN, ...ONE_GUEST, "--variant", "plain", "--cell", "hammer"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: folder },
  });
  onTestFinished(() => void run.kill("SIGKILL"));
  const ended = once(run, "exit");
  const lines = createInterface({ input: run.stdout });
  const begun = new Promise<void>((resolve) =>
    lines.on("line", (line) => line.endsWith("hammer begins") && resolve()),
  );
  await within("the guest", begun);
  const guests = guestsOf(run.pid!);
  expect([guests.length, readdirSync(folder).length]).toEqual([1, 1]);
  run.kill(signal);
  expect((await ended)[0]).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
  await waitFor("the end of the guest", () => guests.every(isGone));
});
