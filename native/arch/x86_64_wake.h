/* x86_64_wake.h - the handler of the signal that wakes threads of ours, without a libc. */
#ifndef TIMESKEW_X86_64_WAKE_H
#define TIMESKEW_X86_64_WAKE_H

#include "x86_64.h"

/* As the kernel has it. */
struct sigaction {
  void (*handler)(int, void *, void *);
  uint64_t flags;
  void (*restorer)(void);
  uint64_t mask;
};

#define SA_SIGINFO 4
#define SA_RESTORER 0x4000000

/*
 * PTRACE_SEIZE may wait for a lock that is held by an execve which waits for us, its tracer, to bury its threads. The
 * kernel would make the call again behind the handler: instead it answers EINTR.
 */
static void wake_handle(int signal, void *info, void *context) {
  struct {
    uint64_t header[5]; /* of struct ucontext */
    struct signal_frame regs;
    uint64_t rip;
  } *frame = context;
  (void)signal, (void)info;
  if (frame->regs.rax != NR_ptrace || frame->regs.rdi != PTRACE_SEIZE) return;
  if (*(const uint16_t *)(uintptr_t)frame->rip != 0x050f) return; /* syscall */
  frame->regs.rax = (uint64_t)-EINTR;
  frame->rip += 2;
}

static inline struct sigaction wake_action(void) {
  return (struct sigaction){.handler = wake_handle, .flags = SA_SIGINFO | SA_RESTORER, .restorer = signal_return};
}

#endif
