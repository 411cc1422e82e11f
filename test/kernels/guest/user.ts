/** What an ordinary user may do, who has nothing but a process of their own. */
import { Dialog } from "../../support/dialog.ts";
import { needSuccess, timeskew } from "./cli.ts";
import { differences, inject, outside } from "./outside.ts";

const NOBODY = 65534;

/** A process that is not the tool's child and permits no tracer. */
export async function byUser(): Promise<string[]> {
  await using victim = await Dialog.start(["/bin/busybox", "cat"], { uid: NOBODY });
  const { pid } = victim;
  const untouched = outside(pid);
  await inject(pid, ["--offset=-600s"], NOBODY);
  const skewed = outside(pid);
  needSuccess(await timeskew(["recover", `--pid=${pid}`], NOBODY));
  return [
    ...(skewed.vdso === untouched.vdso ? ["the vDSO is the same after an injection"] : []),
    ...differences(untouched, outside(pid), "after recovery"),
  ];
}
