/**
 * Payloads that need not be built: a header that is right, and no code. For machines that this one has no compiler for.
 */
import { type MachineName, machineOf } from "../../../src/machine/machine.ts";
import { PARAMS } from "../../../src/patch/params.ts";
import { FUNCTIONS, type FunctionName, type Payload, parsePayload } from "../../../src/patch/payload.ts";

const PAGE = 4096;
const VERSION = 5;
const TRAMPOLINE_SIZE = 64;
const TRAMPOLINES = 0x280;
const ENTRIES = 0x600;

/** @param room pages behind the code that are its own, and empty */
export function hollowPayload(machine: MachineName, { pages = 3, room = 0 } = {}): Payload {
  const bytes = new Uint8Array(pages * PAGE - 0x100);
  const header = new DataView(bytes.buffer);
  const has = (name: FunctionName) =>
    machine === "i386" || FUNCTIONS.indexOf(name) < (machine === "aarch64" ? 2 : 3);
  const eachAt = (start: number, size: number) =>
    FUNCTIONS.map((name, i) => (has(name) ? start + i * size : 0));
  const numbers = [
    ...[VERSION, machineOf(machine).elfMachine, (pages + room) * PAGE],
    ...[PARAMS.size, PARAMS.index, PARAMS.slots, PARAMS.slotSize, PARAMS.probe, TRAMPOLINE_SIZE],
    ENTRIES + 0x800,
    ...eachAt(ENTRIES, 0x100),
    ...eachAt(TRAMPOLINES, TRAMPOLINE_SIZE),
    ...[0x900, 0xa00, 0xb00, 0xb08].map((at) => ENTRIES + at),
  ];
  bytes.set(Buffer.from("TIMEPYLD"));
  numbers.forEach((number, i) => {
    header.setUint32(8 + 4 * i, number, true);
  });
  return parsePayload(bytes, machine);
}
