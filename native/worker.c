/*
 * worker.c - runs a session on an OS thread of its own.
 *
 * PTRACE_DETACH lets only a stopped thread go. The end of the tracing thread lets all of them go, also those that sleep
 * in the kernel, and wakes none of them. So a session ends with the thread that held it.
 *
 * A thread in a stub needs nobody to finish it, unless a seccomp filter would kill it for one of the stub's system calls:
 * filters are suspended only for as long as there is a tracer. Then the tracer is a process of its own, in the same
 * memory, that goes on when we are killed. (Not always: Yama lets an ordinary user trace his descendants only, and such
 * a process is a brother of the target that we have started.)
 */
#include "session.h"

#define STACK_BYTES (256 * 1024)

void worker_await(const int *tid, long created) {
  /* The kernel clears `tid` and wakes us when the thread has left our memory; it lets its tracees go after that. */
  for (int left; (left = __atomic_load_n(tid, __ATOMIC_ACQUIRE)) != 0;)
    (void)sys6(NR_futex, (long)tid, FUTEX_WAIT, left, 0, 0, 0);
  long self = sys6(NR_getpid, 0, 0, 0, 0, 0, 0);
  for (uint32_t round = 0; sys6(NR_tgkill, self, created, 0, 0, 0, 0) != -ESRCH; round++) backoff(round);
}

struct work {
  void (*run)(void *);
  void *context;
};

/* It wakes itself: one that outlives the tool has nobody else who would. Without a timer it does without. */
static void work(void *context) {
  const struct work *work = context;
  int timer = wake_regularly();
  work->run(work->context);
  wake_no_more(timer);
}

static int await_process(long created) {
  int status = 0;
  long r;
  do r = sys_wait4((int)created, &status, WALL_THREADS);
  while (r == -EINTR);
  return r == created && status == 0 ? 0 : -ECANCELED; /* somebody has killed it */
}

int worker_run(void (*run)(void *), void *context, int outlives) {
  const uint64_t every_signal = ~0ull;
  struct work todo = {run, context};
  uint64_t mask = 0;
  int tid = 0, r = wake_begin();
  if (r < 0) return r;
  uint8_t *stack = sys_allocate(STACK_BYTES);
  if (!stack) {
    wake_end();
    return -ENOMEM;
  }
  (void)sys6(NR_rt_sigprocmask, SIG_SETMASK, (long)&every_signal, (long)&mask, sizeof mask, 0, 0);
  long created =
      sys_clone_thread(outlives ? CLONE_A_PROCESS : CLONE_A_THREAD, stack + STACK_BYTES, &tid, work, &todo);
  (void)sys6(NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof mask, 0, 0);
  if (created < 0)
    r = (int)created;
  else if (outlives)
    r = await_process(created);
  else
    worker_await(&tid, created);
  wake_end();
  sys_free(stack, STACK_BYTES);
  return r;
}
