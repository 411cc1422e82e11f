/** What is found in a process that is made up, what is said of it, and what would be done to it. */
import { PLAIN } from "../../../../src/cli/colour.ts";
import { recoverLines } from "../../../../src/cli/report/recover.ts";
import { statusLines } from "../../../../src/cli/report/status.ts";
import { jsonReport } from "../../../../src/cli/report.ts";
import { skewIn } from "../../../../src/engine/skew.ts";
import { type Address, address } from "../../../../src/machine/address.ts";
import { type Found, findSkew } from "../../../../src/patch/find.ts";
import { MAX_CODE } from "../../../../src/patch/payload.ts";
import type { PatchPlan } from "../../../../src/patch/plan.ts";
import { planProbe } from "../../../../src/patch/probe.ts";
import { planClearing, planRecovery } from "../../../../src/patch/recover.ts";
import { readVdso, type Vdso } from "../../../../src/patch/vdso.ts";
import { freeGap } from "../../../../src/target/gap.ts";
import { NO_SHIFT } from "../../../../src/target/timens.ts";
import { loadPayload } from "../../../../src/tracer/native.ts";
import { IMAGES } from "../../../unit/patch/scenes.ts";
import { oddText } from "../../mutate.ts";
import { ACCEPTED, attempt, must, mustBeTame, recipe } from "../../parser.ts";
import { vdsoError } from "../elf.ts";
import { mustStayInside, mustUndoItself } from "../plans.ts";
import { anonymous, asListed, type Forgery, mappingOf, statesOf, tamper, wordAt } from "./forgery.ts";
import { mustBePlausible } from "./mark.ts";

const MOST_BYTES = 1 << 20;

/** How often the memory may be asked: a few times for each mapping, and for the page that the jumps lead to. */
class Memory {
  readonly #forgery: Forgery;
  #reads = 0;
  #bytes = 0;

  constructor(forgery: Forgery) {
    this.#forgery = forgery;
  }

  read(at: Address, length: number): Uint8Array | undefined {
    const { regions, vdso, start } = this.#forgery;
    must(Number.isInteger(length) && length >= 0 && length <= MAX_CODE, () => `no read of ${length} bytes`);
    must(at >= 0n && at < 1n << 64n, "an address has 64 bits");
    this.#bytes += length;
    must(
      ++this.#reads <= 64 + 4 * regions.length && this.#bytes <= MOST_BYTES + 2 * MAX_CODE * regions.length,
      "few reads",
    );
    const all = [...regions, { start, bytes: vdso, path: "[vdso]", inode: 0n, perms: "r-xp", barred: false }];
    const region = all.find(
      (each) => at >= each.start && at + BigInt(length) <= each.start + BigInt(each.bytes.length),
    );
    // A file's pages come from wherever its file system says, perhaps never. Whole ones are read only if they are there.
    const isPage = length === 4096 && at % 4096n === 0n;
    must(region === undefined || region.inode === 0n || isPage, "nothing but anonymous memory is read");
    if (region === undefined || region.barred) return undefined;
    const offset = Number(at - region.start);
    return region.bytes.slice(offset, offset + length);
  }
}

const REACH = (1n << 31n) - 16n;

function lookAt(forgery: Forgery): { vdso: Vdso; found: Found } {
  const { regions, image, knowsPristine } = forgery;
  const vdso = readVdso(address(forgery.start), forgery.vdso);
  const memory = new Memory(forgery);
  const maps = [...regions, { ...anonymous(vdso.start, forgery.vdso), path: "[vdso]" }]
    .sort((a, b) => (a.start < b.start ? -1 : 1))
    .map(mappingOf);
  const payload = loadPayload();
  let searches = 0;
  const found = findSkew({
    vdso,
    maps,
    read: memory.read.bind(memory),
    pristine: knowsPristine ? IMAGES[image]!.bytes : undefined,
    pagesWithout: (ignored) => {
      must(++searches <= 8, "few searches for free addresses, however many mappings there are");
      const others = maps.filter((each) => !ignored.includes(each));
      return freeGap(others, vdso, BigInt(payload.codeSize + payload.paramsSize), REACH)?.start;
    },
    payload,
  });
  return { vdso, found };
}

function plansFor(vdso: Vdso, found: Found, pristineTail: Uint8Array): PatchPlan[] {
  if (!("mark" in found)) return "stub" in found ? [planClearing({ pid: 1, vdso, pristineTail })] : [];
  const input = { pid: 1, vdso, pristineTail };
  const recovery = planRecovery({ ...input, found, read: (_, length) => new Uint8Array(length) });
  if (found.mark.sites.length === 0) return [recovery];
  return [recovery, planProbe({ ...input, payload: loadPayload(), pages: found, wanted: 0x8f3n })];
}

function mustBeTold(found: Found, command: string): void {
  const skew = skewIn(found, NO_SHIFT);
  const waitSites = "mark" in found ? found.patchedCalls.length : undefined;
  const note = "note" in found ? found.note : undefined;
  const row = { pid: 1, command, state: found.state, skew, waitSites, note };
  for (const line of statusLines([row], 0n, PLAIN)) mustBeTame(line);
  const json = jsonReport("status", { targets: [row] });
  mustBeTame(json);
  must(
    (JSON.parse(json) as { targets: { command: string }[] }).targets[0]!.command === command,
    "the name, as it is",
  );
  const done = {
    pid: 1,
    command,
    skew,
    state: "unskewed",
    action: "recovered",
    pauseNs: 1n,
    threads: 1,
    asleepThreads: 0,
    lingeringThreads: 0,
    waitingThreads: 0,
  } as const;
  for (const line of recoverLines(done, PLAIN)) mustBeTame(line);
}

export const find = recipe("find", () => {
  const seeds = IMAGES.flatMap(({ bytes }, image) => statesOf(bytes).map((state) => ({ ...state, image })));
  return {
    make(random): Forgery {
      const name = random
        .times(0, 3, () => oddText(random))
        .join("")
        .slice(0, 15);
      const command = Buffer.from(name).toString();
      let forgery: Forgery = { ...random.pick(seeds), knowsPristine: random.oneIn(2), command };
      for (let steps = random.between(0, 4); steps > 0; steps--) forgery = tamper(random, forgery);
      return { ...forgery, regions: asListed(forgery) };
    },
    run: (forgery: Forgery) => {
      let state = "";
      const outcome = attempt(
        () => lookAt(forgery),
        vdsoError,
        ({ vdso, found }) => {
          state = found.state;
          mustBeTold(found, forgery.command);
          const pristineTail = IMAGES[forgery.image]!.bytes.slice(vdso.tail.start, vdso.tail.end);
          const ours: { start: bigint; end: bigint }[] = [];
          if ("mark" in found) {
            mustBePlausible(found.mark, vdso);
            const { code, params } = found.mark;
            const pages = { start: code.address, end: params.address + BigInt(params.size) };
            must(pages.end <= vdso.start || pages.start >= vdso.end, "our pages are not the vDSO's");
            ours.push(pages);
            for (const { address: at, size } of found.islands)
              ours.push({ start: at, end: at + BigInt(size) });
            if (found.gate?.leads) ours.push(wordAt(forgery, found.gate.word));
            for (const { perms, inode, start, bytes } of forgery.regions)
              if (perms[3] === "p" && inode !== 0n) ours.push({ start, end: start + BigInt(bytes.length) });
          }
          attempt(
            () => plansFor(vdso, found, pristineTail),
            vdsoError,
            (plans) => {
              for (const plan of plans) {
                mustStayInside(plan, [vdso, ...ours]);
                mustUndoItself(plan);
              }
            },
          );
        },
      );
      return outcome === ACCEPTED ? state : outcome;
    },
  };
});
