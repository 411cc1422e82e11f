/** Boots the guests of a plan, two at a time, and gathers their cells. */
import { CELL, type Cell, type Machine } from "./cells.ts";
import { type Kernel, newestKernel } from "./fetch/kernel.ts";
import { runGuest } from "./guest.ts";
import { bundleSuite, contents, scriptOf } from "./package.ts";
import { type PlannedGuest, refusalOf, type Variant } from "./plan.ts";

/** Two guests with two processors each; more would only wait for each other. */
const AT_A_TIME = 2;
/** For each machine. arm64 starts Node for a kill in seconds, and there are fifty. */
const TIMEOUT_MS = 1_200_000;

/** One cell with where it belongs, and whether it is as it has to be. */
export interface Result extends Cell {
  series: string;
  arch: string;
  /** Debian's version of the kernel. */
  version: string;
  variant: string;
  right: boolean;
}

/** @param find gets the kernel of a series */
export async function runMatrix(
  guests: readonly PlannedGuest[],
  say: (line: string) => void,
  find: typeof newestKernel = newestKernel,
): Promise<Result[]> {
  const suite = await bundleSuite();
  const kernels = await fetchAll(guests, say, find);
  const results: Result[][] = guests.map(() => []);
  const queue = guests.entries();
  const worker = async () => {
    for (const [index, guest] of queue) {
      results[index] = await runOne(guest, kernels.get(keyOf(guest))!, suite, say);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
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
  say: (line: string) => void,
): Promise<Result[]> {
  const title = [series, arch, variant.name].filter(Boolean).join(" ");
  const cells: Cell[] = [];
  const onLine = (line: string) => {
    if (!line.startsWith(CELL)) return line === "" ? undefined : say(`${title}: ${line}`);
    const cell = JSON.parse(line.slice(CELL.length)) as Cell;
    cells.push(cell);
    say(`${title}: ${cell.machine} ${cell.cell}: ${cell.state} ${cell.words} (${cell.seconds} s)`);
  };
  const ended = await runGuest({
    kernel,
    special: await contents(suite, machines),
    script: scriptOf(variant.before, machines, variant.cells),
    append: variant.append ?? "",
    timeoutMs: TIMEOUT_MS * machines.length,
    onLine,
    say,
  });
  const problem = "problem" in ended ? ended.problem : `the guest ended with exit code ${ended.code}`;
  const all = machines.flatMap((machine) => complete(machine, variant, cells, problem));
  return all.map((cell) => ({
    ...cell,
    series,
    arch,
    version: kernel.version,
    variant: variant.name,
    right: isRight(variant, cell),
  }));
}

/** With those cells that the guest did not come to: the tool refuses this machine as a whole, or something went wrong. */
function complete(
  machine: Machine,
  { cells: names }: Variant,
  found: readonly Cell[],
  problem: string,
): Cell[] {
  const own = found.filter((cell) => cell.machine === machine);
  const refused = own.find(({ cell, state }) => cell === "inject" && state === "refused");
  return names.map((cell) => {
    const lost: Cell = { machine, cell, state: "red", words: `no result: ${problem}`, seconds: 0 };
    return own.find((each) => each.cell === cell) ?? (refused ? { ...refused, cell, seconds: 0 } : lost);
  });
}

function isRight(variant: Variant, { machine, cell, state, code }: Cell): boolean {
  const refusal = refusalOf(variant, machine, cell);
  return refusal === undefined ? state === "green" : state === "refused" && code === refusal;
}
