/** `timeskew doctor`: what would stop an injection, before one is tried. */
import { TimeskewError } from "../../errors.ts";
import type { DoctorResult } from "../../types.ts";
import type { CommandSpec, Outcome, Session } from "../command.ts";
import { targetOptions } from "../flags.ts";
import { blocked, doctorLines } from "../report/doctor.ts";
import { pids } from "../settings.ts";
import { eachTarget } from "../targets.ts";

export const doctor: CommandSpec = {
  name: "doctor",
  summary: "say what would stop an injection, and the remedy",
  description:
    "Says what would stop an injection here and now, each with its remedy, and changes nothing. " +
    "Exits with 1 if something would.",
  examples: [
    ["timeskew doctor", "this machine"],
    ["timeskew doctor --pid 1234", "and this process"],
  ],
  options(command) {
    targetOptions(command);
  },
  async run(session, flags) {
    const named = flags.pid === undefined ? undefined : pids(flags);
    const { world, ui } = session;
    const engine = await world.loadEngine();
    const show = (result: DoctorResult) => ui.result(doctorLines(result, ui.paint));
    if (named === undefined) {
      const result = await engine.doctor();
      show(result);
      return diagnosis(session, { targets: [] }, [result], { checks: result.checks });
    }
    const { results, ...outcome } = await eachTarget(session, named, {
      command: "doctor",
      changes: false,
      work: (pid) => engine.doctor({ pid }),
      done: show,
    });
    return outcome.error ? outcome : diagnosis(session, outcome, results);
  },
};

/** A blocked check makes the command fail, so that a script can ask before it injects. */
function diagnosis({ ui }: Session, outcome: Outcome, results: readonly DoctorResult[], extra = {}): Outcome {
  const blocks = results.flatMap(({ checks }) => blocked(checks));
  if (blocks.length === 0) {
    ui.success(["Nothing stands in the way of an injection."]);
    return { ...outcome, extra };
  }
  const names = blocks.map(({ name }) => name).join(", ");
  const hint = blocks[0]?.remedy;
  const message = `an injection would fail here: ${names}`;
  ui.error([`timeskew: ${message}`]);
  return {
    ...outcome,
    extra,
    error: new TimeskewError("E_FAILED", message, hint === undefined ? {} : { hint }),
  };
}
