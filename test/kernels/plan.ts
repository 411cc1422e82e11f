/** Which guests there are, with which cells, and what a kernel does not allow. */
import type { ErrorCode } from "../../src/errors.ts";
import { ARCHES, type Arch, SERIES } from "./arch.ts";
import { type CellName, MACHINES, type Machine } from "./cells.ts";

/** A kernel that is started or set in another way than it comes. */
export interface Variant {
  /** "" is the kernel as it comes. */
  name: string;
  /** Kernel arguments. */
  append?: string;
  /** What the guest does first. */
  before?: string;
  cells: readonly CellName[];
  /** Which of its cells cannot be green, by the code with which the tool has to refuse them. */
  refused?: Partial<Record<Machine | CellName, ErrorCode>>;
  on: readonly { series: string; arch: Arch }[];
}

export interface PlannedGuest {
  series: string;
  arch: Arch;
  variant: Variant;
  machines: readonly Machine[];
}

const ALL: readonly CellName[] = ["inject", "recover", "hammer", "kill", "waits", "profiles", "user", "run"];
const YAMA: readonly CellName[] = ["inject", "recover", "user"];

function yama(scope: number): string {
  return `echo ${scope} >/proc/sys/kernel/yama/ptrace_scope`;
}

const EVERYWHERE = SERIES.flatMap((series) => ARCHES.map((arch) => ({ series, arch })));
const BOTH_6_12 = ARCHES.map((arch) => ({ series: "6.12", arch }));
const X86_6_12 = [{ series: "6.12", arch: "x86_64" as const }];

export const VARIANTS: readonly Variant[] = [
  { name: "", cells: ALL, on: EVERYWHERE },
  {
    name: "proc_mem.force_override=never",
    append: "proc_mem.force_override=never",
    cells: ALL,
    on: [...BOTH_6_12, { series: "7.2", arch: "x86_64" }],
  },
  {
    name: "vdso=0",
    append: "vdso=0 vdso32=0",
    cells: ["inject"],
    refused: { x86_64: "E_NO_VDSO", i386: "E_NO_VDSO" },
    on: X86_6_12,
  },
  { name: "Yama 1", before: yama(1), cells: YAMA, refused: { user: "E_PERMISSION" }, on: BOTH_6_12 },
  { name: "Yama 2", before: yama(2), cells: YAMA, refused: { user: "E_PERMISSION" }, on: BOTH_6_12 },
  {
    name: "Yama 3",
    before: yama(3),
    cells: ["inject", "user"],
    refused: { x86_64: "E_PERMISSION", i386: "E_PERMISSION", aarch64: "E_PERMISSION" },
    on: BOTH_6_12,
  },
  { name: "hpet", append: "clocksource=hpet", cells: ALL, on: X86_6_12 },
  {
    name: "tsc",
    append: "clocksource=tsc tsc=reliable",
    cells: ALL,
    on: [
      { series: "5.10", arch: "x86_64" },
      { series: "6.1", arch: "x86_64" },
    ],
  },
];

/** The code with which a cell has to be refused; undefined: it has to be green. */
export function refusalOf(variant: Variant, machine: Machine, cell: CellName): ErrorCode | undefined {
  return variant.refused?.[cell] ?? variant.refused?.[machine];
}

export interface Wanted {
  series?: readonly string[] | undefined;
  arches?: readonly string[] | undefined;
  machines?: readonly string[] | undefined;
  /** By name. */
  variants?: readonly string[] | undefined;
  cells?: readonly string[] | undefined;
}

/** The guests to boot, oldest series first. What is not limited is wanted. */
export function plan(wanted: Wanted): PlannedGuest[] {
  const takes = (list: readonly string[] | undefined, item: string) =>
    list === undefined || list.includes(item);
  return VARIANTS.filter(({ name }) => takes(wanted.variants, name || "plain")).flatMap((variant) =>
    variant.on
      .filter(({ series, arch }) => takes(wanted.series, series) && takes(wanted.arches, arch))
      .map(({ series, arch }) => ({
        series,
        arch,
        variant: { ...variant, cells: variant.cells.filter((cell) => takes(wanted.cells, cell)) },
        machines: MACHINES[arch].filter((machine) => takes(wanted.machines, machine)),
      }))
      .filter(({ machines, variant: { cells } }) => machines.length > 0 && cells.length > 0),
  );
}

/** What is shown by one cell of a result. */
export interface Shown {
  series: string;
  arch: string;
  variant: string;
  machine: Machine;
  cell: CellName;
  right: boolean;
}

/** The guests for what was not shown yet, one for each machine. */
export function without(guests: readonly PlannedGuest[], results: readonly Shown[]): PlannedGuest[] {
  const isShown = ({ series, arch, variant }: PlannedGuest, machine: Machine, cell: CellName) =>
    results.some(
      (each) =>
        each.right &&
        [each.series, each.arch, each.variant, each.machine, each.cell].join() ===
          [series, arch, variant.name, machine, cell].join(),
    );
  return guests
    .flatMap((guest) =>
      guest.machines.map((machine) => {
        const cells = guest.variant.cells.filter((cell) => !isShown(guest, machine, cell));
        return { ...guest, machines: [machine], variant: { ...guest.variant, cells } };
      }),
    )
    .filter(({ variant }) => variant.cells.length > 0);
}
