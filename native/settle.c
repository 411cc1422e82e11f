/*
 * settle.c - what a stopped thread's registers do not say about the system call that it was interrupted in, where
 * the kernel decides on that before the tracer sees the thread (NEEDS_A_LOOK: arm64).
 *
 * It sets the pc back to a call that it makes again, so that a sleep which it would go on with by its restart block
 * looks like one that is about to begin. That is between the kernel and the thread, as long as the thread goes on
 * from that very stop; one that is made to do something else in between has to know which call to make. So it
 * begins the call, and is interrupted in it at once. What the kernel has resumed by its restart block it makes as a
 * restart_syscall then, by the registers; what has begun just now will be such a call the next time. Nothing of a
 * sleep is lost by that, and at any moment the thread is where it might be without us.
 */
#include "arch/arch_calls.h"
#include "session.h"

#if NEEDS_A_LOOK

/* It may have to begin, and be resumed; and the sleep that follows as well, if the time is over. */
#define MOST_ROUNDS 8

static int stands_at_a_call(struct session *s, const struct registers *regs) {
  uint8_t next[SYSCALL_BYTES];
  return memory_read(s, regs_pc(regs), next, sizeof next) == 0 && is_system_call(next, regs);
}

static int may_be_resumed(const struct registers *regs) {
  return resumable(regs) != RESUME_AGAIN && sleeper_has_read(regs);
}

static int begin_and_interrupt(struct session *s, struct thread *t) {
  t->state = THREAD_SEIZED;
  t->clear = 0;
  t->looked = 0;
  /* Its stop before the call is not the one that is awaited: thread_collect has it go on with an interrupt ahead. */
  long r = sys_ptrace(PTRACE_SYSCALL, t->tid, 0, 0);
  return r < 0 ? (int)r : thread_await_stop(s, t, sys_now() + s->plan->stop_timeout_ns);
}

int thread_settle(struct session *s, struct thread *t) {
  struct timespec noted;
  if (t->called) return 0;
  for (int round = 0; round < MOST_ROUNDS && may_be_resumed(&t->regs) && stands_at_a_call(s, &t->regs); round++) {
    uint64_t rest = noted_rest(&t->regs), pc = regs_pc(&t->regs);
    if (rest && memory_read(s, rest, &noted, sizeof noted) < 0) rest = 0;
    int r = begin_and_interrupt(s, t);
    if (r == 0 && rest && regs_pc(&t->regs) == pc) r = memory_write(s, rest, &noted, sizeof noted);
    if (r < 0) return r;
  }
  if (resumable(&t->regs) == RESUME_AGAIN && stands_at_a_call(s, &t->regs)) regs_note_call(&t->regs);
  return 0;
}

#else

int thread_settle(struct session *s, struct thread *t) {
  (void)s, (void)t;
  return 0;
}

#endif
