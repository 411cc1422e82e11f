/** Targets in a sandbox that kills them for the system calls that timeskew makes in them. */
import { describe, expect, test } from "vitest";
import { inject, recover, refusal } from "../support/cli.ts";
import { MINUTE } from "../support/clock.ts";
import { isRoot, needPrograms, needTracing } from "../support/needs.ts";
import { snapshot } from "../support/proc.ts";
import { startSandboxed } from "../support/victims.ts";

describe.for(["process", "thread"] as const)("a seccomp filter of the %s", (filtered) => {
  test("is suspended for the moment, by who may", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    if (!isRoot) context.skip("needs root: only CAP_SYS_ADMIN may suspend a filter");
    await using victim = await startSandboxed(filtered);
    const untouched = snapshot(victim.pid);
    await inject(victim.pid, "--offset", "-600s");
    expect(await victim.complaints({ CLOCK_REALTIME: -10n * MINUTE })).toEqual([]);
    await recover(victim.pid);
    expect(await victim.complaints({})).toEqual([]);
    expect(snapshot(victim.pid)).toEqual(untouched);
  });

  test("is respected by who may not", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    if (isRoot) context.skip("needs an ordinary user, who may not suspend a filter");
    await using victim = await startSandboxed(filtered);
    const untouched = snapshot(victim.pid);
    const { message } = await refusal("E_PERMISSION", ["inject", "--pid", victim.pid, "--offset", "-600s"]);
    expect(message).toMatch(/seccomp/);
    expect(await victim.complaints({})).toEqual([]);
    expect(snapshot(victim.pid)).toEqual(untouched);
  });
});
