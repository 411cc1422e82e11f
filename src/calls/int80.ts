/**
 * The system calls that a 32-bit program makes by `int 0x80`, and not by the vDSO as its C library does: where a Go
 * program, or hand-written code, makes those that carry times. They are only told, not rewritten: an instruction of two
 * bytes has no room for a jump.
 */
import { decodeIfKnown } from "../machine/x86_64/decode.ts";

export interface DirectCall {
  /** Of the instruction, in the code. */
  readonly offset: number;
  /** As the manual pages call it. */
  readonly call: string;
}

/** Numbers of arch/x86/entry/syscalls/syscall_32.tbl. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries({
    time: [13],
    alarm: [27],
    gettimeofday: [78],
    select: [82, 142],
    setitimer: [104],
    getitimer: [105],
    ipc: [117],
    nanosleep: [162],
    poll: [168],
    rt_sigtimedwait: [177, 421],
    futex: [240, 422],
    io_getevents: [247],
    epoll_wait: [256],
    timer_settime: [260, 409],
    timer_gettime: [261, 408],
    clock_gettime: [265, 403],
    clock_nanosleep: [267, 407],
    mq_timedsend: [279, 418],
    mq_timedreceive: [280, 419],
    pselect6: [308, 413],
    ppoll: [309, 414],
    epoll_pwait: [319],
    timerfd_settime: [325, 411],
    timerfd_gettime: [326, 410],
    recvmmsg: [337, 417],
    setsockopt: [366],
    getsockopt: [365],
    io_pgetevents: [385, 416],
    semtimedop: [420],
    epoll_pwait2: [441],
    futex_waitv: [449],
  }).flatMap(([name, numbers]) => numbers.map((number) => [number, name] as const)),
);

const INT_80 = Buffer.of(0xcd, 0x80);
const MOV_EAX_IMM32 = 0xb8;
/** How far before the call its number is looked for, in bytes. */
const NEAR = 64;

/**
 * Those of which the number stands right before them. Where functions begin is not known here, so bytes that only look like
 * such a call may be among them.
 */
export function findDirectCalls(code: Uint8Array): DirectCall[] {
  const bytes = Buffer.from(code.buffer, code.byteOffset, code.byteLength);
  const found: DirectCall[] = [];
  for (let at = bytes.indexOf(INT_80); at >= 0; at = bytes.indexOf(INT_80, at + 1)) {
    const call = NAMES.get(numberBefore(bytes, at) ?? -1);
    if (call !== undefined) found.push({ offset: at, call });
  }
  return found;
}

/** What the last `mov eax, number` has put there, if from it every instruction leads to the next, up to the call. */
function numberBefore(code: Buffer, at: number): number | undefined {
  for (let from = at - 5; from >= Math.max(0, at - NEAR); from--) {
    if (code[from] === MOV_EAX_IMM32 && leadsTo(code, from, at)) return code.readUInt32LE(from + 1);
  }
  return undefined;
}

function leadsTo(code: Uint8Array, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    const instruction = decodeIfKnown(code, at, 32);
    if (instruction?.flow !== "next") return false;
    at += instruction.length;
  }
  return at === to;
}
