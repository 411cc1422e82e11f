/**
 * How the functions of the vDSO of Debian's Linux 5.10 to 6.12 for arm64 begin, all that it exports, and what the relocator
 * must make of that. The comments are part of the test.
 */
import type { KernelPrologue } from "./prologues.ts";

export const PROLOGUES: readonly KernelPrologue[] = [
  {
    name: "Linux 5.10 __kernel_clock_gettime",
    // The same: 5.10 clock_getres, 6.1 clock_gettime, 6.1 clock_getres.
    offset: 0x310,
    code: `
      3f 23 03 d5    ; paciasp
      1f 3c 00 71    ; cmp w0, #0xf`,
    near: `
      3f 23 03 d5    ; paciasp
      c4 44 00 14    ; b 0x7ffff7fc1314`,
    away: `
      3f 23 03 d5    ; paciasp
      c4 44 00 15    ; b 0x7ffff7fc1314`,
    far: `
      3f 23 03 d5    ; paciasp
      1f 3c 00 71    ; cmp w0, #0xf
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      18 13 fc f7 ff 7f 00 00 ; 0x7ffff7fc1318`,
  },
  {
    name: "Linux 5.10 __kernel_gettimeofday",
    offset: 0x5b0,
    code: `
      84 d2 fe 10    ; adr x4, 0x7ffff7fbf000
      0c 00 b0 12    ; mov w12, #0x7fffffff`,
    near: `
      04 80 07 10    ; adr x4, 0x7ffff7fbf000
      6c 45 00 14    ; b 0x7ffff7fc15b4`,
    away: `
      64 00 02 f0    ; adrp x4, 0x7ffff7fbf000
      6c 45 00 15    ; b 0x7ffff7fc15b4`,
    far: `
      64 00 40 f0    ; adrp x4, 0x7ffff7fbf000
      0c 00 b0 12    ; mov w12, #0x7fffffff
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      b8 15 fc f7 ff 7f 00 00 ; 0x7ffff7fc15b8`,
  },
  {
    name: "Linux 5.10 __kernel_rt_sigreturn",
    // The same: 6.1 rt_sigreturn, 6.12 rt_sigreturn, 6.18 rt_sigreturn, 7.2 rt_sigreturn.
    offset: 0x7e0,
    code: `
      68 11 80 d2    ; mov x8, #0x8b
      01 00 00 d4    ; svc #0x0`,
    near: `
      68 11 80 d2    ; mov x8, #0x8b
      f8 45 00 14    ; b 0x7ffff7fc17e4`,
    away: `
      68 11 80 d2    ; mov x8, #0x8b
      f8 45 00 15    ; b 0x7ffff7fc17e4`,
    far: "SYSCALL",
  },
  {
    name: "Linux 6.1 __kernel_gettimeofday",
    offset: 0x570,
    code: `
      83 d4 fe 10    ; adr x3, 0x7ffff7fbf000
      3f 23 03 d5    ; paciasp`,
    near: `
      03 80 07 10    ; adr x3, 0x7ffff7fbf000
      5c 45 00 14    ; b 0x7ffff7fc1574`,
    away: `
      63 00 02 f0    ; adrp x3, 0x7ffff7fbf000
      5c 45 00 15    ; b 0x7ffff7fc1574`,
    far: `
      63 00 40 f0    ; adrp x3, 0x7ffff7fbf000
      3f 23 03 d5    ; paciasp
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      78 15 fc f7 ff 7f 00 00 ; 0x7ffff7fc1578`,
  },
  {
    name: "Linux 6.12 __kernel_clock_gettime",
    offset: 0x320,
    code: `
      1f 3c 00 71    ; cmp w0, #0xf
      e8 05 00 54    ; b.hi 0x7ffff7fc13e0`,
    near: `
      1f 3c 00 71    ; cmp w0, #0xf
      c8 44 00 14    ; b 0x7ffff7fc1324`,
    away: `
      1f 3c 00 71    ; cmp w0, #0xf
      c8 44 00 15    ; b 0x7ffff7fc1324`,
    far: `
      1f 3c 00 71    ; cmp w0, #0xf
      a9 00 00 54    ; b.ls 0x7fff77fb0018
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      e0 13 fc f7 ff 7f 00 00 ; 0x7ffff7fc13e0
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      28 13 fc f7 ff 7f 00 00 ; 0x7ffff7fc1328`,
  },
  {
    name: "Linux 6.12 __kernel_gettimeofday",
    offset: 0x5c0,
    code: `
      04 d2 fe 10    ; adr x4, 0x7ffff7fbf000
      20 05 00 b4    ; cbz x0, 0x7ffff7fc1668`,
    near: `
      04 80 07 10    ; adr x4, 0x7ffff7fbf000
      70 45 00 14    ; b 0x7ffff7fc15c4`,
    away: `
      64 00 02 f0    ; adrp x4, 0x7ffff7fbf000
      70 45 00 15    ; b 0x7ffff7fc15c4`,
    far: `
      64 00 40 f0    ; adrp x4, 0x7ffff7fbf000
      a0 00 00 b5    ; cbnz x0, 0x7fff77fb0018
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      68 16 fc f7 ff 7f 00 00 ; 0x7ffff7fc1668
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      c8 15 fc f7 ff 7f 00 00 ; 0x7ffff7fc15c8`,
  },
  {
    name: "Linux 6.12 __kernel_clock_getres",
    offset: 0x770,
    code: `
      1f 3c 00 71    ; cmp w0, #0xf
      e8 02 00 54    ; b.hi 0x7ffff7fc17d0`,
    near: `
      1f 3c 00 71    ; cmp w0, #0xf
      dc 45 00 14    ; b 0x7ffff7fc1774`,
    away: `
      1f 3c 00 71    ; cmp w0, #0xf
      dc 45 00 15    ; b 0x7ffff7fc1774`,
    far: `
      1f 3c 00 71    ; cmp w0, #0xf
      a9 00 00 54    ; b.ls 0x7fff77fb0018
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      d0 17 fc f7 ff 7f 00 00 ; 0x7ffff7fc17d0
      50 00 00 58    ; ldr x16, 0x7fff77fb0020
      00 02 1f d6    ; br x16
      78 17 fc f7 ff 7f 00 00 ; 0x7ffff7fc1778`,
  },
  {
    name: "Linux 6.12 __kernel_getrandom",
    // The same: 6.18 getrandom.
    offset: 0x820,
    code: `
      3f 23 03 d5    ; paciasp
      fd 7b b8 a9    ; stp x29, x30, [sp, #-128]!`,
    near: `
      3f 23 03 d5    ; paciasp
      08 46 00 14    ; b 0x7ffff7fc1824`,
    away: `
      3f 23 03 d5    ; paciasp
      08 46 00 15    ; b 0x7ffff7fc1824`,
    far: `
      3f 23 03 d5    ; paciasp
      fd 7b b8 a9    ; stp x29, x30, [sp, #-128]!
      50 00 00 58    ; ldr x16, 0x7fff77fb0010
      00 02 1f d6    ; br x16
      28 18 fc f7 ff 7f 00 00 ; 0x7ffff7fc1828`,
  },
];
