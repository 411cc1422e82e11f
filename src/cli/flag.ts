/**
 * A flag of the command line: how it is written, what it means, and what kind of value it takes. The parser and the help
 * need the first two; completions and the man page (manual/) the third as well.
 */
import { type Command, Option } from "commander";
import { TimeskewError } from "../errors.ts";

/** A word that may be typed, and what it means. */
export type Word = readonly [word: string, meaning: string];

/** What a value is made of. */
export type Value =
  /** Something that this machine has, which complete.ts knows. */
  | { readonly kind: "pid" | "skewedPid" | "container" | "pod" | "podUid" | "cgroup" | "comm" | "skew" }
  /** What every shell knows. */
  | { readonly kind: "user" | "file" }
  /** One of these words. */
  | { readonly kind: "word"; readonly words: readonly Word[] }
  /** Whatever the user likes; `units`: what may stand behind a number. */
  | { readonly kind: "text"; readonly examples: readonly string[]; readonly units: readonly string[] };

/** A value, and whether there may be several. */
export type Takes = Value & {
  /** The flag may be given again. */
  readonly repeats?: true;
  /** Commas may stand between several. */
  readonly lists?: true;
};

/** `flags` as commander takes them: "-p, --pid <PID>". What has a placeholder says what it takes. */
export type FlagSpec = readonly [flags: string, help: string, takes?: Takes];

export class Flag extends Option {
  readonly takes: Takes | undefined;

  constructor([flags, help, takes]: FlagSpec) {
    super(flags, help);
    this.takes = takes;
    if (takes === undefined) return;
    const checked = checkedValue(this.long!);
    if (takes.repeats) this.argParser((text, before: readonly string[] = []) => [...before, checked(text)]);
    else this.argParser(checked);
  }
}

export function addFlags(command: Command, heading: string, specs: readonly FlagSpec[]): Command {
  command.optionsGroup(heading);
  for (const spec of specs) command.addOption(new Flag(spec));
  return command;
}

/** Refuses `--offset --json`: an option where a value is due. One dash begins a negative duration. */
const checkedValue = (option: string) => (text: string) => {
  if (!text.startsWith("--")) return text;
  const hint = `put the value right after ${option}`;
  throw new TimeskewError("E_USAGE", `${option} needs a value, but ${text} follows`, { hint });
};

const UNITS = ["ns", "us", "ms", "s", "m", "h", "d"] as const;

/** A duration; with examples that make sense for the flag. */
export function durations(...examples: string[]): Takes {
  return { kind: "text", examples, units: UNITS };
}

export function texts(examples: readonly string[], units: readonly string[] = []): Takes {
  return { kind: "text", examples, units };
}

export function words(...words: Word[]): Takes {
  return { kind: "word", words };
}
