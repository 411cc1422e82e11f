/** Everything that is fuzzed, by name. */
import type { ParserRecipe } from "./parser.ts";
import { elf, plan, vdso } from "./parsers/elf.ts";
import { gap } from "./parsers/gap.ts";
import { branches, decoder, format, relocate } from "./parsers/machine.ts";
import { find, header, mark, slot } from "./parsers/memory.ts";
import { cgroup, freezer, maps, stat, status } from "./parsers/proc.ts";
import { probe, report, text } from "./parsers/report.ts";
import { clocks, duration, pid } from "./parsers/skew.ts";

export const PARSERS: readonly ParserRecipe[] = [
  ...[elf, vdso, plan],
  ...[maps, stat, status, cgroup, freezer, gap],
  ...[mark, header, slot, find],
  ...[decoder, relocate, branches, format],
  ...[report, probe, text],
  ...[duration, clocks, pid],
];
