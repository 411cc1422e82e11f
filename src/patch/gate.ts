/**
 * The gate. A program is skewed before its libraries are mapped, so their call sites are not found then. The word of its
 * stack that tells the dynamic linker where the program begins (AT_ENTRY) is pointed at a routine of ours
 * (native/payload/gate.S), which puts it back, makes a system call that a tracer sees, and goes on to the program.
 *
 * Nobody can tell from outside whether the linker has read the word. So a recovery puts it back, and leaves our pages
 * until the program has come by; the routine notes that.
 */
import { type Address, address } from "../machine/address.ts";
import type { Mark } from "./mark.ts";
import { PARAMS } from "./params.ts";
import type { PayloadHeader } from "./payload.ts";
import type { Step } from "./plan.ts";
import { readAnonymous, type Scene } from "./scene.ts";

/** Of a process that stands before the first instruction of its dynamic linker. */
export interface Gate {
  /** Where on its stack AT_ENTRY's value is. */
  readonly word: Address;
  /** That value: where the program begins. */
  readonly entry: Address;
  /** Where the linker begins; 0n: not known. */
  readonly first: Address;
}

/** A gate that was not passed yet. */
export interface FoundGate extends Gate {
  /** Where the routine is, to which the word leads. */
  readonly at: Address;
  /** Whether it does, now. */
  readonly leads: boolean;
  /** The program may yet come by. */
  readonly isAhead: boolean;
}

const GATE_BYTES = 24;

/** What the routine has to know, which is written before anything leads there. */
export function tellGate({ params }: Pick<Mark, "params">, { entry, word, first }: Gate): Step {
  return {
    op: "write",
    address: wordsOf(params.address),
    bytes: new Uint8Array(BigUint64Array.of(entry, word, first).buffer),
    what: "where the program begins",
  };
}

/** @param at where the routine is */
export function setGate({ word, entry }: Gate, at: Address): Step {
  const what = "the dynamic linker will come by before the program begins";
  return { op: "patch", address: word, old: bytesOf(entry), new: bytesOf(at), what };
}

/** The inverse. */
export function takeGateBack(gate: FoundGate | undefined): Step[] {
  if (gate === undefined || !gate.leads) return [];
  const { word, entry, at } = gate;
  const what = "the dynamic linker is told where the program begins";
  return [{ op: "patch", address: word, old: bytesOf(at), new: bytesOf(entry), what }];
}

/** What a drain has to wait for. */
export function gateAhead(
  { params }: Pick<Mark, "params">,
  gate: FoundGate | undefined,
): { word: Address; first: Address } | undefined {
  if (gate === undefined || !gate.isAhead) return undefined;
  return { word: address(wordsOf(params.address) + 8n), first: gate.first };
}

/** @returns undefined if there is none, or the program has passed it */
export function readGate(
  scene: Scene,
  { code, params, state }: Mark,
  header: PayloadHeader,
): FoundGate | undefined {
  const bytes = readAnonymous(scene, wordsOf(params.address), GATE_BYTES) ?? new Uint8Array(GATE_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [entry, word, first] = [0, 8, 16].map((offset) => address(view.getBigUint64(offset, true))) as [
    Address,
    Address,
    Address,
  ];
  if (word === 0n) return undefined;
  const at = gateIn({ code }, header);
  const now = readWord(scene, word);
  const leads = now === at;
  // A run that died may have told the routine only. Whoever puts the word back says that all is restored first.
  return { word, entry, first, at, leads, isAhead: leads || state === "restored" || now !== entry };
}

/** Where the routine is. */
export function gateIn({ code }: Pick<Mark, "code">, { gate }: Pick<PayloadHeader, "gate">): Address {
  return address(code.address + BigInt(gate));
}

function wordsOf(params: Address): Address {
  return address(params + BigInt(PARAMS.gate));
}

/** Of a stack, or what may be one. */
function readWord({ maps, read }: Scene, at: Address): bigint | undefined {
  const within = maps.find(({ start, end }) => start <= at && at + 8n <= end);
  const isMemory = within !== undefined && within.inode === 0n && /^rw.p/.test(within.perms);
  const bytes = isMemory && at % 8n === 0n ? read(at, 8) : undefined;
  return bytes && new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
}

function bytesOf(word: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(word).buffer);
}
