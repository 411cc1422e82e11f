/**
 * How the functions of the vDSO of Debian's Linux 6.18 to 7.2 for arm64 begin, all that it exports, and what the relocator
 * must make of that. The comments are part of the test.
 */
import type { KernelPrologue } from "./prologues.ts";

export const PROLOGUES: readonly KernelPrologue[] = [
  {
    name: "Linux 6.18 __kernel_clock_gettime",
    offset: 0x320,
    code: `
      1f 5c 00 71    ; cmp w0, #0x17
      88 06 00 54    ; b.hi 0x7ffff7fc13f4`,
    near: `
      1f 5c 00 71    ; cmp w0, #0x17
      c8 44 00 14    ; b 0x7ffff7fc1324`,
    away: `
      1f 5c 00 71    ; cmp w0, #0x17
      c8 44 00 15    ; b 0x7ffff7fc1324`,
    far: `
      1f 5c 00 71    ; cmp w0, #0x17
      a9 00 00 54    ; b.ls 0x7fff77fb0018
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      f4 13 fc f7 ff 7f 00 00 ; 0x7ffff7fc13f4
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      28 13 fc f7 ff 7f 00 00 ; 0x7ffff7fc1328`,
  },
  {
    name: "Linux 6.18 __kernel_gettimeofday",
    offset: 0x5c0,
    code: `
      04 d2 fd 10    ; adr x4, 0x7ffff7fbd000
      20 05 00 b4    ; cbz x0, 0x7ffff7fc1668`,
    near: `
      04 80 06 10    ; adr x4, 0x7ffff7fbd000
      70 45 00 14    ; b 0x7ffff7fc15c4`,
    away: `
      64 00 02 b0    ; adrp x4, 0x7ffff7fbd000
      70 45 00 15    ; b 0x7ffff7fc15c4`,
    far: `
      64 00 40 b0    ; adrp x4, 0x7ffff7fbd000
      a0 00 00 b5    ; cbnz x0, 0x7fff77fb0018
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      68 16 fc f7 ff 7f 00 00 ; 0x7ffff7fc1668
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      c8 15 fc f7 ff 7f 00 00 ; 0x7ffff7fc15c8`,
  },
  {
    name: "Linux 6.18 __kernel_clock_getres",
    offset: 0x770,
    code: `
      1f 5c 00 71    ; cmp w0, #0x17
      a8 03 00 54    ; b.hi 0x7ffff7fc17e8`,
    near: `
      1f 5c 00 71    ; cmp w0, #0x17
      dc 45 00 14    ; b 0x7ffff7fc1774`,
    away: `
      1f 5c 00 71    ; cmp w0, #0x17
      dc 45 00 15    ; b 0x7ffff7fc1774`,
    far: `
      1f 5c 00 71    ; cmp w0, #0x17
      a9 00 00 54    ; b.ls 0x7fff77fb0018
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      e8 17 fc f7 ff 7f 00 00 ; 0x7ffff7fc17e8
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      78 17 fc f7 ff 7f 00 00 ; 0x7ffff7fc1778`,
  },
  {
    name: "Linux 7.2 __kernel_clock_gettime",
    offset: 0x320,
    code: `
      1f 5c 00 71    ; cmp w0, #0x17
      68 06 00 54    ; b.hi 0x7ffff7fc13f0`,
    near: `
      1f 5c 00 71    ; cmp w0, #0x17
      c8 44 00 14    ; b 0x7ffff7fc1324`,
    away: `
      1f 5c 00 71    ; cmp w0, #0x17
      c8 44 00 15    ; b 0x7ffff7fc1324`,
    far: `
      1f 5c 00 71    ; cmp w0, #0x17
      a9 00 00 54    ; b.ls 0x7fff77fb0018
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      f0 13 fc f7 ff 7f 00 00 ; 0x7ffff7fc13f0
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      28 13 fc f7 ff 7f 00 00 ; 0x7ffff7fc1328`,
  },
  {
    name: "Linux 7.2 __kernel_gettimeofday",
    offset: 0x5d0,
    code: `
      20 05 00 b4    ; cbz x0, 0x7ffff7fc1674
      63 d1 fd 10    ; adr x3, 0x7ffff7fbd000`,
    near: `
      a0 b3 08 b4    ; cbz x0, 0x7ffff7fc1674
      74 45 00 14    ; b 0x7ffff7fc15d4`,
    away: `
      40 00 00 b5    ; cbnz x0, 0x7ffff3fb0008
      9c 45 00 15    ; b 0x7ffff7fc1674
      73 45 00 15    ; b 0x7ffff7fc15d4`,
    far: `
      a0 00 00 b5    ; cbnz x0, 0x7fff77fb0014
      50 00 00 58    ; ldr x16, 0x7fff77fb000c
      00 02 1f d6    ; br x16
      74 16 fc f7 ff 7f 00 00 ; 0x7ffff7fc1674
      63 00 40 b0    ; adrp x3, 0x7ffff7fbd000
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      d8 15 fc f7 ff 7f 00 00 ; 0x7ffff7fc15d8`,
  },
  {
    name: "Linux 7.2 __kernel_clock_getres",
    offset: 0x780,
    code: `
      1f 5c 00 71    ; cmp w0, #0x17
      48 03 00 54    ; b.hi 0x7ffff7fc17ec`,
    near: `
      1f 5c 00 71    ; cmp w0, #0x17
      e0 45 00 14    ; b 0x7ffff7fc1784`,
    away: `
      1f 5c 00 71    ; cmp w0, #0x17
      e0 45 00 15    ; b 0x7ffff7fc1784`,
    far: `
      1f 5c 00 71    ; cmp w0, #0x17
      a9 00 00 54    ; b.ls 0x7fff77fb0018
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      ec 17 fc f7 ff 7f 00 00 ; 0x7ffff7fc17ec
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      88 17 fc f7 ff 7f 00 00 ; 0x7ffff7fc1788`,
  },
  {
    name: "Linux 7.2 __kernel_getrandom",
    offset: 0x840,
    code: `
      1f 20 03 d5    ; nop
      3f 23 03 d5    ; paciasp`,
    near: `
      1f 20 03 d5    ; nop
      10 46 00 14    ; b 0x7ffff7fc1844`,
    away: `
      1f 20 03 d5    ; nop
      10 46 00 15    ; b 0x7ffff7fc1844`,
    far: `
      1f 20 03 d5    ; nop
      3f 23 03 d5    ; paciasp
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      48 18 fc f7 ff 7f 00 00 ; 0x7ffff7fc1848`,
  },
];
