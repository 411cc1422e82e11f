/* x86_64.h - where start.c is entered, and left. */
#define TS_MACHINE EM_X86_64

enum { NR_memfd_create = 319 };

/*
 * start: as the kernel leaves us, with the stack's end in rsp and rdx = 0 (there is nothing to be called at the exit).
 * resume: as the dynamic linker leaves us; rdx is what Node is to call at its exit.
 */
__asm__(
    ".globl start, resume\n"
    "start:\n\t"
    "xor %ebp, %ebp\n\t"
    "mov %rsp, %rbx\n\t"
    "mov %rsp, %rdi\n\t"
    "call begin\n\t" /* the stack is aligned to 16 bytes, both times */
    "mov %rbx, %rsp\n\t"
    "xor %edx, %edx\n\t"
    "jmp *%rax\n"
    "resume:\n\t"
    "mov %rdx, %rbx\n\t"
    "call end\n\t"
    "mov %rbx, %rdx\n\t"
    "jmp *%rax\n");
