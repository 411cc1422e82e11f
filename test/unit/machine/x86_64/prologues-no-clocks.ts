/**
 * How the functions of real kernels' vDSOs begin that read no clock, in the same form: whoever adds one to what is patched
 * knows that it can be. Read from the vDSO images of Linux 4.15 to 7.2. The comments are part of the test.
 */
import type { KernelPrologue } from "./prologues.ts";

export const PROLOGUES: readonly KernelPrologue[] = [
  {
    name: "Linux 4.15 __vdso_getcpu",
    // The same: 4.18 getcpu, 5.0 getcpu, 5.3 getcpu, 5.4 getcpu.
    offset: 0xf30,
    prologueLength: 6,
    code: `
      55                              ; push rbp
      b8 7b 00 00 00                  ; mov eax, 0x7b
      48 89 e5                        ; mov rbp, rsp`,
    trampoline: `
      55                              ; push rbp
      b8 7b 00 00 00                  ; mov eax, 0x7b
      e9 2b 1f 01 00                  ; jmp 0x7ffff7fc1f36`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 5.10 __vdso_getcpu",
    // The same: 6.1 getcpu, 6.18.44, Firecracker getcpu, 7.2 getcpu.
    offset: 0xbd0,
    prologueLength: 5,
    code: `
      b8 7b 00 00 00                  ; mov eax, 0x7b
      0f 03 c0                        ; db 0x0f, 0x03, 0xc0`,
    trampoline: `
      b8 7b 00 00 00                  ; mov eax, 0x7b
      e9 cb 1b 01 00                  ; jmp 0x7ffff7fc1bd5`,
    map: [[0, 0]],
  },
  {
    name: "Linux 6.1 __vdso_sgx_enter_enclave",
    // The same: 6.18 sgx_enter_enclave, 7.2 sgx_enter_enclave.
    offset: 0xc50,
    prologueLength: 5,
    code: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      53                              ; push rbx
      89 c8                           ; mov eax, ecx`,
    trampoline: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      53                              ; push rbx
      e9 4b 1c 01 00                  ; jmp 0x7ffff7fc1c55`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __vdso_getcpu",
    // The same: 6.18 getcpu.
    offset: 0xfe0,
    prologueLength: 9,
    code: `
      f3 0f 1e fa                     ; endbr64
      b8 7b 00 00 00                  ; mov eax, 0x7b
      0f 03 c0                        ; db 0x0f, 0x03, 0xc0`,
    trampoline: `
      f3 0f 1e fa                     ; endbr64
      b8 7b 00 00 00                  ; mov eax, 0x7b
      e9 db 1f 01 00                  ; jmp 0x7ffff7fc1fe9`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __vdso_getrandom",
    // The same: 6.12 sgx_enter_enclave, 6.18 getrandom.
    offset: 0x1020,
    prologueLength: 5,
    code: `
      f3 0f 1e fa                     ; endbr64
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp`,
    trampoline: `
      f3 0f 1e fa                     ; endbr64
      55                              ; push rbp
      e9 1b 20 01 00                  ; jmp 0x7ffff7fc2025`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.18.44, Firecracker __vdso_getrandom",
    // The same: 7.2 getrandom.
    offset: 0xf40,
    prologueLength: 7,
    code: `
      55                              ; push rbp
      49 89 f1                        ; mov r9, rsi
      48 89 e5                        ; mov rbp, rsp
      41 57                           ; push r15`,
    trampoline: `
      55                              ; push rbp
      49 89 f1                        ; mov r9, rsi
      48 89 e5                        ; mov rbp, rsp
      e9 3b 1f 01 00                  ; jmp 0x7ffff7fc1f47`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 7.2 __vdso_futex_robust_list64_try_unlock",
    // The same: 7.2 futex_robust_list32_try_unlock.
    offset: 0x16d0,
    prologueLength: 8,
    code: `
      89 f0                           ; mov eax, esi
      31 c9                           ; xor ecx, ecx
      f0 0f b1 0f                     ; db 0xf0, 0x0f, 0xb1, 0x0f
      75 03                           ; jne 0x7ffff7fc26dd`,
    trampoline: `
      89 f0                           ; mov eax, esi
      31 c9                           ; xor ecx, ecx
      f0 0f b1 0f                     ; db 0xf0, 0x0f, 0xb1, 0x0f
      e9 cb 26 01 00                  ; jmp 0x7ffff7fc26d8`,
    map: [
      [0, 0],
      [2, 2],
      [4, 4],
    ],
  },
];
