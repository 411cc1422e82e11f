/** Everything that is fuzzed, by name. */
import type { ParserRecipe } from "./parser.ts";
import { calls, run } from "./parsers/calls.ts";
import { containers, mountinfo, runtimes } from "./parsers/containers.ts";
import { elf, plan, vdso } from "./parsers/elf.ts";
import { functions } from "./parsers/functions.ts";
import { gap } from "./parsers/gap.ts";
import { branches, decoder, format, relocate } from "./parsers/machine.ts";
import { find } from "./parsers/memory/find.ts";
import { header } from "./parsers/memory/header.ts";
import { mark } from "./parsers/memory/mark.ts";
import { slot } from "./parsers/memory/slot.ts";
import { cgroup, freezer, maps, stat, status } from "./parsers/proc.ts";
import { probe, report, text } from "./parsers/report.ts";
import { clocks, duration, pid } from "./parsers/skew.ts";
import { instant, keyframes, verbs } from "./parsers/verbs.ts";

export const PARSERS: readonly ParserRecipe[] = [
  ...[elf, functions, vdso, plan],
  ...[maps, stat, status, cgroup, freezer, gap],
  ...[containers, mountinfo, runtimes],
  ...[mark, header, slot, find],
  ...[decoder, relocate, run, branches, format, calls],
  ...[report, probe, text],
  ...[duration, clocks, pid],
  ...[instant, keyframes, verbs],
];
