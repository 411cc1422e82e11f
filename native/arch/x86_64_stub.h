/*
 * x86_64_stub.h - the self-restoring stub, for threads of 64-bit programs; i386_stub.h has that for the others.
 */
#ifndef TIMESKEW_X86_64_STUB_H
#define TIMESKEW_X86_64_STUB_H

#define STUB_EMIT(s, ...)                   \
  do {                                      \
    const uint8_t bytes_[] = {__VA_ARGS__}; \
    stub_bytes(s, bytes_, sizeof bytes_);   \
  } while (0)

/* Where and with which rax the thread goes on: as the kernel would have restarted an interrupted system call. */
static inline void stub_resume_point(const struct registers *was, uint64_t *pc, uint64_t *rax) {
  *pc = was->rip;
  *rax = was->rax;
  if (!regs_in_syscall(was)) return;
  switch (regs_result(was)) {
    case -ERESTARTSYS:
    case -ERESTARTNOINTR:
    case -ERESTARTNOHAND:
      *rax = was->orig_rax;
      *pc -= 2;
      break;
    case -ERESTART_RESTARTBLOCK:
      *rax = regs_are_compat(was) ? 0 : 219; /* restart_syscall */
      *pc -= 2;
      break;
  }
}

#define RESTORED_FLAGS 0x240cd5 /* ID AC OF DF SF ZF AF PF CF: what popf may set */

#include "i386_stub.h"

/* mov reg, imm64; reg 0..15 in the encoding's order (rax rcx rdx rbx rsp rbp rsi rdi r8 …). Leaves the flags. */
static inline void stub_load(struct stub *s, int reg, uint64_t value) {
  STUB_EMIT(s, (uint8_t)(reg < 8 ? 0x48 : 0x49), (uint8_t)(0xb8 + (reg & 7)));
  stub_bytes(s, &value, 8);
}

/* rt_sigprocmask(SIG_SETMASK, &mask, NULL, 8), with the mask's address given. Leaves the flags. */
static inline void stub_set_mask(struct stub *s, uint64_t mask_address) {
  STUB_EMIT(s, 0xb8, 14, 0, 0, 0); /* mov eax, rt_sigprocmask */
  STUB_EMIT(s, 0xbf, 2, 0, 0, 0);  /* mov edi, SIG_SETMASK */
  stub_load(s, 6, mask_address);   /* mov rsi, mask */
  STUB_EMIT(s, 0xba, 0, 0, 0, 0);  /* mov edx, 0 */
  STUB_EMIT(s, 0x41, 0xba, 8, 0, 0, 0); /* mov r10d, 8 */
  stub_bytes(s, SYSTEM_CALL, SYSCALL_BYTES);
}

static inline void stub_call(struct stub *s) {
  stub_load(s, 4, s->stack);
  stub_load(s, 7, s->arguments[0]);
  stub_load(s, 0, s->function);
  STUB_EMIT(s, 0xff, 0xd0); /* call rax */
  uint32_t flags = (uint32_t)s->was->eflags & RESTORED_FLAGS;
  STUB_EMIT(s, 0x68);
  stub_bytes(s, &flags, 4);
  STUB_EMIT(s, 0x9d); /* popfq */
  stub_load(s, 4, s->was->rsp);
}

static inline void stub_go_back(struct stub *s, uint64_t pc, uint64_t rax) {
  const struct registers *was = s->was;
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

static inline void stub_build(struct stub *s) {
  const struct registers *was = s->was;
  const uint64_t all = HELD_SIGNALS, data = s->address; /* two masks first: ours, and the thread's own */
  int compat = regs_are_compat(was);
  void (*set_mask)(struct stub *, uint64_t) = compat ? stub_set_mask_32 : stub_set_mask;
  uint64_t pc, rax;

  s->size = 0;
  stub_bytes(s, &all, 8);
  stub_bytes(s, &s->mask, 8);

  s->start = *was;
  s->start.rip = s->address + 16;
  s->start.orig_rax = ~0ull;
  if (s->call) {
    set_mask(s, data); /* no handler may run on our small stack */
    s->masked = s->address + s->size;
    (compat ? stub_call_32 : stub_call)(s);
    s->start.eflags &= ~(0x40000ull | 0x400 | 0x100); /* AC DF TF */
  } else {
    s->start.rax = s->function;
    for (int i = 0; i < 6; i++) *regs_argument(&s->start, i) = s->arguments[i];
    s->masked = s->address + s->size;
    stub_bytes(s, compat ? SYSTEM_CALL_32 : SYSTEM_CALL, SYSCALL_BYTES);
    s->done = s->address + s->size;
  }
  set_mask(s, data + 8);
  if (s->call) s->done = s->address + s->size;
  stub_resume_point(was, &pc, &rax);
  (compat ? stub_go_back_32 : stub_go_back)(s, pc, rax);
}

#endif
