/**
 * How the functions of 32-bit programs' vDSOs begin, and what the relocator must make of them: the moved instructions and the
 * one after them, the PC thunk that they call, and the trampoline byte by byte. Read from the images of Linux 4.15 to 5.4. The
 * comments are part of the test.
 */
import type { Prologue } from "./prologues.ts";

export const PROLOGUES: readonly Prologue[] = [
  {
    name: "Linux 4.15 __vdso_clock_gettime",
    offset: 0x820,
    prologueLength: 5,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      53                              ; push ebx`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      e9 1b 96 0a 0b                  ; jmp 0xf7fc1825`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 4.15 __vdso_gettimeofday",
    offset: 0xd70,
    prologueLength: 5,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      53                              ; push ebx`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      e9 6b 9b 0a 0b                  ; jmp 0xf7fc1d75`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 4.15 __vdso_time",
    offset: 0x1030,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      e8 22 00 00 00                  ; call 0xf7fc2058
      05 16 f3 ff ff                  ; add eax, 0xfffff316`,
    thunk: {
      offset: 0x1058,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      55                              ; push ebp
      b8 36 20 fc f7                  ; mov eax, 0xf7fc2036
      e9 2b 9e 0a 0b                  ; jmp 0xf7fc2036`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 4.15 __kernel_vsyscall",
    offset: 0x1070,
    prologueLength: 5,
    code: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      0f 05                           ; syscall`,
    trampoline: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      e9 6b 9e 0a 0b                  ; jmp 0xf7fc2075`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
  {
    name: "Linux 4.18 __vdso_clock_gettime",
    offset: 0x820,
    prologueLength: 5,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      53                              ; push ebx`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      e9 1b 96 0a 0b                  ; jmp 0xf7fc1825`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 4.18 __vdso_gettimeofday",
    offset: 0xd50,
    prologueLength: 5,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      53                              ; push ebx`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      e9 4b 9b 0a 0b                  ; jmp 0xf7fc1d55`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 4.18 __vdso_time",
    offset: 0x1010,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      e8 22 00 00 00                  ; call 0xf7fc2038
      05 36 f3 ff ff                  ; add eax, 0xfffff336`,
    thunk: {
      offset: 0x1038,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      55                              ; push ebp
      b8 16 20 fc f7                  ; mov eax, 0xf7fc2016
      e9 0b 9e 0a 0b                  ; jmp 0xf7fc2016`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 4.18 __kernel_vsyscall",
    offset: 0x1050,
    prologueLength: 5,
    code: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      0f 05                           ; syscall`,
    trampoline: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      e9 4b 9e 0a 0b                  ; jmp 0xf7fc2055`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
  {
    name: "Linux 5.0 __vdso_clock_gettime",
    offset: 0x7f0,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      e8 26 01 00 00                  ; call 0xf7fc191c
      81 c2 56 fb ff ff               ; add edx, 0xfffffb56`,
    thunk: {
      offset: 0x91c,
      code: `
      8b 14 24                        ; mov edx, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      55                              ; push ebp
      ba f6 17 fc f7                  ; mov edx, 0xf7fc17f6
      e9 eb 95 0a 0b                  ; jmp 0xf7fc17f6`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 5.0 __vdso_gettimeofday",
    offset: 0x880,
    prologueLength: 5,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      53                              ; push ebx`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      e9 7b 96 0a 0b                  ; jmp 0xf7fc1885`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.0 __vdso_time",
    offset: 0x8f0,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      e8 22 00 00 00                  ; call 0xf7fc1918
      05 56 fa ff ff                  ; add eax, 0xfffffa56`,
    thunk: {
      offset: 0x918,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      55                              ; push ebp
      b8 f6 18 fc f7                  ; mov eax, 0xf7fc18f6
      e9 eb 96 0a 0b                  ; jmp 0xf7fc18f6`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 5.0 __kernel_vsyscall",
    offset: 0x930,
    prologueLength: 5,
    code: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      0f 05                           ; syscall`,
    trampoline: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      e9 2b 97 0a 0b                  ; jmp 0xf7fc1935`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
  {
    name: "Linux 5.3 __vdso_clock_gettime",
    offset: 0xa50,
    prologueLength: 7,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      53                              ; push ebx
      8d 55 e8                        ; lea edx, [ebp - 0x18]
      83 ec 14                        ; sub esp, 0x14`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      53                              ; push ebx
      8d 55 e8                        ; lea edx, [ebp - 0x18]
      e9 4b 98 0a 0b                  ; jmp 0xf7fc1a57`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.3 __vdso_gettimeofday",
    offset: 0x990,
    prologueLength: 5,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      56                              ; push esi
      53                              ; push ebx
      e8 ae 01 00 00                  ; call 0xf7fc1b48`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      56                              ; push esi
      53                              ; push ebx
      e9 8b 97 0a 0b                  ; jmp 0xf7fc1995`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.3 __vdso_time",
    offset: 0xa20,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      e8 1a 01 00 00                  ; call 0xf7fc1b40
      05 86 f9 ff ff                  ; add eax, 0xfffff986`,
    thunk: {
      offset: 0xb40,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      55                              ; push ebp
      b8 26 1a fc f7                  ; mov eax, 0xf7fc1a26
      e9 1b 98 0a 0b                  ; jmp 0xf7fc1a26`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 5.3 __vdso_clock_gettime64",
    offset: 0xaa0,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      8b 55 0c                        ; mov edx, [ebp + 0xc]
      8b 45 08                        ; mov eax, [ebp + 8]`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      8b 55 0c                        ; mov edx, [ebp + 0xc]
      e9 9b 98 0a 0b                  ; jmp 0xf7fc1aa6`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
    ],
  },
  {
    name: "Linux 5.3 __kernel_vsyscall",
    offset: 0xb50,
    prologueLength: 5,
    code: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      0f 05                           ; syscall`,
    trampoline: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      e9 4b 99 0a 0b                  ; jmp 0xf7fc1b55`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
  {
    name: "Linux 5.4 __vdso_clock_gettime",
    offset: 0xcf0,
    prologueLength: 7,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      53                              ; push ebx
      8d 55 e8                        ; lea edx, [ebp - 0x18]
      83 ec 14                        ; sub esp, 0x14`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      53                              ; push ebx
      8d 55 e8                        ; lea edx, [ebp - 0x18]
      e9 eb 9a 0a 0b                  ; jmp 0xf7fc1cf7`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.4 __vdso_gettimeofday",
    offset: 0x970,
    prologueLength: 5,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      53                              ; push ebx`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      56                              ; push esi
      e9 6b 97 0a 0b                  ; jmp 0xf7fc1975`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.4 __vdso_time",
    offset: 0xcc0,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      e8 1a 01 00 00                  ; call 0xf7fc1de0
      05 e6 f6 ff ff                  ; add eax, 0xfffff6e6`,
    thunk: {
      offset: 0xde0,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      55                              ; push ebp
      b8 c6 1c fc f7                  ; mov eax, 0xf7fc1cc6
      e9 bb 9a 0a 0b                  ; jmp 0xf7fc1cc6`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 5.4 __vdso_clock_gettime64",
    offset: 0xd40,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      8b 55 0c                        ; mov edx, [ebp + 0xc]
      8b 45 08                        ; mov eax, [ebp + 8]`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      8b 55 0c                        ; mov edx, [ebp + 0xc]
      e9 3b 9b 0a 0b                  ; jmp 0xf7fc1d46`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
    ],
  },
  {
    name: "Linux 5.4 __kernel_vsyscall",
    offset: 0xdf0,
    prologueLength: 5,
    code: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      0f 05                           ; syscall`,
    trampoline: `
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp
      89 cd                           ; mov ebp, ecx
      e9 eb 9b 0a 0b                  ; jmp 0xf7fc1df5`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
];
