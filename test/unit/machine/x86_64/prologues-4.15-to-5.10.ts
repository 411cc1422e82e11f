/**
 * How real kernels' clock functions begin, and what the relocator must make of them: the moved instructions
 * and the one after them, and the trampoline byte by byte. Read from the running vDSO of Linux 4.15 to 5.10.
 * The comments are part of the test.
 */
import type { KernelPrologue } from "./prologues.ts";

export const PROLOGUES: readonly KernelPrologue[] = [
  {
    name: "Linux 4.15 __vdso_gettimeofday",
    // The same prologue: 4.15 clock_gettime, 4.18 gettimeofday, 4.18 clock_gettime, 5.4 gettimeofday, 5.4
    // clock_gettime.
    offset: 0xd40,
    prologueLength: 5,
    code: `
      4c 8d 54 24 08                  ; lea r10, [rsp + 8]
      48 83 e4 f0                     ; and rsp, 0xfffffffffffffff0`,
    trampoline: `
      4c 8d 54 24 08                  ; lea r10, [rsp + 8]
      e9 3b 1d 01 00                  ; jmp 0x7ffff7fc1d45`,
    map: [[0, 0]],
  },
  {
    name: "Linux 4.15 __vdso_time",
    // The same prologue: 4.18 time.
    offset: 0xf10,
    prologueLength: 11,
    code: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 8b 05 8d c1 ff ff            ; mov rax, [0x7ffff7fbe0a8]
      48 89 e5                        ; mov rbp, rsp`,
    trampoline: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 8b 05 9d e0 00 00            ; mov rax, [0x7ffff7fbe0a8]
      e9 0b 1f 01 00                  ; jmp 0x7ffff7fc1f1b`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.0 __vdso_gettimeofday",
    offset: 0x830,
    prologueLength: 7,
    code: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 89 e5                        ; mov rbp, rsp
      41 54                           ; push r12`,
    trampoline: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 89 e5                        ; mov rbp, rsp
      e9 2b 18 01 00                  ; jmp 0x7ffff7fc1837`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.0 __vdso_time",
    offset: 0x8a0,
    prologueLength: 11,
    code: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 8b 05 f5 c7 ff ff            ; mov rax, [0x7ffff7fbe0a0]
      48 89 e5                        ; mov rbp, rsp`,
    trampoline: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 8b 05 95 e0 00 00            ; mov rax, [0x7ffff7fbe0a0]
      e9 9b 18 01 00                  ; jmp 0x7ffff7fc18ab`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.0 __vdso_clock_gettime",
    // The same prologue: 5.3 clock_gettime.
    offset: 0x7c0,
    prologueLength: 7,
    code: `
      55                              ; push rbp
      83 ff 0f                        ; cmp edi, 0xf
      48 89 e5                        ; mov rbp, rsp
      77 1a                           ; ja 0x7ffff7fc17e3`,
    trampoline: `
      55                              ; push rbp
      83 ff 0f                        ; cmp edi, 0xf
      48 89 e5                        ; mov rbp, rsp
      e9 bb 17 01 00                  ; jmp 0x7ffff7fc17c7`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.3 __vdso_gettimeofday",
    offset: 0x8a0,
    prologueLength: 6,
    code: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      41 54                           ; push r12
      53                              ; push rbx`,
    trampoline: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      41 54                           ; push r12
      e9 9b 18 01 00                  ; jmp 0x7ffff7fc18a6`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.3 __vdso_clock_getres",
    // The same prologue: 5.4 clock_getres.
    offset: 0xa00,
    prologueLength: 5,
    code: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      5d                              ; pop rbp
      e9 46 fe ff ff                  ; jmp 0x7ffff7fc1850`,
    trampoline: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      5d                              ; pop rbp
      e9 fb 19 01 00                  ; jmp 0x7ffff7fc1a05`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.3 __vdso_time",
    offset: 0x930,
    prologueLength: 11,
    code: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 8b 05 65 c7 ff ff            ; mov rax, [0x7ffff7fbe0a0]
      48 89 e5                        ; mov rbp, rsp`,
    trampoline: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 8b 05 95 e0 00 00            ; mov rax, [0x7ffff7fbe0a0]
      e9 2b 19 01 00                  ; jmp 0x7ffff7fc193b`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.4 __vdso_time",
    offset: 0x910,
    prologueLength: 11,
    code: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 8b 05 85 c7 ff ff            ; mov rax, [0x7ffff7fbe0a0]
      48 89 e5                        ; mov rbp, rsp`,
    trampoline: `
      55                              ; push rbp
      48 85 ff                        ; test rdi, rdi
      48 8b 05 95 e0 00 00            ; mov rax, [0x7ffff7fbe0a0]
      e9 0b 19 01 00                  ; jmp 0x7ffff7fc191b`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.10 __vdso_gettimeofday",
    // The same prologue: 6.1 gettimeofday.
    offset: 0x720,
    prologueLength: 7,
    code: `
      55                              ; push rbp
      49 89 fa                        ; mov r10, rdi
      49 89 f3                        ; mov r11, rsi
      48 89 e5                        ; mov rbp, rsp`,
    trampoline: `
      55                              ; push rbp
      49 89 fa                        ; mov r10, rdi
      49 89 f3                        ; mov r11, rsi
      e9 1b 17 01 00                  ; jmp 0x7ffff7fc1727`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.10 __vdso_clock_getres",
    offset: 0xb70,
    prologueLength: 5,
    code: `
      83 ff 0f                        ; cmp edi, 0xf
      77 50                           ; ja 0x7ffff7fc1bc5
      48 8d 05 04 b5 ff ff            ; lea rax, [0x7ffff7fbd080]`,
    trampoline: `
      83 ff 0f                        ; cmp edi, 0xf
      0f 87 bc 1b 01 00               ; ja 0x7ffff7fc1bc5
      e9 67 1b 01 00                  ; jmp 0x7ffff7fc1b75`,
    map: [
      [0, 0],
      [3, 3],
    ],
  },
  {
    name: "Linux 5.10 __vdso_time",
    offset: 0x8d0,
    prologueLength: 7,
    code: `
      48 8d 05 a9 b7 ff ff            ; lea rax, [0x7ffff7fbd080]
      48 8d 15 a2 e7 ff ff            ; lea rdx, [0x7ffff7fc0080]`,
    trampoline: `
      48 8d 05 79 d0 00 00            ; lea rax, [0x7ffff7fbd080]
      e9 cb 18 01 00                  ; jmp 0x7ffff7fc18d7`,
    map: [[0, 0]],
  },
  {
    name: "Linux 5.10 __vdso_clock_gettime",
    offset: 0x900,
    prologueLength: 6,
    code: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      41 57                           ; push r15
      41 56                           ; push r14`,
    trampoline: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      41 57                           ; push r15
      e9 fb 18 01 00                  ; jmp 0x7ffff7fc1906`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
];
