/** Code in which system calls are looked for: bytes that nobody wrote, among pieces of what is looked for. */
import { findCalls } from "../../../src/calls/find.ts";
import { tableOf } from "../../../src/calls/table.ts";
import { CALLS as AARCH64 } from "../../../src/machine/aarch64/calls.ts";
import { address } from "../../../src/machine/address.ts";
import type { CallMachine } from "../../../src/machine/calls.ts";
import { RelocationError } from "../../../src/machine/errors.ts";
import { CALLS as X86_64 } from "../../../src/machine/x86_64/calls.ts";
import { decode } from "../../../src/machine/x86_64/decode.ts";
import { relocateRun } from "../../../src/machine/x86_64/relocate.ts";
import { mutateBytes } from "../mutate.ts";
import { ACCEPTED, attempt, must, recipe } from "../parser.ts";
import type { Random } from "../random.ts";

/** Numbers, calls, registers, branches, padding, and the hand-written function that is known by its bytes. */
const PIECES_X86_64 = [
  ...[
    "b8ca000000",
    "b8e6000000",
    "b8e4000000",
    "b827000000",
    "41b8ca000000",
    "48c7c0ca000000",
    "31c0",
    "4489c0",
  ],
  ...[
    "0f05",
    "b8ca0000000f05",
    "b8e60000000f05",
    "4c8b4c24080f05",
    "ba010000004489c00f05",
    "0f050f05",
    "0f",
    "05",
  ],
  ...[
    "4531d2",
    "be81000000",
    "4c89d0",
    "49c7c2",
    "5f",
    "e8",
    "e9",
    "eb",
    "74",
    "75fe",
    "0f84",
    "c3",
    "ff25",
    "ffd0",
  ],
  ...["90", "0f1f4000", "cc", "06", "c5f877", "f4", "e2fe", "488b05"],
  "8b0785c075244989fb4889f04889d74889ce4c89c24d89ca4c8b4424084c8b4c24104c895c24080f05c3",
].map((text) => Uint8Array.from(Buffer.from(text, "hex")));

/** The same of aarch64, as words in memory. */
const PIECES_AARCH64 = [
  ...["480c80d2", "680e80d2", "880180d2", "e803002a", "e80309aa", "480c8052", "280080f2"],
  ...["010000d4", "480c80d2010000d4", "e30302aa010000d4", "210000d4"],
  ...["030080d2", "e30302aa", "211080d2", "e30740f9", "63000010", "03000090", "83000058"],
  ...[
    "400000b4",
    "46000037",
    "40000054",
    "02000014",
    "feffff17",
    "02000094",
    "c0035fd6",
    "60001fd6",
    "60003fd6",
  ],
  ...["1f2003d5", "5f2403d5", "3f2303d5", "00e000e4", "00000000", "007d20d4"],
  "000040b940010035e80301aae00302aae10303aae20304aae30305aae40306aae50307aa010000d4c0035fd6",
].map((text) => Uint8Array.from(Buffer.from(text, "hex")));

const PIECES = new Map([
  [X86_64, PIECES_X86_64],
  [AARCH64, PIECES_AARCH64],
]);

function code(random: Random, pieces: number, machine = X86_64): Uint8Array {
  const known = PIECES.get(machine)!;
  const size = machine.uniform ? machine.replaced : random.between(1, 6);
  const parts = random.times(1, pieces, () =>
    random.oneIn(4) ? [...random.bytes(size)] : [...random.pick(known)],
  );
  const bytes = Uint8Array.from(parts.flat());
  return random.oneIn(4) ? mutateBytes(random, bytes) : bytes;
}

interface Searched {
  readonly name: CallMachine["name"];
  readonly bytes: Uint8Array;
  readonly base: number;
  /** Offsets at which functions begin and end; they may lie outside. */
  readonly bounds: readonly number[];
  readonly gap: boolean;
}

export const calls = recipe("calls", () => ({
  make(random): Searched {
    const machine = random.pick([X86_64, AARCH64]);
    const bytes = code(random, 40, machine);
    const base = random.pick([0, 0x401000, 0x401fe0, 0x7fff_f7fc_1ff0 + random.below(64)]);
    const bounds = random.times(0, 4, () => random.below(bytes.length + 20)).sort((a, b) => a - b);
    return {
      name: machine.name,
      bytes,
      base,
      bounds: random.oneIn(2) ? [0, bytes.length] : bounds,
      gap: random.oneIn(3),
    };
  },
  run({ name, bytes, base, bounds, gap }: Searched) {
    const machine = name === "aarch64" ? AARCH64 : X86_64;
    const wanted = tableOf(machine).deadlines;
    const whole = { start: base, end: base + bytes.length };
    const { sites, unproved } = findCalls(
      machine,
      {
        machine: machine.name,
        code: [{ vaddr: base, offset: 0, size: bytes.length }],
        fixed: true,
        dynamic: false,
        go: false,
        functionAt(vaddr) {
          const index = bounds.findLastIndex((bound) => base + bound <= vaddr);
          const [start, end] = [bounds[index], bounds[index + 1]];
          if (start === undefined || end === undefined) return undefined;
          return { start: base + start, end: base + end, name: undefined };
        },
        gapAt: () => (gap ? whole : undefined),
        bytes: (vaddr, length) =>
          vaddr >= base && vaddr + length <= whole.end
            ? bytes.slice(vaddr - base, vaddr - base + length)
            : undefined,
      },
      wanted,
    );
    const isCall = (vaddr: number) =>
      Buffer.from(machine.call).equals(bytes.subarray(vaddr - base, vaddr - base + machine.call.length));
    const near = Math.ceil(base / 4096) * 4096 + 0x10000;
    for (const { patch, moved, call, number, free } of sites) {
      must(patch >= base && machine.decode(moved, 0)?.length === machine.replaced, "as long as a jump");
      must((patch % 4096) + machine.replaced <= 4096, "in one page");
      must(isCall(call) && (machine.uniform || patch + moved.length === call), "up to a system call");
      must(
        Buffer.from(bytes)
          .subarray(patch - base)
          .indexOf(moved) === 0,
        "the bytes that are there",
      );
      const thunk = machine.encodeThunk({
        moved,
        site: address(BigInt(patch)),
        call: address(BigInt(call)),
        free,
        at: address(BigInt(near)),
        enter: address(BigInt(near - 0x1000)),
      });
      must(thunk.length === machine.thunkLength(moved), "which can be moved");
      must(number === undefined || wanted.has(number), "a call that is wanted");
      must(Number.isInteger(free) && free >= 0 && free < 64, "six registers");
    }
    for (const { at, number, why } of unproved) {
      must(isCall(at) && why.length > 0, "a reason for a system call");
      must(number === undefined || wanted.has(number), "one that is wanted");
    }
    must(new Set(sites.map(({ patch }) => patch)).size === sites.length, "each once");
    return sites.length > 0 ? ACCEPTED : unproved.length > 0 ? "E_UNPROVED" : "E_NONE";
  },
}));

interface Moved {
  readonly bytes: Uint8Array;
  readonly from: bigint;
  readonly to: bigint;
}

export const run = recipe("run", () => ({
  make: (random): Moved => {
    const from = random.pick([0x7fff_f7fc_1800n, 0x10_0000n, random.odd64()]);
    const away = BigInt(random.pick([-0x1_0000, 0x7fff_ff00, 0x8000_0000, random.u32()]));
    return { bytes: code(random, 3), from, to: BigInt.asUintN(64, from + away) };
  },
  run: ({ bytes, from, to }: Moved) =>
    attempt(
      () => relocateRun(bytes, address(from), address(to)),
      (error) => (error instanceof RelocationError ? error.code : undefined),
      (moved) => {
        for (let offset = 0; offset < bytes.length; ) {
          const before = decode(bytes, offset);
          const after = decode(moved, offset);
          must(before.length === after.length && after.flow === "next", "the same instructions");
          offset += after.length;
        }
        must(moved.length === bytes.length, "as many bytes");
      },
    ),
}));
