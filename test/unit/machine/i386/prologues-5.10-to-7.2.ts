/**
 * How the functions of 32-bit programs' vDSOs begin, and what the relocator must make of them: the moved instructions and the
 * one after them, the PC thunk that they call, and the trampoline byte by byte. Read from the images of Linux 5.10 to 7.2. The
 * comments are part of the test.
 */
import type { Prologue } from "./prologues.ts";

export const PROLOGUES: readonly Prologue[] = [
  {
    name: "Linux 5.10 __vdso_clock_gettime",
    offset: 0x9e0,
    prologueLength: 5,
    code: `
      e8 cb 07 00 00                  ; call 0xf7fc21b0
      81 c2 c7 f9 ff ff               ; add edx, 0xfffff9c7`,
    thunk: {
      offset: 0x11b0,
      code: `
      8b 14 24                        ; mov edx, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      ba e5 19 fc f7                  ; mov edx, 0xf7fc19e5
      e9 db 97 0a 0b                  ; jmp 0xf7fc19e5`,
    map: [[0, 0]],
  },
  {
    name: "Linux 5.10 __vdso_gettimeofday",
    offset: 0x730,
    prologueLength: 9,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      e8 7f 0a 00 00                  ; call 0xf7fc21b8
      81 c7 73 fc ff ff               ; add edi, 0xfffffc73`,
    thunk: {
      offset: 0x11b8,
      code: `
      8b 3c 24                        ; mov edi, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      57                              ; push edi
      bf 39 17 fc f7                  ; mov edi, 0xf7fc1739
      e9 2b 95 0a 0b                  ; jmp 0xf7fc1739`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
      [4, 4],
    ],
  },
  {
    name: "Linux 5.10 __vdso_time",
    offset: 0x9a0,
    prologueLength: 5,
    code: `
      e8 07 08 00 00                  ; call 0xf7fc21ac
      05 07 fa ff ff                  ; add eax, 0xfffffa07`,
    thunk: {
      offset: 0x11ac,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      b8 a5 19 fc f7                  ; mov eax, 0xf7fc19a5
      e9 9b 97 0a 0b                  ; jmp 0xf7fc19a5`,
    map: [[0, 0]],
  },
  {
    name: "Linux 5.10 __vdso_clock_gettime64",
    offset: 0xd70,
    prologueLength: 5,
    code: `
      e8 37 04 00 00                  ; call 0xf7fc21ac
      05 37 f6 ff ff                  ; add eax, 0xfffff637`,
    thunk: {
      offset: 0x11ac,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      b8 75 1d fc f7                  ; mov eax, 0xf7fc1d75
      e9 6b 9b 0a 0b                  ; jmp 0xf7fc1d75`,
    map: [[0, 0]],
  },
  {
    name: "Linux 5.10 __kernel_vsyscall",
    offset: 0x550,
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
      e9 4b 93 0a 0b                  ; jmp 0xf7fc1555`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
  {
    name: "Linux 6.1 __vdso_clock_gettime",
    offset: 0xb00,
    prologueLength: 5,
    code: `
      e8 79 09 00 00                  ; call 0xf7fc247e
      05 a7 f8 ff ff                  ; add eax, 0xfffff8a7`,
    thunk: {
      offset: 0x147e,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      b8 05 1b fc f7                  ; mov eax, 0xf7fc1b05
      e9 fb 98 0a 0b                  ; jmp 0xf7fc1b05`,
    map: [[0, 0]],
  },
  {
    name: "Linux 6.1 __vdso_gettimeofday",
    offset: 0x780,
    prologueLength: 7,
    code: `
      55                              ; push ebp
      8d 05 d4 bc ff ff               ; lea eax, ds:[0xffffbcd4]
      89 e5                           ; mov ebp, esp`,
    trampoline: `
      55                              ; push ebp
      8d 05 d4 bc ff ff               ; lea eax, ds:[0xffffbcd4]
      e9 7b 95 0a 0b                  ; jmp 0xf7fc1787`,
    map: [
      [0, 0],
      [1, 1],
    ],
  },
  {
    name: "Linux 6.1 __vdso_time",
    offset: 0xac0,
    prologueLength: 5,
    code: `
      e8 b9 09 00 00                  ; call 0xf7fc247e
      05 e7 f8 ff ff                  ; add eax, 0xfffff8e7`,
    thunk: {
      offset: 0x147e,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      b8 c5 1a fc f7                  ; mov eax, 0xf7fc1ac5
      e9 bb 98 0a 0b                  ; jmp 0xf7fc1ac5`,
    map: [[0, 0]],
  },
  {
    name: "Linux 6.1 __vdso_clock_gettime64",
    offset: 0xf70,
    prologueLength: 5,
    code: `
      e8 09 05 00 00                  ; call 0xf7fc247e
      05 37 f4 ff ff                  ; add eax, 0xfffff437`,
    thunk: {
      offset: 0x147e,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      b8 75 1f fc f7                  ; mov eax, 0xf7fc1f75
      e9 6b 9d 0a 0b                  ; jmp 0xf7fc1f75`,
    map: [[0, 0]],
  },
  {
    name: "Linux 6.1 __kernel_vsyscall",
    offset: 0x550,
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
      e9 4b 93 0a 0b                  ; jmp 0xf7fc1555`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
  {
    name: "Linux 6.12 __vdso_clock_gettime",
    offset: 0xcc0,
    prologueLength: 5,
    code: `
      f3 0f 1e fb                     ; endbr32
      55                              ; push ebp
      89 e5                           ; mov ebp, esp`,
    trampoline: `
      f3 0f 1e fb                     ; endbr32
      55                              ; push ebp
      e9 bb 9a 0a 0b                  ; jmp 0xf7fc1cc5`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __vdso_gettimeofday",
    offset: 0x770,
    prologueLength: 9,
    code: `
      f3 0f 1e fb                     ; endbr32
      e8 b9 11 00 00                  ; call 0xf7fc2932
      05 5b fc ff ff                  ; add eax, 0xfffffc5b`,
    thunk: {
      offset: 0x1932,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      f3 0f 1e fb                     ; endbr32
      b8 79 17 fc f7                  ; mov eax, 0xf7fc1779
      e9 6b 95 0a 0b                  ; jmp 0xf7fc1779`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __vdso_time",
    offset: 0xc70,
    prologueLength: 9,
    code: `
      f3 0f 1e fb                     ; endbr32
      e8 b9 0c 00 00                  ; call 0xf7fc2932
      05 5b f7 ff ff                  ; add eax, 0xfffff75b`,
    thunk: {
      offset: 0x1932,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      f3 0f 1e fb                     ; endbr32
      b8 79 1c fc f7                  ; mov eax, 0xf7fc1c79
      e9 6b 9a 0a 0b                  ; jmp 0xf7fc1c79`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __vdso_clock_gettime64",
    offset: 0x1280,
    prologueLength: 9,
    code: `
      f3 0f 1e fb                     ; endbr32
      e8 a9 06 00 00                  ; call 0xf7fc2932
      05 4b f1 ff ff                  ; add eax, 0xfffff14b`,
    thunk: {
      offset: 0x1932,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      f3 0f 1e fb                     ; endbr32
      b8 89 22 fc f7                  ; mov eax, 0xf7fc2289
      e9 7b a0 0a 0b                  ; jmp 0xf7fc2289`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.12 __kernel_vsyscall",
    offset: 0x580,
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
      e9 7b 93 0a 0b                  ; jmp 0xf7fc1585`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
  {
    name: "Linux 6.18 __vdso_clock_gettime",
    offset: 0xcf0,
    prologueLength: 9,
    code: `
      f3 0f 1e fb                     ; endbr32
      e8 97 0c 00 00                  ; call 0xf7fc2990
      05 db f6 ff ff                  ; add eax, 0xfffff6db`,
    thunk: {
      offset: 0x1990,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      f3 0f 1e fb                     ; endbr32
      b8 f9 1c fc f7                  ; mov eax, 0xf7fc1cf9
      e9 eb 9a 0a 0b                  ; jmp 0xf7fc1cf9`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.18 __vdso_gettimeofday",
    offset: 0x770,
    prologueLength: 9,
    code: `
      f3 0f 1e fb                     ; endbr32
      e8 17 12 00 00                  ; call 0xf7fc2990
      05 5b fc ff ff                  ; add eax, 0xfffffc5b`,
    thunk: {
      offset: 0x1990,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      f3 0f 1e fb                     ; endbr32
      b8 79 17 fc f7                  ; mov eax, 0xf7fc1779
      e9 6b 95 0a 0b                  ; jmp 0xf7fc1779`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.18 __vdso_time",
    offset: 0xca0,
    prologueLength: 9,
    code: `
      f3 0f 1e fb                     ; endbr32
      e8 e7 0c 00 00                  ; call 0xf7fc2990
      05 2b f7 ff ff                  ; add eax, 0xfffff72b`,
    thunk: {
      offset: 0x1990,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      f3 0f 1e fb                     ; endbr32
      b8 a9 1c fc f7                  ; mov eax, 0xf7fc1ca9
      e9 9b 9a 0a 0b                  ; jmp 0xf7fc1ca9`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.18 __vdso_clock_gettime64",
    offset: 0x12d0,
    prologueLength: 9,
    code: `
      f3 0f 1e fb                     ; endbr32
      e8 b7 06 00 00                  ; call 0xf7fc2990
      05 fb f0 ff ff                  ; add eax, 0xfffff0fb`,
    thunk: {
      offset: 0x1990,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      f3 0f 1e fb                     ; endbr32
      b8 d9 22 fc f7                  ; mov eax, 0xf7fc22d9
      e9 cb a0 0a 0b                  ; jmp 0xf7fc22d9`,
    map: [
      [0, 0],
      [4, 4],
    ],
  },
  {
    name: "Linux 6.18 __kernel_vsyscall",
    offset: 0x580,
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
      e9 7b 93 0a 0b                  ; jmp 0xf7fc1585`,
    map: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  },
  {
    name: "Linux 7.2 __vdso_clock_gettime",
    offset: 0x10d0,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      83 ec 48                        ; sub esp, 0x48
      89 7d fc                        ; mov [ebp - 4], edi`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      83 ec 48                        ; sub esp, 0x48
      e9 cb 9e 0a 0b                  ; jmp 0xf7fc20d6`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
    ],
  },
  {
    name: "Linux 7.2 __vdso_gettimeofday",
    offset: 0xb30,
    prologueLength: 5,
    code: `
      e8 e4 12 00 00                  ; call 0xf7fc2e19
      05 5b f9 ff ff                  ; add eax, 0xfffff95b`,
    thunk: {
      offset: 0x1e19,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      b8 35 1b fc f7                  ; mov eax, 0xf7fc1b35
      e9 2b 99 0a 0b                  ; jmp 0xf7fc1b35`,
    map: [[0, 0]],
  },
  {
    name: "Linux 7.2 __vdso_time",
    offset: 0x1090,
    prologueLength: 5,
    code: `
      e8 84 0d 00 00                  ; call 0xf7fc2e19
      05 fb f3 ff ff                  ; add eax, 0xfffff3fb`,
    thunk: {
      offset: 0x1e19,
      code: `
      8b 04 24                        ; mov eax, [esp]
      c3                              ; ret`,
    },
    trampoline: `
      b8 95 20 fc f7                  ; mov eax, 0xf7fc2095
      e9 8b 9e 0a 0b                  ; jmp 0xf7fc2095`,
    map: [[0, 0]],
  },
  {
    name: "Linux 7.2 __vdso_clock_gettime64",
    offset: 0x16b0,
    prologueLength: 6,
    code: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      83 ec 48                        ; sub esp, 0x48
      89 7d fc                        ; mov [ebp - 4], edi`,
    trampoline: `
      55                              ; push ebp
      89 e5                           ; mov ebp, esp
      83 ec 48                        ; sub esp, 0x48
      e9 ab a4 0a 0b                  ; jmp 0xf7fc26b6`,
    map: [
      [0, 0],
      [1, 1],
      [3, 3],
    ],
  },
  {
    name: "Linux 7.2 __kernel_vsyscall",
    offset: 0x1e70,
    prologueLength: 5,
    code: `
      0f 1f 00                        ; nop dword ptr [eax]
      51                              ; push ecx
      52                              ; push edx
      55                              ; push ebp`,
    trampoline: `
      0f 1f 00                        ; nop dword ptr [eax]
      51                              ; push ecx
      52                              ; push edx
      e9 6b ac 0a 0b                  ; jmp 0xf7fc2e75`,
    map: [
      [0, 0],
      [3, 3],
      [4, 4],
    ],
  },
];
