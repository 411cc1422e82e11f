/* aarch64_wake.h - the handler of the signal that wakes threads of ours, without a libc. */
#ifndef TIMESKEW_AARCH64_WAKE_H
#define TIMESKEW_AARCH64_WAKE_H

#include "aarch64.h"

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
    uint64_t header[22]; /* of struct ucontext */
    uint64_t fault_address;
    struct signal_frame regs;
    uint64_t pc;
  } *frame = context;
  (void)signal, (void)info;
  if (frame->regs.x[8] != NR_ptrace || frame->regs.x[0] != PTRACE_SEIZE) return;
  if (*(const uint32_t *)(uintptr_t)frame->pc != SVC) return;
  frame->regs.x[0] = (uint64_t)-EINTR;
  frame->pc += sizeof(uint32_t);
}

static inline struct sigaction wake_action(void) {
  return (struct sigaction){.handler = wake_handle, .flags = SA_SIGINFO | SA_RESTORER, .restorer = signal_return};
}

#endif
