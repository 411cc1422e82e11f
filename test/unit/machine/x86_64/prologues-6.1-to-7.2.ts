/**
 * How real kernels' clock functions begin, and what the relocator must make of them: the moved instructions
 * and the one after them, and the trampoline byte by byte. Read from the running vDSO of Linux 6.1 to 7.2.
 * The comments are part of the test.
 */
import type { KernelPrologue } from "./prologues.ts";

export const PROLOGUES: readonly KernelPrologue[] = [
  {
    name: "Linux 6.1 __vdso_clock_getres",
    offset: 0xbc0,
    prologueLength: 5,
    code: `
      83 ff 0f                        ; cmp edi, 0xf
      77 51                           ; ja 0x7ffff7fc1c16
      48 8d 05 b4 e4 ff ff            ; lea rax, [0x7ffff7fc0080]`,
    trampoline: `
      83 ff 0f                        ; cmp edi, 0xf
      0f 87 0d 1c 01 00               ; ja 0x7ffff7fc1c16
      e9 b7 1b 01 00                  ; jmp 0x7ffff7fc1bc5`,
    map: [
      [0, 0],
      [3, 3],
    ],
  },
  {
    name: "Linux 6.1 __vdso_time",
    offset: 0x930,
    prologueLength: 7,
    code: `
      48 8d 05 49 e7 ff ff            ; lea rax, [0x7ffff7fc0080]
      48 8d 15 42 b7 ff ff            ; lea rdx, [0x7ffff7fbd080]`,
    trampoline: `
      48 8d 05 79 00 01 00            ; lea rax, [0x7ffff7fc0080]
      e9 2b 19 01 00                  ; jmp 0x7ffff7fc1937`,
    map: [[0, 0]],
  },
  {
    name: "Linux 6.1 __vdso_clock_gettime",
    offset: 0x960,
    prologueLength: 6,
    code: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      41 55                           ; push r13
      41 54                           ; push r12`,
    trampoline: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      41 55                           ; push r13
      e9 5b 19 01 00                  ; jmp 0x7ffff7fc1966`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __vdso_gettimeofday",
    // The same prologue: 6.12 clock_gettime, 6.18 gettimeofday, 6.18 clock_gettime.
    offset: 0x8a0,
    prologueLength: 5,
    code: `
      f3 0f 1e fa                     ; endbr64
      55                              ; push rbp
      49 89 fa                        ; mov r10, rdi`,
    trampoline: `
      f3 0f 1e fa                     ; endbr64
      55                              ; push rbp
      e9 9b 18 01 00                  ; jmp 0x7ffff7fc18a5`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __vdso_clock_getres",
    offset: 0xf70,
    prologueLength: 7,
    code: `
      f3 0f 1e fa                     ; endbr64
      83 ff 0f                        ; cmp edi, 0xf
      77 51                           ; ja 0x7ffff7fc1fca`,
    trampoline: `
      f3 0f 1e fa                     ; endbr64
      83 ff 0f                        ; cmp edi, 0xf
      e9 6b 1f 01 00                  ; jmp 0x7ffff7fc1f77`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __vdso_time",
    offset: 0xb90,
    prologueLength: 11,
    code: `
      f3 0f 1e fa                     ; endbr64
      48 8d 05 e5 e4 ff ff            ; lea rax, [0x7ffff7fc0080]
      48 8d 15 de b4 ff ff            ; lea rdx, [0x7ffff7fbd080]`,
    trampoline: `
      f3 0f 1e fa                     ; endbr64
      48 8d 05 75 00 01 00            ; lea rax, [0x7ffff7fc0080]
      e9 8b 1b 01 00                  ; jmp 0x7ffff7fc1b9b`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.18 __vdso_clock_getres",
    offset: 0xf20,
    prologueLength: 7,
    code: `
      f3 0f 1e fa                     ; endbr64
      83 ff 17                        ; cmp edi, 0x17
      77 5f                           ; ja 0x7ffff7fc1f88`,
    trampoline: `
      f3 0f 1e fa                     ; endbr64
      83 ff 17                        ; cmp edi, 0x17
      e9 1b 1f 01 00                  ; jmp 0x7ffff7fc1f27`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.18 __vdso_time",
    offset: 0xb50,
    prologueLength: 11,
    code: `
      f3 0f 1e fa                     ; endbr64
      48 8d 05 a5 a4 ff ff            ; lea rax, [0x7ffff7fbc000]
      81 3d 9f 94 ff ff ff ff ff 7f   ; cmp dword ptr [0x7ffff7fbb004], 0x7fffffff`,
    trampoline: `
      f3 0f 1e fa                     ; endbr64
      48 8d 05 f5 bf 00 00            ; lea rax, [0x7ffff7fbc000]
      e9 4b 1b 01 00                  ; jmp 0x7ffff7fc1b5b`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 7.2 __vdso_gettimeofday",
    offset: 0x9e0,
    prologueLength: 8,
    code: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      48 83 e4 f0                     ; and rsp, 0xfffffffffffffff0
      48 83 ec 10                     ; sub rsp, 0x10`,
    trampoline: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      48 83 e4 f0                     ; and rsp, 0xfffffffffffffff0
      e9 db 19 01 00                  ; jmp 0x7ffff7fc19e8`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 7.2 __vdso_clock_getres",
    offset: 0x1070,
    prologueLength: 5,
    code: `
      83 ff 17                        ; cmp edi, 0x17
      77 4f                           ; ja 0x7ffff7fc20c4
      81 3d 85 8f ff ff ff ff ff 7f   ; cmp dword ptr [0x7ffff7fbb004], 0x7fffffff`,
    trampoline: `
      83 ff 17                        ; cmp edi, 0x17
      0f 87 bb 20 01 00               ; ja 0x7ffff7fc20c4
      e9 67 20 01 00                  ; jmp 0x7ffff7fc2075`,
    map: [
      [0, 0],
      [3, 3],
    ],
  },
  {
    name: "Linux 7.2 __vdso_time",
    offset: 0xcb0,
    prologueLength: 10,
    code: `
      81 3d 4a 93 ff ff ff ff ff 7f   ; cmp dword ptr [0x7ffff7fbb004], 0x7fffffff
      48 8d 05 3f a3 ff ff            ; lea rax, [0x7ffff7fbc000]`,
    trampoline: `
      81 3d fa af 00 00 ff ff ff 7f   ; cmp dword ptr [0x7ffff7fbb004], 0x7fffffff
      e9 ab 1c 01 00                  ; jmp 0x7ffff7fc1cba`,
    map: [[0, 0]],
  },
  {
    name: "Linux 7.2 __vdso_clock_gettime",
    // The same prologue: 6.18.44, Firecracker clock_gettime.
    offset: 0xce0,
    prologueLength: 6,
    code: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      41 56                           ; push r14
      53                              ; push rbx`,
    trampoline: `
      55                              ; push rbp
      48 89 e5                        ; mov rbp, rsp
      41 56                           ; push r14
      e9 db 1c 01 00                  ; jmp 0x7ffff7fc1ce6`,
    map: [
      [0, 0],
      [1, 1],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.18.44, Firecracker __vdso_gettimeofday",
    offset: 0x810,
    prologueLength: 8,
    code: `
      55                              ; push rbp
      4c 8d 15 e8 97 ff ff            ; lea r10, [0x7ffff7fbb000]
      48 89 e5                        ; mov rbp, rsp`,
    trampoline: `
      55                              ; push rbp
      4c 8d 15 f8 af 00 00            ; lea r10, [0x7ffff7fbb000]
      e9 0b 18 01 00                  ; jmp 0x7ffff7fc1818`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 6.18.44, Firecracker __vdso_clock_getres",
    offset: 0xe80,
    prologueLength: 5,
    code: `
      83 ff 17                        ; cmp edi, 0x17
      77 67                           ; ja 0x7ffff7fc1eec
      81 3d 75 91 ff ff ff ff ff 7f   ; cmp dword ptr [0x7ffff7fbb004], 0x7fffffff`,
    trampoline: `
      83 ff 17                        ; cmp edi, 0x17
      0f 87 e3 1e 01 00               ; ja 0x7ffff7fc1eec
      e9 77 1e 01 00                  ; jmp 0x7ffff7fc1e85`,
    map: [
      [0, 0],
      [3, 3],
    ],
  },
  {
    name: "Linux 6.18.44, Firecracker __vdso_time",
    offset: 0xac0,
    prologueLength: 10,
    code: `
      81 3d 3a 95 ff ff ff ff ff 7f   ; cmp dword ptr [0x7ffff7fbb004], 0x7fffffff
      48 8d 05 2f a5 ff ff            ; lea rax, [0x7ffff7fbc000]`,
    trampoline: `
      81 3d fa af 00 00 ff ff ff 7f   ; cmp dword ptr [0x7ffff7fbb004], 0x7fffffff
      e9 bb 1a 01 00                  ; jmp 0x7ffff7fc1aca`,
    map: [[0, 0]],
  },
];
