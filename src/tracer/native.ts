/**
 * The C helper, loaded by koffi. Nothing else imports koffi, and everything that touches a target's memory or threads
 * goes through here. All calls are synchronous: no JavaScript runs while a target is stopped.
 */
import type { LibraryHandle } from "koffi";
import { TimeskewError } from "../errors.ts";
import type { Address } from "../machine/address.ts";
import { type Payload, type PayloadMachine, parsePayload } from "../patch/payload.ts";
import { findLibrary, loadKoffi, readBuilt } from "./built.ts";

/** native/timeskew.h, function by function. Answers are 0 or -errno. */
interface Helper extends Starting {
  abi(): number;
  lock(proc: number): number;
  read(proc: number, pid: number, address: bigint, into: Uint8Array, length: number): number;
  write(proc: number, pid: number, address: bigint, from: Uint8Array, length: number): number;
  run(plan: Uint8Array, size: number, output: Uint8Array, outputSize: number, report: Uint8Array): number;
  clock(id: number, out: Uint8Array): number;
  followStart(): number;
  followId(): number;
  followAdd(proc: number, pid: number, culprit: Uint8Array): number;
  followGo(pid: number, gate: bigint): number;
  followExit(pid: number, code: number): number;
  followEnd(): number;
}

/** native/start.h, whose structures start.ts packs. */
interface Starting {
  launch(program: Uint8Array, pipes: Int32Array): number;
  become(program: Uint8Array, inherited: Uint8Array): number;
  enter(
    entry: Uint8Array,
    there: Uint8Array,
    here: Uint8Array,
    inherited: Uint8Array,
    pipes: Int32Array,
  ): number;
  holdSignals(): void;
  await(pid: number, entrant: number): number;
  replaceAtEnd(pid: number, fd: number, instead: number): number;
}

const ABI = 4;
/** Of whoever runs us, by Node's name for it. */
const MACHINES = { x64: "x86_64", arm64: "aarch64" } as const;

let helper: Helper | undefined;
const payloads = new Map<PayloadMachine, Payload>();

/** @throws TimeskewError E_UNSUPPORTED, E_INTERNAL */
export function loadHelper(): Helper {
  helper ??= load();
  return helper;
}

function load(): Helper {
  const name = `timeskew-${hostMachine()}.so`;
  const library = loadKoffi().load(findLibrary(name) ?? missing(name));
  const loaded: Helper = {
    ...starting(library),
    abi: library.func("uint32_t ts_abi()"),
    lock: library.func("int ts_lock(int proc)"),
    read: library.func("int ts_read(int proc, int pid, uint64_t address, uint8_t *into, uint64_t length)"),
    write: library.func(
      "int ts_write(int proc, int pid, uint64_t address, const uint8_t *from, uint64_t length)",
    ),
    run: library.func(
      "int ts_run(const uint8_t *plan, uint64_t size, uint8_t *output, uint64_t output_size, uint8_t *report)",
    ),
    clock: library.func("int ts_clock(int id, uint8_t *out)"),
    followStart: library.func("int ts_follow_start()"),
    followId: library.func("int ts_follow_id()"),
    followAdd: library.func("int ts_follow_add(int proc, int pid, uint8_t *culprit)"),
    followGo: library.func("int ts_follow_go(int pid, uint64_t gate)"),
    followExit: library.func("int ts_follow_exit(int pid, int code)"),
    followEnd: library.func("int ts_follow_end()"),
  };
  if (loaded.abi() !== ABI) {
    throw new TimeskewError("E_INTERNAL", `the helper speaks version ${loaded.abi()}, not ${ABI}`, {
      hint: "build it again: npm run build",
    });
  }
  return loaded;
}

function starting(library: LibraryHandle): Starting {
  return {
    launch: library.func("int ts_launch(const uint8_t *program, int32_t *pipes)"),
    become: library.func("int ts_become(const uint8_t *program, const uint8_t *inherited)"),
    enter: library.func(
      "int ts_enter(const uint8_t *entry, const uint8_t *there, const uint8_t *here, const uint8_t *inherited, " +
        "int32_t *pipes)",
    ),
    holdSignals: library.func("void ts_hold_signals()"),
    await: library.func("int ts_await(int pid, int entrant)"),
    replaceAtEnd: library.func("int ts_replace_at_end(int pid, int fd, int instead)"),
  };
}

/**
 * @param machine the target's
 * @throws TimeskewError E_UNSUPPORTED, E_INTERNAL
 */
export function loadPayload(machine: PayloadMachine = hostMachine()): Payload {
  const loaded = payloads.get(machine);
  if (loaded !== undefined) return loaded;
  const payload = parsePayload(readPayload(machine), machine);
  payloads.set(machine, payload);
  return payload;
}

/** That for 32-bit programs is missing where the compiler cannot make one (native/build.mjs says so). */
function readPayload(machine: PayloadMachine): Uint8Array {
  const name = `payload-${machine}.bin`;
  const bytes = readBuilt(name);
  if (bytes === undefined && machine === "i386") {
    throw new TimeskewError("E_UNSUPPORTED", "32-bit programs need a payload that could not be built here", {
      hint: "build it where gcc knows -m32, as Debian's and Ubuntu's does: npm run build",
    });
  }
  return bytes ?? missing(name);
}

/** @throws TimeskewError E_UNSUPPORTED */
function hostMachine(): PayloadMachine {
  const { platform, arch } = process;
  if (platform === "linux" && (arch === "x64" || arch === "arm64")) return MACHINES[arch];
  throw new TimeskewError(
    "E_UNSUPPORTED",
    `timeskew runs on Linux on x86-64 and arm64, not ${platform}-${arch}`,
  );
}

function missing(name: string): never {
  throw new TimeskewError("E_INTERNAL", `${name} is missing`, { hint: "build it: npm run build" });
}

/**
 * Memory of a process that is not stopped for it; undefined where it cannot be read.
 *
 * @param proc descriptor of /proc/PID, or -1
 */
export function readMemory(
  proc: number,
  pid: number,
  address: Address,
  length: number,
): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  return loadHelper().read(proc, pid, address, bytes, length) === 0 ? bytes : undefined;
}

/** The host's clock, in ns; undefined where the kernel has none of this id. */
export function hostClock(id: number): bigint | undefined {
  const out = new Uint8Array(16);
  if (loadHelper().clock(id, out) !== 0) return undefined;
  const view = new DataView(out.buffer);
  return view.getBigInt64(0, true) * 1_000_000_000n + view.getBigInt64(8, true);
}
