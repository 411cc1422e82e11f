/*
 * x86_64.h - what the helper knows about a tracee on x86-64: its registers and its signal frames. The self-restoring
 * stub is in x86_64_stub.h, system calls are in x86_64_calls.h; what is different in a 32-bit program, in i386*.h.
 * Another machine is other headers with the same names.
 *
 * A 32-bit program's thread has the same registers, seen with 64 bits, of which it uses some by half. What cs holds
 * tells which code a thread executes, and so what its registers mean. What is known of no thread in particular is told
 * by `compat`: whether the target is a 32-bit program (TS_COMPAT).
 */
#ifndef TIMESKEW_X86_64_H
#define TIMESKEW_X86_64_H

#include "../sys.h"

#define HAS_COMPAT 1
#define NEEDS_A_LOOK 0 /* a stop shows which system call it has interrupted */

/* A thread asleep in a system call, as /proc/PID/task/TID/syscall shows it. */
struct sleep {
  uint64_t nr, arguments[6], sp, pc;
};

/* struct user_regs_struct. */
struct registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
  uint64_t rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

#define CS_64BIT 0x33
#define PTRACE_GETREGS 12
#define PTRACE_SETREGS 13

#include "i386.h"

/*
 * PTRACE_GETREGSET would show a 32-bit thread's registers cut to 32 bits, and forget what the kernel has in the rest of
 * eax: the sign of an error that it is about to restart a system call for.
 */
static inline int regs_read(int tid, struct registers *r) {
  *r = (struct registers){0};
  return (int)sys_ptrace(PTRACE_GETREGS, tid, 0, (uintptr_t)r);
}
static inline int regs_write(int tid, const struct registers *r) {
  return (int)sys_ptrace(PTRACE_SETREGS, tid, 0, (uintptr_t)r);
}

static inline uint64_t regs_pc(const struct registers *r) { return r->rip; }
static inline uint64_t regs_sp(const struct registers *r) { return r->rsp; }
static inline void regs_set_pc(struct registers *r, uint64_t pc) { r->rip = pc; }
static inline int regs_are_compat(const struct registers *r) { return r->cs == CS_32BIT; }
/* Whether the thread executes code of its program's kind. */
static inline int regs_are_of(const struct registers *r, int compat) {
  return r->cs == (compat ? CS_32BIT : CS_64BIT) && (!compat || r->rip <= UINT32_MAX);
}
static inline int64_t regs_result(const struct registers *r) {
  return regs_are_compat(r) ? result_32((uint32_t)r->rax) : (int64_t)r->rax;
}

/* What a tracee is made to call. */
enum remote_call { REMOTE_MMAP, REMOTE_MUNMAP, REMOTE_EXIT };
static inline uint64_t remote_number(enum remote_call call, int compat) {
  static const uint8_t numbers[][2] = {{9, 192 /* mmap2 */}, {11, 91}, {231, 252 /* exit_group */}};
  return numbers[call][compat];
}

/* To the `instruction`, a word that is to stand at its pc then, that ends the process. */
static inline void regs_exit(struct registers *r, int code, uint64_t *instruction) {
  int compat = regs_are_compat(r);
  r->rip &= ~7ull;
  r->orig_rax = ~0ull;
  r->rax = remote_number(REMOTE_EXIT, compat);
  r->rdi = r->rbx = (uint32_t)code;
  *instruction = compat ? 0x80cd : 0x050f; /* int 0x80, syscall */
}

/* Whether the thread was stopped on its way out of a system call. */
static inline int regs_in_syscall(const struct registers *r) {
  return (regs_are_compat(r) ? (int32_t)r->orig_rax : (int64_t)r->orig_rax) >= 0;
}

/* The number of that call. */
static inline uint64_t regs_call(const struct registers *r) { return r->orig_rax; }

/*
 * Whether the thread ever runs code of the program's: the kernel's io_uring workers, listed among its threads, do not.
 */
static inline int regs_are_of_a_program(const struct registers *r) { return r->rip != 0; }

/* Argument i, from 0, of the system call that the thread is in, or about to make. */
static inline uint64_t *regs_argument(struct registers *r, int i) {
  uint64_t *const arguments[] = {&r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9};
  uint64_t *const narrow[] = {&r->rbx, &r->rcx, &r->rdx, &r->rsi, &r->rdi, &r->rbp};
  return regs_are_compat(r) ? narrow[i] : arguments[i];
}

/* The registers of a thread asleep in a system call, as far as /proc tells them. */
static inline void regs_of_sleeper(struct registers *r, const struct sleep *sleep, int compat) {
  r->cs = compat ? CS_32BIT : CS_64BIT;
  r->orig_rax = sleep->nr;
  for (int i = 0; i < 6; i++) *regs_argument(r, i) = sleep->arguments[i];
  r->rsp = sleep->sp;
  r->rip = sleep->pc;
}

/*
 * An instruction that traps leaves the pc at itself, but for int3. (A SIGTRAP at `pc` is a step of the program's own.)
 */
static inline int regs_trapped_at(const struct registers *r, uint64_t pc, int signal) {
  return r->rip == (signal == SIGTRAP ? pc + 1 : pc);
}

/* Bytes of a word of a thread's stack. */
static inline uint32_t stack_word(int compat) { return compat ? 4 : 8; }

/*
 * A word of a stack that equals `pc`: is it the rip of a signal frame? There (struct sigcontext) rip is followed by
 * eflags and a word whose low half is cs.
 */
static inline int is_signal_frame_pc(const uint64_t *word, int compat) {
  if (compat) return is_signal_frame_pc_32(word);
  return (word[2] & 0xffff) == CS_64BIT && (word[1] & 2) && !(word[1] >> 22);
}
#define SIGNAL_FRAME_WORDS 5 /* that are looked at, at most */

/* What stands there before rip. */
struct signal_frame {
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp;
};
union any_signal_frame {
  struct signal_frame wide;
  struct signal_frame_32 narrow;
};
static inline uint32_t signal_frame_bytes(int compat) {
  return compat ? sizeof(struct signal_frame_32) : sizeof(struct signal_frame);
}

/* The registers that somebody goes on with, as far as they concern system calls. */
static inline void regs_of_frame(struct registers *r, const union any_signal_frame *any, uint64_t pc, int compat) {
  const struct signal_frame *frame = &any->wide;
  r->cs = compat ? CS_32BIT : CS_64BIT;
  r->orig_rax = ~0ull;
  r->rip = pc;
  if (compat) {
    const uint32_t *arguments[] = {&any->narrow.ebx, &any->narrow.ecx, &any->narrow.edx,
                                   &any->narrow.esi, &any->narrow.edi, &any->narrow.ebp};
    for (int i = 0; i < 6; i++) *regs_argument(r, i) = *arguments[i];
    r->rax = any->narrow.eax;
    r->rsp = any->narrow.esp;
    return;
  }
  r->rax = frame->rax;
  r->rdi = frame->rdi;
  r->rsi = frame->rsi;
  r->rdx = frame->rdx;
  r->r10 = frame->r10;
  r->r8 = frame->r8;
  r->r9 = frame->r9;
  r->rsp = frame->rsp;
}

#define SYSCALL_BYTES 2
static const uint8_t SYSTEM_CALL[SYSCALL_BYTES] = {0x0f, 0x05}; /* syscall */

/* Whether a thread with these registers, for which `next` comes next, is about to make a system call. */
static inline int is_system_call(const uint8_t next[SYSCALL_BYTES], const struct registers *r) {
  return regs_are_compat(r) ? is_system_call_32(next) : same_bytes(next, SYSTEM_CALL, SYSCALL_BYTES);
}

/* Where a function returns to stands on the stack, and nowhere else. */
static inline uint64_t regs_link(const struct registers *r) {
  (void)r;
  return 0;
}
#define RETURN_ADDRESS (~0ull)

/* How many words the thread has on its stack before its return address, as what comes next tells. -1: it does not. */
static inline int words_to_return(const uint8_t next[RETURN_BYTES], const struct registers *r) {
  return regs_are_compat(r) ? words_to_return_32(next) : -1;
}

/* A system call takes no registers away but those above. */
struct vectors {
  uint32_t type;
};
static inline int vectors_keep(int tid, const struct registers *was, struct vectors *v) {
  (void)tid, (void)was, (void)v;
  return 0;
}
static inline int vectors_give_back(int tid, const struct vectors *v) {
  (void)tid, (void)v;
  return 0;
}

#endif
