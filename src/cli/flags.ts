/**
 * The option sets that commands share. commander only gathers strings here; settings.ts turns them into
 * typed values, so that every complaint about a value is worded in one place.
 */
import type { Command } from "commander";
import { CLOCKS, type ClockFamily } from "../skew/clock.ts";
import { addFlags, durations, Flag, type FlagSpec, type Word, words } from "./flag.ts";

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

const CLOCK_MEANINGS: Readonly<Record<ClockFamily, string>> = {
  realtime: "the date and time of day",
  tai: "atomic time, without leap seconds",
  monotonic: "since the boot, without suspends",
  raw: "the same, as no NTP adjusts it",
  boottime: "since the boot, with suspends",
  cpu: "time spent computing",
};

const CLOCK_WORDS = CLOCKS.map(({ name, family }): Word => [name, CLOCK_MEANINGS[family]]);

const SELECTORS: readonly FlagSpec[] = [
  ["--tree", "its children, too, and theirs (of each --pid)"],
  [
    "--container <NAME>",
    "every process of a container: its name, its id, or the beginning of its id",
    { kind: "container", repeats: true },
  ],
  [
    "--pod <NAMESPACE/NAME>",
    "every process of a Kubernetes pod: default/web-0",
    { kind: "pod", repeats: true },
  ],
  ["--pod-uid <UID>", "the same, by the pod's uid", { kind: "podUid", repeats: true }],
  [
    "--cgroup <PATH>",
    "every process of a cgroup and those below it: /system.slice/redis.service",
    { kind: "cgroup", repeats: true },
  ],
  ["--user <USER>", "every process of a user: a name or a number", { kind: "user", repeats: true }],
  ["--comm <NAME>", "every process of this name, as ps -o comm shows it", { kind: "comm", repeats: true }],
];

/** Who has a skew; for commands that are about skewed processes. Each is a help text. */
export interface SkewedOptions {
  readonly skew?: string;
  readonly all?: string;
}

/** Which processes; all flags but --tree and --all are repeatable, and add up. */
export function targetOptions(command: Command, { skew, all }: SkewedOptions = {}): Command {
  const pid: FlagSpec = [
    "-p, --pid <PID>",
    "process id; repeatable, or comma-separated",
    { kind: skew === undefined ? "pid" : "skewedPid", repeats: true, lists: true },
  ];
  const more: FlagSpec[] = [];
  if (skew !== undefined) more.push(["--skew <ID>", skew, { kind: "skew", repeats: true }]);
  if (all !== undefined) more.push(["--all", all]);
  return addFlags(command, "Target:", [pid, ...SELECTORS, ...more]);
}

/** Which clocks a skew reaches. */
export function clockOptions(command: Command): Command {
  return addFlags(command, "Clocks:", [
    [
      "-c, --clock <NAME>",
      "clock to skew (default CLOCK_REALTIME); repeatable, or comma-separated",
      { ...words(...CLOCK_WORDS), repeats: true, lists: true },
    ],
    ["--exact", "only the named clocks, without the clocks and functions that belong to them"],
  ]);
}

export const BACKWARD: FlagSpec = [
  "--allow-backward-monotonic",
  "permit a step back of CLOCK_MONOTONIC, which no kernel makes and some programs do not survive",
];

/** What a skew may do beside the clocks that it reaches. */
export function effectOptions(command: Command): Command {
  return addFlags(command, "Clocks:", [
    BACKWARD,
    ["--no-waits", "leave its system calls alone: timed waits will be wrong"],
  ]);
}

/** How a target is held while it is worked on. */
export function sessionOptions(command: Command): Command {
  return addFlags(command, "Session:", [
    [
      "--stop-timeout <DURATION>",
      "give up if its threads do not all stop within this time (default 1s)",
      durations("1s", "10s"),
    ],
  ]);
}

/** How the result is told. On the program and on each command, so that both positions work. */
export function generalOptions(command: Command, { json = true } = {}): Command {
  const heading = "General:";
  const asJson = new Flag(["--json", "print the result as one JSON object"]).helpGroup(heading);
  command.addOption(asJson.hideHelp(!json));
  addFlags(command, heading, [
    ["-q, --quiet", "print no success text"],
    ["--no-color", "print no colour (NO_COLOR and FORCE_COLOR are honoured too)"],
  ]);
  return command.addHelpOption(new Flag(["-h, --help", "print this help"]).helpGroup(heading));
}
