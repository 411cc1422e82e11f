/**
 * vDSO images to plan for, real and synthetic, and what the tests of plans do with them again and again.
 */
import { type Address, address } from "../../../src/machine/address.ts";
import { decodeJump } from "../../../src/machine/x86_64/encode.ts";
import { type Found, findSkew } from "../../../src/patch/find.ts";
import { planInjection } from "../../../src/patch/inject.ts";
import { placePages } from "../../../src/patch/landing.ts";
import type { Settings } from "../../../src/patch/params.ts";
import { FUNCTIONS, type FunctionName, type Payload } from "../../../src/patch/payload.ts";
import type { PatchPlan } from "../../../src/patch/plan.ts";
import { planRecovery } from "../../../src/patch/recover.ts";
import type { Scene as Look } from "../../../src/patch/scene.ts";
import { readVdso, type Vdso } from "../../../src/patch/vdso.ts";
import { loadPayload } from "../../../src/tracer/native.ts";
import { buildImage } from "../elf/build-image.ts";
import { ownVdso } from "../machine/x86_64/images.ts";
import { assembled } from "../machine/x86_64/prologues.ts";
import { PROLOGUES as OLDER } from "../machine/x86_64/prologues-4.15-to-5.10.ts";
import { PROLOGUES as NEWER } from "../machine/x86_64/prologues-6.1-to-7.2.ts";
import { type Outcome, Target } from "./memory.ts";

export interface NamedImage {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Where images are loaded: usual, low, the last pages below TASK_SIZE, and those of five-level page tables. */
export const LOAD_ADDRESSES: readonly bigint[] = [
  0x7fff_f7fc_1000n,
  0x10_0000n,
  0x7fff_ffff_b000n,
  0xff_ffff_ffff_b000n,
];

export const SETTINGS: Omit<Settings, "generation"> = {
  mask: (1n << 63n) | (1n << 62n) | 0x921n,
  offset: -600_000_000_001n,
  skewId: 0xfeed_face_cafe_beefn,
  since: 1_790_000_000_123_456_789n,
};

/** A program with call sites, beside the vDSO. */
export const PROGRAM = { start: 0x5555_0000_0000n, size: 0x3000 } as const;

/** mov eax, 202; syscall */
const FUTEX = Uint8Array.of(0xb8, 0xca, 0, 0, 0, 0x0f, 0x05);

/** Within a word, neighbours, across words, across cache lines, and at the end of a page. */
const CALL_OFFSETS = [0x100, 0x203, 0x20a, 0x211, 0x33e, 0xffa, 0x2000];

/** The kernel's data, right below each image. */
const VVAR_SIZE = 0x4000;

/** Bytes of a synthetic image that are loaded; behind them is its tail. */
const LOADED = 0xc00;
const FIRST_FUNCTION = 0x800;
const FUNCTION_SIZE = 0x100;

/**
 * An image whose functions begin with the given code and go on with nops; `shift` moves all of them, and `loaded` bytes
 * of its page are in use.
 */
export function syntheticImage(
  code: Partial<Record<FunctionName, Uint8Array>>,
  { shift = 0, loaded = LOADED } = {},
): Uint8Array {
  const names = FUNCTIONS.filter((name) => code[name] !== undefined);
  const offsetOf = (i: number) => FIRST_FUNCTION + FUNCTION_SIZE * i + shift;
  const { bytes, at } = buildImage({
    symbols: names.map((name, i) => ({
      name: `__vdso_${name}`,
      offset: offsetOf(i),
      size: FUNCTION_SIZE - 16,
    })),
  });
  bytes.writeBigUInt64LE(BigInt(loaded), at.load + 32);
  bytes.writeBigUInt64LE(BigInt(loaded), at.load + 40);
  bytes.fill(0x90, at.text, loaded);
  bytes.fill(0xa5, loaded, Math.min(loaded + 100, bytes.length));
  names.forEach((name, i) => {
    bytes.set(code[name]!, offsetOf(i));
    bytes[offsetOf(i) + FUNCTION_SIZE - 17] = 0xc3;
  });
  return Uint8Array.from(bytes);
}

/** The code of `PROLOGUES` by the end of its name. */
export function prologue(name: string): Uint8Array {
  return assembled([...OLDER, ...NEWER].find((each) => each.name === name)!.code);
}

const KERNELS: readonly (readonly [
  name: string,
  clockGettime: string,
  gettimeofday: string,
  time: string,
])[] = [
  ["Linux 4.15", "5.0 __vdso_clock_gettime", "4.15 __vdso_gettimeofday", "4.15 __vdso_time"],
  ["Linux 5.0", "5.0 __vdso_clock_gettime", "5.0 __vdso_gettimeofday", "5.0 __vdso_time"],
  ["Linux 5.3", "5.10 __vdso_clock_gettime", "5.3 __vdso_gettimeofday", "5.3 __vdso_time"],
  ["Linux 5.10", "5.10 __vdso_clock_gettime", "5.10 __vdso_gettimeofday", "5.10 __vdso_time"],
  ["Linux 6.1", "6.1 __vdso_clock_gettime", "5.10 __vdso_gettimeofday", "6.1 __vdso_time"],
  ["Linux 6.12", "6.12 __vdso_gettimeofday", "6.12 __vdso_gettimeofday", "6.12 __vdso_time"],
  ["Linux 7.2", "7.2 __vdso_clock_gettime", "7.2 __vdso_gettimeofday", "7.2 __vdso_time"],
];

const synthetic: readonly NamedImage[] = KERNELS.map(([name, clockGettime, gettimeofday, time]) => ({
  name,
  bytes: syntheticImage({
    clock_gettime: prologue(`Linux ${clockGettime}`),
    gettimeofday: prologue(`Linux ${gettimeofday}`),
    time: prologue(`Linux ${time}`),
  }),
}));

const own = ownVdso();

/** This machine's own image, unless it runs without one, and one for each generation of kernels. */
export const IMAGES: readonly NamedImage[] = [
  ...(own === undefined ? [] : [{ name: "this kernel", bytes: own }]),
  ...synthetic,
];

/** For tests that go through all states of one scene: an image whose prologues the jumps cut in three places. */
export const THOROUGH: readonly NamedImage[] = IMAGES.filter(({ name }) =>
  ["this kernel", "Linux 6.1"].includes(name),
);

export interface Scene {
  readonly target: Target;
  readonly vdso: Vdso;
  readonly payload: Payload;
  readonly pages: Address;
  readonly plan: PatchPlan;
}

interface SceneOptions {
  readonly start?: bigint;
  readonly pages?: bigint;
  /** What the target is like when the injection is planned, if it has other mappings by then. */
  readonly before?: Target;
}

/** A target whose threads stand where it matters, and the plan of its injection. */
export function sceneOf(
  bytes: Uint8Array,
  { start = LOAD_ADDRESSES[0]!, pages: wanted, before }: SceneOptions = {},
): Scene {
  const target = new Target({ start, bytes });
  target.occupy(start - BigInt(VVAR_SIZE), VVAR_SIZE, "r--p", "[vvar]");
  const vdso = readVdso(address(start), target.read(start, bytes.length)!);
  const payload = loadPayload();
  target.occupy(PROGRAM.start, PROGRAM.size, "r-xp", "/program");
  for (const offset of CALL_OFFSETS) target.write(PROGRAM.start + BigInt(offset), FUTEX);
  const sites = CALL_OFFSETS.map((offset) => ({
    address: address(PROGRAM.start + BigInt(offset)),
    moved: FUTEX.slice(0, 5),
    call: address(PROGRAM.start + BigInt(offset + 5)),
    free: 8,
    what: `futex at ${offset}`,
  }));
  const pages = address(wanted ?? placePages(target.maps(), vdso, loadPayload()) ?? start - 0x2_0000n);
  const plan = planInjection({
    pid: 1234,
    vdso,
    payload,
    pages,
    settings: SETTINGS,
    pristineTail: tailOf(vdso),
    calls: {
      sites,
      maps: (before ?? target).maps(),
      read: windowsOf(target),
      filtered: false,
      durations: false,
    },
  });
  const cut = plan.steps.flatMap((step) => (step.op === "move" ? step.moves.map(({ from }) => from) : []));
  const calls = sites.map(({ address: at }) => at);
  target.threads = [0x40_1000n, ...calls, ...vdso.functions.map((fn) => fn.address), ...cut, ...cut];
  return { target, vdso, payload, pages, plan };
}

export function tailOf(vdso: Vdso): Uint8Array {
  return vdso.bytes.slice(vdso.tail.start, vdso.tail.end);
}

/** Where the jump at an address ends: at once, or behind a landing that leads on. Undefined if there is none. */
export function leadsTo(target: Target, from: Address): Address | undefined {
  const landing = decodeJump(target.read(from, 5)!, from);
  return landing === undefined ? undefined : (decodeJump(target.read(landing, 5)!, landing) ?? landing);
}

/** The vDSO as it is in the target now. */
export function vdsoNow(target: Target, { vdso }: Pick<Scene, "vdso">): Vdso {
  return readVdso(vdso.start, target.read(vdso.start, vdso.bytes.length)!);
}

/** What somebody finds who knows nothing but the kernel's image. */
export function look(
  target: Target,
  scene: Pick<Scene, "vdso">,
  otherwise: Partial<Pick<Look, "read" | "pristine" | "maps" | "pagesWithout">> = {},
): Found {
  const vdso = vdsoNow(target, scene);
  const maps = target.maps();
  return findSkew({
    vdso,
    maps,
    read: target.read.bind(target),
    pristine: scene.vdso.bytes,
    pagesWithout: (ignored) =>
      placePages(
        maps.filter((each) => !ignored.includes(each)),
        vdso,
        loadPayload(),
      ),
    payload: loadPayload(),
    ...otherwise,
  });
}

export function recoveryOf(target: Target, scene: Pick<Scene, "vdso">): PatchPlan | undefined {
  const found = look(target, scene);
  if (!("mark" in found)) return undefined;
  return planRecovery({
    pid: 1234,
    vdso: vdsoNow(target, scene),
    found,
    pristineTail: tailOf(scene.vdso),
    read: windowsOf(target),
  });
}

function windowsOf(target: Target): (at: Address, length: number) => Uint8Array {
  return (at, length) => target.read(at, length)!;
}

/** One `timeskew recover`; undefined if there is nothing to recover. */
export function recover(target: Target, scene: Pick<Scene, "vdso">): Outcome | undefined {
  const plan = recoveryOf(target, scene);
  return plan === undefined ? undefined : target.run(plan);
}

/** Threads that were inside our code are in the vDSO again, or back at their callers. */
export function letThreadsLeave(target: Target, { plan }: Scene): void {
  const code = plan.steps.flatMap((step) => (step.op === "map" && step.protection === "r-x" ? [step] : []));
  const isInside = (pc: bigint) =>
    code.some(({ address: at, length }) => pc >= at && pc < at + BigInt(length));
  target.threads = target.threads.map((pc) => (isInside(pc) ? 0x40_2000n : pc));
}

/** How many of the first steps are done when the last one of these is. */
export function stepsThrough(plan: PatchPlan, what: string | RegExp): number {
  const index = plan.steps.findLastIndex((step) =>
    typeof what === "string" ? step.what === what : what.test(step.what),
  );
  if (index < 0) throw new Error(`no step "${what}"`);
  return index + 1;
}
