/**
 * What is told at once, before anything is stopped or changed: a patch of somebody else's, and what a stop would wait for
 * in vain.
 */
import { TimeskewError } from "../errors.ts";
import { frozenReason, isFrozen } from "../target/frozen.ts";
import { tracerOf } from "../tracer/tracer.ts";
import type { Inspection } from "./inspect.ts";

export function refuseForeign({ process: { pid, command }, found }: Inspection): void {
  if (found.state !== "foreign") return;
  throw new TimeskewError("E_FOREIGN_PATCH", `pid ${pid} (${command}): ${found.note}`, { pid });
}

/** What would make the stop wait for nothing, or our calls crash in the vDSO, is told at once. */
export function refuseUnstoppable({ process: { pid, command, vdso }, found: { state } }: Inspection): void {
  const targetState = state === "unskewed" ? "untouched" : state === "skewed" ? "skewed" : "partial";
  const tracer = tracerOf(pid);
  if (tracer !== undefined) {
    throw new TimeskewError("E_TRACED", `pid ${pid} (${command}) is ${tracer.what}`, {
      pid,
      targetState,
      hint: tracer.remedy,
    });
  }
  if (!/^r.x/.test(vdso.perms)) {
    throw new TimeskewError(
      "E_VDSO",
      `pid ${pid} (${command}) has made its vDSO ${vdso.perms}: no code in it can run`,
      {
        pid,
        hint: "it reads the clock by system calls, which timeskew does not change",
      },
    );
  }
  if (isFrozen(pid)) {
    const { message, hint } = frozenReason(pid, `pid ${pid} (${command})`);
    throw new TimeskewError("E_FROZEN", message, { pid, targetState, hint });
  }
}
