/**
 * The thunk of a call site: what runs between the jump that replaced an instruction there and the system call, which is
 * made where the program makes it.
 *
 *     (the moved instructions)
 *     lea  rsp, [rsp-128]       past the red zone; leaves the flags
 *     push FREE                 which argument registers may be changed
 *     call [rip+enter]          the payload: carry set if it has made the call itself
 *     lea  rsp, [rsp+136]
 *     jc   done
 *     jmp  SYSCALL              the program's own instruction
 *   done:
 *     jmp  SYSCALL+2
 */
import { address } from "../address.ts";
import type { ThunkInput } from "../calls.ts";
import { JumpOutOfReach } from "../errors.ts";
import { encodeJump, fitsInt32, JUMP_LENGTH } from "./encode.ts";
import { relocateRun } from "./relocate.ts";

/** Bytes of SYSCALL. */
const SYSCALL_LENGTH = 2;

const SKIP_RED_ZONE = [0x48, 0x8d, 0x64, 0x24, 0x80];
const PUSH_IMM32 = 0x68;
const CALL_MEMORY = [0xff, 0x15];
const STACK_BACK = [0x48, 0x8d, 0xa4, 0x24, 0x88, 0, 0, 0];
const JUMP_IF_CARRY_OVER_JUMP = [0x72, JUMP_LENGTH];

const HEAD = SKIP_RED_ZONE.length + 5;
const CALL = CALL_MEMORY.length + 4;
const TAIL = STACK_BACK.length + JUMP_IF_CARRY_OVER_JUMP.length + 2 * JUMP_LENGTH;

/** How long the thunk of these moved bytes is. */
export function thunkLength(moved: Uint8Array): number {
  return moved.length + HEAD + CALL + TAIL;
}

/** @throws RelocationError, JumpOutOfReach */
export function encodeThunk({ moved, site, call: syscall, free, at, enter }: ThunkInput): Uint8Array {
  const run = relocateRun(moved, site, at);
  const bytes = new Uint8Array(thunkLength(run));
  const here = (offset: number) => address(at + BigInt(offset));

  bytes.set(run);
  bytes.set(SKIP_RED_ZONE, run.length);
  bytes[run.length + SKIP_RED_ZONE.length] = PUSH_IMM32;
  bytes[run.length + SKIP_RED_ZONE.length + 1] = free;
  const call = run.length + HEAD;
  bytes.set(CALL_MEMORY, call);
  const displacement = enter - here(call + CALL);
  if (!fitsInt32(displacement)) throw new JumpOutOfReach(here(call), enter);
  new DataView(bytes.buffer).setInt32(call + CALL_MEMORY.length, Number(displacement), true);
  bytes.set(STACK_BACK, call + CALL);
  const branch = call + CALL + STACK_BACK.length;
  bytes.set(JUMP_IF_CARRY_OVER_JUMP, branch);
  const inPlace = branch + JUMP_IF_CARRY_OVER_JUMP.length;
  bytes.set(encodeJump(here(inPlace), syscall), inPlace);
  const done = inPlace + JUMP_LENGTH;
  bytes.set(encodeJump(here(done), address(syscall + BigInt(SYSCALL_LENGTH))), done);
  return bytes;
}
