/** `timeskew doctor`: what would stop an injection, before one is tried. */
import { Members } from "../../engine/set/members.ts";
import { onlyPid, type ProcessSet } from "../../engine/set/process-set.ts";
import { TimeskewError } from "../../errors.ts";
import type { DoctorResult } from "../../types.ts";
import type { CommandSpec, Outcome, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { targetOptions } from "../flags.ts";
import { gaveUpIn, setOf, told } from "../members.ts";
import { blocked, doctorLines, doctorSetLines } from "../report/doctor.ts";
import { aimOf } from "../settings.ts";
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
    ["timeskew doctor --container web", "and each process of a container"],
  ],
  options(command) {
    targetOptions(command);
  },
  async run(session, flags) {
    const aim = aimOf(flags);
    const { world, ui } = session;
    const engine = await world.loadEngine();
    const show = (result: DoctorResult) => ui.result(doctorLines(result, ui.paint));
    if (aim?.kind !== "selected") {
      const result = await engine.doctor();
      show(result);
      return diagnosis(session, { targets: [] }, [result], { checks: result.checks });
    }
    const pid = onlyPid(aim.selectors);
    if (pid === undefined) return doctorOfSet(session, engine, await setOf(session, engine, aim.selectors));
    const { results, ...outcome } = await eachTarget(session, [pid], {
      command: "doctor",
      changes: false,
      work: () => engine.doctor({ pid }),
      done: show,
    });
    return outcome.error ? outcome : diagnosis(session, outcome, results);
  },
};

/** The machine's checks once, and each process in a line. */
async function doctorOfSet(session: Session, engine: Engine, set: ProcessSet): Promise<Outcome> {
  const { ui } = session;
  const machine = await engine.doctor();
  const members = new Members<DoctorResult>(set, {
    ...gaveUpIn(session),
    changes: false,
    work: (pid) => engine.doctor({ pid, machine: false }),
  });
  await ui.working(`looking at ${set.words ?? "them"}`, () => members.reachAll());
  const { results, targets, error } = told(session, members.conclude(), { command: "doctor" });
  ui.result(doctorSetLines(set, machine, results, ui));
  const extra = { selection: set.selected, checks: machine.checks };
  return error ? { targets, error, extra } : diagnosis(session, { targets }, [machine, ...results], extra);
}

/** A blocked check makes the command fail, so that a script can ask before it injects. */
function diagnosis({ ui }: Session, outcome: Outcome, results: readonly DoctorResult[], extra = {}): Outcome {
  const blocks = results.flatMap(({ checks }) => blocked(checks));
  if (blocks.length === 0) {
    ui.success(["Nothing stands in the way of an injection."]);
    return { ...outcome, extra };
  }
  const names = [...new Set(blocks.map(({ name }) => name))].join(", ");
  const hint = blocks[0]?.remedy;
  const message = `an injection would fail here: ${names}`;
  ui.error([`timeskew: ${message}`]);
  return {
    ...outcome,
    extra,
    error: new TimeskewError("E_FAILED", message, hint === undefined ? {} : { hint }),
  };
}
