/** Victims, and the tool, in namespaces of their own: by unshare(1) and nsenter(1). */
import { spawnSync } from "node:child_process";
import type { TestContext } from "vitest";
import { build } from "./build.ts";
import { Dialog } from "./dialog.ts";
import { needPrograms, needRoot } from "./needs.ts";
import { assemble } from "./own.ts";
import { children } from "./proc.ts";
import { complaints, failures, type Reading, type Skews } from "./readings.ts";
import { GLIBC } from "./recipes.ts";
import { waitFor } from "./wait.ts";

export const NOBODY = 65_534;

/** Starts a command as another user, without any capability. */
export function asUser(uid = NOBODY): string[] {
  return ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
}

/** Skips the test where the kernel, or the sandbox that we are in ourselves, does not let a command run. */
export function needCommand(context: TestContext, command: readonly string[]): void {
  const [program = "", ...args] = command;
  needPrograms(context, program);
  const { status, stderr, error } = spawnSync(program, [...args, "true"], { encoding: "utf8" });
  if (status !== 0) context.skip(`needs ${command.join(" ")}: ${error?.message ?? stderr.trim()}`);
}

/** Skips the test where these namespaces cannot be made; returns the command that makes them. */
export function needNamespaces(context: TestContext, ...flags: string[]): string[] {
  needPrograms(context, "gcc", "setpriv");
  needRoot(context, "to make namespaces, and to enter them");
  const command = ["unshare", ...flags];
  needCommand(context, command);
  return command;
}

/** nsenter, into namespaces of a process. */
export function entering(pid: number, ...flags: string[]): string[] {
  return ["nsenter", `--target=${pid}`, ...flags, "--"];
}

/** A clocks.c that another command has started. */
export interface Inside extends AsyncDisposable {
  readonly dialog: Dialog;
  /** As we see it. */
  readonly pid: number;
  /** What is wrong with its clocks, if they are to be skewed like this; the truth is that of its own namespaces. */
  complaints(skews: Skews): Promise<string[]>;
  /** The true time of one of its clocks, in ns. */
  truth(name: string): Promise<bigint>;
}

/** @param program another file than clocks.c as it is built */
export function startInside(by: readonly string[], program?: string): Promise<Inside> {
  return assemble(async (own) => {
    const victim = program ?? (await build(GLIBC));
    const dialog = own(await Dialog.greeted([...by, victim]));
    const read = async () => (await dialog.askJson<{ readings: Reading[] }>("read")).readings;
    const failing = failures(await read());
    const pid = by.includes("--fork") ? await onlyChild(dialog.pid) : dialog.pid;
    return {
      dialog,
      pid,
      complaints: async (skews: Skews) => complaints(await read(), skews, failing),
      truth: async (name: string) => {
        const [seconds, fraction] = (await read()).find((each) => each.name === name)!.before;
        return BigInt(seconds) * 1_000_000_000n + BigInt(fraction);
      },
    };
  });
}

function onlyChild(pid: number): Promise<number> {
  return waitFor("the victim", () => {
    const [child, ...others] = children(pid);
    return others.length === 0 && child;
  });
}
