/** Errors of several targets: those that say the same are told once. */
import { pidList } from "../../engine/set/failure.ts";
import type { TimeskewError } from "../../errors.ts";
import type { Painter } from "../colour.ts";
import type { World } from "../world.ts";
import { errorLines } from "./error.ts";

/** Each different error in full, beneath it whom it concerns as well. */
export function failureLines(
  failures: readonly TimeskewError[],
  command: string,
  paint: Painter,
  world: Pick<World, "env">,
): string[] {
  const alike = new Map<string, TimeskewError[]>();
  for (const error of failures) {
    const key = `${error.code} ${error.targetState} ${generalWords(error)}`;
    const others = alike.get(key);
    if (others === undefined) alike.set(key, [error]);
    else others.push(error);
  }
  return [...alike.values()].flatMap(([first, ...others]) => {
    const pids = others.flatMap(({ pid }) => pid ?? []);
    return [
      ...errorLines(first!, command, paint, world),
      ...(pids.length > 0 ? [`  the same: pid ${pidList(pids)}`] : []),
    ];
  });
}

/** Without the process that it names. */
function generalWords({ message, pid }: TimeskewError): string {
  return pid === undefined
    ? message
    : message.replace(new RegExp(`\\bpid ${pid}\\b( \\(.*?\\))?`, "g"), "it");
}

/** "traced", "not 64bit": a table's cell. */
export function failureWord({ code }: TimeskewError): string {
  return code.replace("E_", "").toLowerCase().replaceAll("_", " ");
}

/** The name that most errors have behind the pid, as they were worded by us. */
export function commandIn({ message, pid }: TimeskewError): string {
  return new RegExp(`\\bpid ${pid} \\((.*?)\\)`).exec(message)?.[1] ?? "-";
}
