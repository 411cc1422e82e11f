/* aarch64.h - where start.c is entered, and left. */
#define TS_MACHINE EM_AARCH64

enum { NR_memfd_create = 279 };

/*
 * start: as the kernel leaves us, with x0 = 0 (there is nothing to be called at the exit).
 * resume: as the dynamic linker leaves us; x0 is what Node is to call at its exit.
 */
__asm__(
    ".globl start, resume\n"
    "start:\n\t"
    "bti c\n\t"
    "mov x29, xzr\n\t"
    "mov x0, sp\n\t"
    "bl begin\n\t"
    "mov x16, x0\n\t"
    "mov x0, xzr\n\t"
    "br x16\n"
    "resume:\n\t"
    "bti c\n\t"
    "mov x19, x0\n\t"
    "bl end\n\t"
    "mov x16, x0\n\t"
    "mov x0, x19\n\t"
    "br x16\n");
