/** Boots the guests of a plan, two at a time, and gathers their cells. */
import { CELL, type Cell, type CellName, type Machine } from "./cells.ts";
import { type Kernel, newestKernel } from "./fetch/kernel.ts";
import { runGuest } from "./guest.ts";
import { bundleSuite, contents, scriptOf } from "./package.ts";
import { type PlannedGuest, refusalOf, type Variant } from "./plan.ts";

/** Two guests with two processors each; more would only wait for each other. */
const AT_A_TIME = 2;
/** A guest tells how it gets on; nothing in between takes minutes, even emulated on a busy machine. */
const SILENCE_MS = 600_000;

/** One cell with where it belongs, and whether it is as it has to be. */
export interface Result extends Cell {
  series: string;
  arch: string;
  /** Debian's version of the kernel. */
  version: string;
  variant: string;
  right: boolean;
}

export interface Course {
  say: (line: string) => void;
  /** Gets each result as soon as it is there. */
  keep?: (result: Result) => void;
  /** Gets the kernel of a series. */
  find?: typeof newestKernel;
  atATime?: number;
}

/** All results, in the order of the plan. */
export async function runMatrix(guests: readonly PlannedGuest[], course: Course): Promise<Result[]> {
  const { say, keep = () => {}, find = newestKernel, atATime = AT_A_TIME } = course;
  const suite = await bundleSuite();
  const kernels = await fetchAll(guests, say, find);
  const results: Result[][] = guests.map(() => []);
  const queue = guests.entries();
  const worker = async () => {
    for (const [index, guest] of queue) {
      results[index] = await runOne(guest, kernels.get(keyOf(guest))!, suite, { say, keep });
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results.flat();
}

function keyOf({ series, arch }: PlannedGuest): string {
  return `${series} ${arch}`;
}

async function fetchAll(
  guests: readonly PlannedGuest[],
  say: (line: string) => void,
  find: typeof newestKernel,
): Promise<Map<string, Kernel>> {
  const kernels = new Map<string, Kernel>();
  for (const guest of guests) {
    if (kernels.has(keyOf(guest))) continue;
    const kernel = await find(guest.series, guest.arch, say);
    kernels.set(keyOf(guest), kernel);
    say(`kernel ${keyOf(guest)}: Debian's ${kernel.version}`);
  }
  return kernels;
}

async function runOne(
  { series, arch, machines, variant }: PlannedGuest,
  kernel: Kernel,
  suite: Uint8Array,
  { say, keep }: Required<Pick<Course, "say" | "keep">>,
): Promise<Result[]> {
  const title = [series, arch, variant.name].filter(Boolean).join(" ");
  const results: Result[] = [];
  const add = (cell: Cell) => {
    const right = isRight(variant, cell);
    const result = { ...cell, series, arch, version: kernel.version, variant: variant.name, right };
    results.push(result);
    keep(result);
    say(`${title}: ${cell.machine} ${cell.cell}: ${cell.state} ${cell.words} (${cell.seconds} s)`);
  };
  const onLine = (line: string) => {
    if (line.startsWith(CELL)) add(JSON.parse(line.slice(CELL.length)) as Cell);
    else if (line !== "") say(`${title}: ${line}`);
  };
  const ended = await runGuest({
    kernel,
    special: await contents(suite, arch, machines),
    script: scriptOf(variant.before, machines, variant.cells),
    append: variant.append ?? "",
    silenceMs: SILENCE_MS,
    onLine,
    say,
  });
  const problem = "problem" in ended ? ended.problem : `the guest ended with exit code ${ended.code}`;
  for (const { machine, cell } of missing(machines, variant, results))
    add({ machine, cell, state: "red", words: `no result: ${problem}`, seconds: 0 });
  return results;
}

/** The cells that the guest did not come to. */
function missing(
  machines: readonly Machine[],
  { cells }: Variant,
  found: readonly Cell[],
): Pick<Cell, "machine" | "cell">[] {
  const has = (machine: Machine, cell: CellName) =>
    found.some((each) => each.machine === machine && each.cell === cell);
  return machines.flatMap((machine) =>
    cells.filter((cell) => !has(machine, cell)).map((cell) => ({ machine, cell })),
  );
}

function isRight(variant: Variant, { machine, cell, state, code }: Cell): boolean {
  const refusal = refusalOf(variant, machine, cell);
  return refusal === undefined ? state === "green" : state === "refused" && code === refusal;
}
