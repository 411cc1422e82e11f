/**
 * The option sets that commands share. commander only gathers strings here; settings.ts turns them into
 * typed values, so that every complaint about a value is worded in one place.
 */
import { type Command, Option } from "commander";
import { TimeskewError } from "../errors.ts";

/** What commander hands over: the union of all commands' options, nothing checked yet. */
export interface Flags {
  readonly pid?: readonly string[];
  readonly tree?: boolean;
  readonly container?: readonly string[];
  readonly cgroup?: readonly string[];
  readonly pod?: readonly string[];
  readonly podUid?: readonly string[];
  readonly user?: readonly string[];
  readonly comm?: readonly string[];
  readonly skew?: readonly string[];
  readonly all?: boolean;
  readonly offset?: string;
  readonly at?: string;
  readonly freeze?: boolean;
  readonly rate?: string;
  readonly drift?: string;
  readonly slew?: string;
  readonly over?: string;
  readonly jitter?: string;
  readonly jitterEvery?: string;
  readonly jitterGlide?: boolean;
  readonly seed?: string;
  readonly strobe?: string;
  readonly period?: string;
  readonly leap?: string;
  readonly leapAt?: string;
  readonly smear?: string;
  readonly keyframes?: string;
  readonly repeat?: boolean;
  readonly startIn?: string;
  readonly duration?: string;
  readonly every?: string;
  readonly clock?: readonly string[];
  readonly exact?: boolean;
  readonly allowBackwardMonotonic?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly follow?: boolean;
  readonly waits?: boolean;
  readonly glide?: boolean;
  readonly watch?: boolean;
  readonly interval?: string;
  readonly for?: string;
  readonly output?: string;
  readonly width?: string;
  readonly stopTimeout?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

/** Refuses `--offset --json`: an option where a value is due. One dash begins a negative duration. */
export const value = (option: string) => (text: string) => {
  if (!text.startsWith("--")) return text;
  const hint = `put the value right after ${option}`;
  throw new TimeskewError("E_USAGE", `${option} needs a value, but ${text} follows`, { hint });
};

/** For an option that may be repeated. */
const values = (option: string) => {
  const checked = value(option);
  return (text: string, gathered: readonly string[] = []) => [...gathered, checked(text)];
};

type Repeatable = readonly [flags: string, help: string];

const SELECTORS: readonly Repeatable[] = [
  ["--container <NAME>", "every process of a container: its name, its id, or the beginning of its id"],
  ["--pod <NAMESPACE/NAME>", "every process of a Kubernetes pod: default/web-0"],
  ["--pod-uid <UID>", "the same, by the pod's uid"],
  ["--cgroup <PATH>", "every process of a cgroup and those below it: /system.slice/redis.service"],
  ["--user <USER>", "every process of a user: a name or a number"],
  ["--comm <NAME>", "every process of this name, as ps -o comm shows it"],
];

/** Who has a skew; for commands that are about skewed processes. Each is a help text. */
export interface SkewedOptions {
  readonly skew?: string;
  readonly all?: string;
}

/** Which processes; all flags but --tree and --all are repeatable, and add up. */
export function targetOptions(command: Command, { skew, all }: SkewedOptions = {}): Command {
  command
    .optionsGroup("Target:")
    .option("-p, --pid <PID>", "process id; repeatable, or comma-separated", values("--pid"))
    .option("--tree", "with --pid: its children, too, and theirs");
  const more: readonly Repeatable[] = skew === undefined ? [] : [["--skew <ID>", skew]];
  for (const [flags, help] of [...SELECTORS, ...more]) {
    command.option(flags, help, values(flags.split(" ", 1)[0]!));
  }
  if (all !== undefined) command.option("--all", all);
  return command;
}

/** Which clocks a skew reaches. */
export function clockOptions(command: Command): Command {
  return command
    .optionsGroup("Clocks:")
    .option(
      "-c, --clock <NAME>",
      "clock to skew (default CLOCK_REALTIME); repeatable, or comma-separated",
      values("--clock"),
    )
    .option("--exact", "only the named clocks, without the clocks and functions that belong to them");
}

export function backwardOption(command: Command): Command {
  return command.option(
    "--allow-backward-monotonic",
    "permit a step back of CLOCK_MONOTONIC, which no kernel makes and some programs do not survive",
  );
}

/** How a target is held while it is worked on. */
export function sessionOptions(command: Command): Command {
  return command
    .optionsGroup("Session:")
    .option(
      "--stop-timeout <DURATION>",
      "give up if its threads do not all stop within this time (default 1s)",
    );
}

/** How the result is told. On the program and on each command, so that both positions work. */
export function generalOptions(command: Command): Command {
  const heading = "General:";
  return command
    .optionsGroup(heading)
    .option("--json", "print the result as one JSON object")
    .option("-q, --quiet", "print no success text")
    .option("--no-color", "print no colour (NO_COLOR and FORCE_COLOR are honoured too)")
    .addHelpOption(new Option("-h, --help", "print this help").helpGroup(heading));
}
