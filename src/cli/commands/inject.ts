/** `timeskew inject`: gives each target a wrong clock and ends with the command that undoes it. */
import type { CommandSpec, Outcome, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { sessionOptions, skewOptions, targetOptions } from "../flags.ts";
import { dryRunLines, injectLines } from "../report/inject.ts";
import { undoCommand } from "../report/undo.ts";
import { pids, sessionSettings, skewSettings } from "../settings.ts";
import { eachTarget } from "../targets.ts";

export const inject: CommandSpec = {
  name: "inject",
  summary: "give running processes a wrong clock",
  description:
    "Gives running processes a wrong clock; everything else on the machine keeps the right one. " +
    "Injecting again replaces the skew.",
  examples: [
    ["sudo timeskew inject --pid 1234 --offset -10m", "ten minutes back"],
    ["sudo timeskew inject --pid 1234,1240 --offset 1h30m", "two processes"],
    ["sudo timeskew inject --pid 1234 --offset 2s -c monotonic", "another clock"],
    ["sudo timeskew inject --pid 1234 --offset -10m --dry-run", "show the plan"],
  ],
  options(command) {
    targetOptions(command);
    skewOptions(command).option("--dry-run", "print what would be done, and change nothing");
    sessionOptions(command);
  },
  async run(session, flags) {
    const targets = pids(flags);
    const skew = skewSettings(flags);
    const settings = sessionSettings(flags);
    const { world, ui } = session;
    const engine = await world.loadEngine();
    if (flags.dryRun) return dryRun(session, engine, targets, skew);

    const { results, ...outcome } = await eachTarget(session, targets, {
      command: "inject",
      changes: true,
      work: (pid) => ui.working(`skewing pid ${pid}`, () => engine.inject({ pid, ...skew, ...settings })),
      done: (result) => ui.success(injectLines(result, ui.paint)),
    });
    if (results.length === 0) return outcome;
    const undo = undoCommand(results, world);
    ui.success([`  undo: ${ui.paint.bold(undo)}`]);
    return { ...outcome, extra: { undo } };
  },
};

async function dryRun(
  session: Session,
  engine: Engine,
  targets: readonly number[],
  skew: ReturnType<typeof skewSettings>,
): Promise<Outcome> {
  const { ui } = session;
  const { results: _, ...outcome } = await eachTarget(session, targets, {
    command: "inject",
    changes: false,
    work: (pid) => engine.planInjection({ pid, ...skew }),
    done: (result) => {
      const plan = result.plan ? engine.describePlan(result.plan) : [];
      ui.result(dryRunLines(result, plan, ui.paint));
    },
    entry: ({ plan, ...result }) => ({ ...result, plan: plan && engine.planAsJson(plan) }),
  });
  return { ...outcome, extra: { dryRun: true } };
}
