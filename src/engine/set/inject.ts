/** One skew for a set of processes. */
import type { InjectResult } from "../../types.ts";
import type { Joint } from "../joint.ts";
import { Members, type SetTally, type Work } from "./members.ts";
import type { ProcessSet } from "./process-set.ts";

/** Skews all of them, and has them begin together. */
export async function injectAll(
  set: ProcessSet,
  joint: Joint,
  how: Pick<Work<InjectResult>, "gaveUp"> & Partial<Pick<Work<InjectResult>, "work">> = {},
): Promise<SetTally<InjectResult>> {
  const members = new Members<InjectResult>(set, {
    changes: true,
    work: (pid) => joint.inject(pid),
    // What a member forks meanwhile has the skew already.
    wasNeeded: ({ action }) => action !== "inherited",
    ...how,
  });
  await members.reachAll();
  const begun = await joint.begin(() => members.reachAll());
  for (const { pid, ...outcome } of begun) members.put(pid, outcome);
  // Whoever has run another program since needs it once more.
  if (begun.some((each) => "error" in each)) await members.reachAll();
  return members.conclude();
}
