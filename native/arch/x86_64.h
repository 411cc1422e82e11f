/*
 * x86_64.h - what the helper knows about a tracee on x86-64: its registers, its signal frames, and the self-restoring
 * stub (its system calls: x86_64_calls.h). Another machine is another header with the same names.
 */
#ifndef TIMESKEW_X86_64_H
#define TIMESKEW_X86_64_H

#include "../sys.h"

/* A thread asleep in a system call, as /proc/PID/task/TID/syscall shows it. */
struct sleep {
  uint64_t nr, arguments[6], sp, pc;
};

/* NT_PRSTATUS: struct user_regs_struct. */
struct registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
  uint64_t rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

#define REMOTE_mmap 9
#define REMOTE_munmap 11
#define REMOTE_rt_sigprocmask 14
#define REMOTE_restart_syscall 219

#define CS_64BIT 0x33

static inline uint64_t regs_pc(const struct registers *r) { return r->rip; }
static inline uint64_t regs_sp(const struct registers *r) { return r->rsp; }
static inline void regs_set_pc(struct registers *r, uint64_t pc) { r->rip = pc; }
static inline int regs_are_native(const struct registers *r) { return r->cs == CS_64BIT; }
static inline int64_t regs_result(const struct registers *r) { return (int64_t)r->rax; }

/* To the `instruction`, a word that is to stand at its pc then, that ends the process. A 32-bit one has its own. */
static inline void regs_exit(struct registers *r, int code, uint64_t *instruction) {
  int native = regs_are_native(r);
  r->rip &= ~7ull;
  r->orig_rax = ~0ull;
  r->rax = native ? 231 : 252; /* exit_group */
  r->rdi = r->rbx = (uint32_t)code;
  *instruction = native ? 0x050f : 0x80cd; /* syscall, int 0x80 */
}

/* Whether the thread was stopped on its way out of a system call. */
static inline int regs_in_syscall(const struct registers *r) { return (int64_t)r->orig_rax >= 0; }

/* Whether the thread ever runs code of the program's: the kernel's io_uring workers, listed among its threads, do not. */
static inline int regs_are_of_a_program(const struct registers *r) { return r->rip != 0; }

/* The registers of a thread asleep in a system call, as far as /proc tells them. */
static inline void regs_of_sleeper(struct registers *r, const struct sleep *sleep) {
  r->orig_rax = sleep->nr;
  r->rdi = sleep->arguments[0];
  r->rsi = sleep->arguments[1];
  r->rdx = sleep->arguments[2];
  r->r10 = sleep->arguments[3];
  r->r8 = sleep->arguments[4];
  r->r9 = sleep->arguments[5];
  r->rsp = sleep->sp;
  r->rip = sleep->pc;
}

/* An instruction that traps leaves the pc at itself, but for int3. (A SIGTRAP at `pc` is a step of the program's own.) */
static inline int regs_trapped_at(const struct registers *r, uint64_t pc, int signal) {
  return r->rip == (signal == SIGTRAP ? pc + 1 : pc);
}

/*
 * A word of a stack that equals `pc`: is it the rip of a signal frame? There (struct sigcontext) rip is followed by
 * eflags and a word whose low half is cs.
 */
static inline int is_signal_frame_pc(const uint64_t *word) {
  return (word[2] & 0xffff) == CS_64BIT && (word[1] & 2) && !(word[1] >> 22);
}
#define SIGNAL_FRAME_WORDS 3

/* What stands there before rip. */
struct signal_frame {
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp;
};

/* The registers that somebody goes on with, as far as they concern system calls. */
static inline void regs_of_frame(struct registers *r, const struct signal_frame *frame, uint64_t pc) {
  r->orig_rax = ~0ull;
  r->rax = frame->rax;
  r->rdi = frame->rdi;
  r->rsi = frame->rsi;
  r->rdx = frame->rdx;
  r->r10 = frame->r10;
  r->r8 = frame->r8;
  r->r9 = frame->r9;
  r->rsp = frame->rsp;
  r->rip = pc;
}

/*
 * What a thread in a stub has blocked: every signal but ILL, TRAP, BUS, FPE, SEGV and SYS. When an instruction causes
 * one of these while it is blocked, the kernel takes the program's handler for it away.
 */
#define HELD_SIGNALS (~0x400004d8ull)

/*
 * The self-restoring stub: makes one system call, or one function call on a stack of ours, puts back every register
 * and the signal mask that the thread had, and jumps to where it was. It needs no tracer to finish, so the tool may
 * die while a thread runs it.
 */
struct stub {
  /* in */
  uint64_t address;
  const struct registers *was; /* as the thread stopped */
  uint64_t mask;               /* its signal mask */
  int call;                    /* 0: system call `function` with `arguments`; 1: call of the function there */
  uint64_t function;
  uint64_t arguments[6]; /* call: [0] only */
  uint64_t stack;        /* call: top of the stack to run on */
  /* out */
  struct registers start; /* what to set to begin */
  uint64_t masked;        /* where to begin instead once every signal is blocked */
  uint64_t done;          /* the second stop at this pc means: done, result in the registers */
  uint8_t code[288];
  uint32_t size;
};

static inline void stub_bytes(struct stub *s, const void *bytes, uint32_t n) {
  copy_bytes(s->code + s->size, bytes, n);
  s->size += n;
}
#define STUB_EMIT(s, ...)                   \
  do {                                      \
    const uint8_t bytes_[] = {__VA_ARGS__}; \
    stub_bytes(s, bytes_, sizeof bytes_);   \
  } while (0)

/* mov reg, imm64; reg 0..15 in the encoding's order (rax rcx rdx rbx rsp rbp rsi rdi r8 …). Leaves the flags. */
static inline void stub_load(struct stub *s, int reg, uint64_t value) {
  STUB_EMIT(s, (uint8_t)(reg < 8 ? 0x48 : 0x49), (uint8_t)(0xb8 + (reg & 7)));
  stub_bytes(s, &value, 8);
}

/* rt_sigprocmask(SIG_SETMASK, &mask, NULL, 8), with the mask's address given. Leaves the flags. */
static inline void stub_set_mask(struct stub *s, uint64_t mask_address) {
  STUB_EMIT(s, 0xb8, REMOTE_rt_sigprocmask, 0, 0, 0); /* mov eax, 14 */
  STUB_EMIT(s, 0xbf, 2, 0, 0, 0);                     /* mov edi, SIG_SETMASK */
  stub_load(s, 6, mask_address);                      /* mov rsi, mask */
  STUB_EMIT(s, 0xba, 0, 0, 0, 0);                     /* mov edx, 0 */
  STUB_EMIT(s, 0x41, 0xba, 8, 0, 0, 0);               /* mov r10d, 8 */
  STUB_EMIT(s, 0x0f, 0x05);                           /* syscall */
}

/* Where and with which rax the thread goes on: as the kernel would have restarted an interrupted system call. */
static inline void stub_resume_point(const struct registers *was, uint64_t *pc, uint64_t *rax) {
  *pc = was->rip;
  *rax = was->rax;
  if (!regs_in_syscall(was)) return;
  switch ((int64_t)was->rax) {
    case -ERESTARTSYS:
    case -ERESTARTNOINTR:
    case -ERESTARTNOHAND:
      *rax = was->orig_rax;
      *pc -= 2;
      break;
    case -ERESTART_RESTARTBLOCK:
      *rax = REMOTE_restart_syscall;
      *pc -= 2;
      break;
  }
}

static inline void stub_build(struct stub *s) {
  const struct registers *was = s->was;
  const uint64_t all = HELD_SIGNALS, data = s->address; /* two masks first: ours, and the thread's own */
  uint64_t pc, rax;

  s->size = 0;
  stub_bytes(s, &all, 8);
  stub_bytes(s, &s->mask, 8);

  s->start = *was;
  s->start.rip = s->address + 16;
  s->start.orig_rax = ~0ull;
  if (s->call) {
    stub_set_mask(s, data); /* no handler may run on our small stack */
    s->masked = s->address + s->size;
    stub_load(s, 4, s->stack);
    stub_load(s, 7, s->arguments[0]);
    stub_load(s, 0, s->function);
    STUB_EMIT(s, 0xff, 0xd0); /* call rax */
    uint32_t flags = (uint32_t)was->eflags & 0x240cd5; /* ID AC OF DF SF ZF AF PF CF: what popf may set */
    STUB_EMIT(s, 0x68);
    stub_bytes(s, &flags, 4);
    STUB_EMIT(s, 0x9d); /* popfq */
    stub_load(s, 4, was->rsp);
    s->start.eflags &= ~(0x40000ull | 0x400 | 0x100); /* AC DF TF */
  } else {
    s->start.rax = s->function;
    s->start.rdi = s->arguments[0];
    s->start.rsi = s->arguments[1];
    s->start.rdx = s->arguments[2];
    s->start.r10 = s->arguments[3];
    s->start.r8 = s->arguments[4];
    s->start.r9 = s->arguments[5];
    s->masked = s->address + s->size;
    STUB_EMIT(s, 0x0f, 0x05); /* syscall */
    s->done = s->address + s->size;
  }
  stub_set_mask(s, data + 8);
  if (s->call) s->done = s->address + s->size;

  stub_resume_point(was, &pc, &rax);
  stub_load(s, 0, rax);
  stub_load(s, 1, was->rcx);
  stub_load(s, 2, was->rdx);
  stub_load(s, 6, was->rsi);
  stub_load(s, 7, was->rdi);
  stub_load(s, 8, was->r8);
  stub_load(s, 9, was->r9);
  stub_load(s, 10, was->r10);
  stub_load(s, 11, was->r11);
  STUB_EMIT(s, 0xff, 0x25, 0, 0, 0, 0); /* jmp [rip] */
  stub_bytes(s, &pc, 8);
}

#endif
