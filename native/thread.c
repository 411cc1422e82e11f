/*
 * thread.c - one thread of the target: seizing it, waiting for its stop, its registers, letting it go.
 */
#include "session.h"

/*
 * A thread that is running stops within a microsecond or two, on its own processor. One that waits for ours gets it
 * only if we sleep, and long enough: after two microseconds we would be back before it has got anywhere, time and
 * again. (sched_yield would hand the processor over for a whole time slice.)
 */
void backoff(uint32_t round) {
  if (round < 16) {
    for (int i = 0; i < 64; i++) cpu_relax();
  } else {
    uint32_t doublings = (round - 16) / 4;
    sys_sleep_ns(20000ll << (doublings < 4 ? doublings : 4));
  }
}

/* 'Z' or 'X' in /proc/PID/task/TID/stat: the thread has exited but is not reaped (a main thread that left first). */
static int thread_has_exited(struct session *s, int tid) {
  char path[32] = "task/", text[128];
  uint32_t n = 5, digits = 0;
  char reversed[12];
  for (int v = tid; v > 0; v /= 10) reversed[digits++] = (char)('0' + v % 10);
  while (digits) path[n++] = reversed[--digits];
  copy_bytes(path + n, "/stat", 6);
  int fd = (int)sys_openat(s->proc, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 1;
  long got = sys_read(fd, text, sizeof text);
  (void)sys_close(fd);
  /* comm may hold anything, but the last ')' ends it; 128 bytes hold pid, 16 bytes of comm and the state. */
  for (long i = got - 3; i >= 0; i--)
    if (text[i] == ')') return text[i + 2] == 'Z' || text[i + 2] == 'X';
  return got <= 0;
}

int thread_seize(struct session *s, struct thread *t) {
  unsigned long options = PTRACE_O_TRACESYSGOOD;
  if (s->plan->flags & TS_SUSPEND_SECCOMP) options |= PTRACE_O_SUSPEND_SECCOMP;
  long r = sys_ptrace(PTRACE_SEIZE, t->tid, 0, options);
  int straggler = straggler_replace(t->tid, 0);
  if (r == -EPERM && straggler) r = 0; /* still ours, from an earlier session */
  if (r < 0 && (r == -ESRCH || thread_has_exited(s, t->tid))) return -ESRCH;
  if (r == 0) t->state = THREAD_SEIZED;
  return (int)r;
}

int thread_interrupt(struct thread *t) {
  t->state = THREAD_SEIZED;
  return (int)sys_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
}

/* Whether the thread is our own child's main thread and has ended: its exit status belongs to whoever started it. */
static int ended_as_our_child(const struct session *s, int tid) {
  struct child_event event = {0};
  if (tid != s->pid || !(s->plan->flags & TS_OUR_CHILD)) return 0;
  long r = sys_waitid(tid, &event, WEXITED | WNOHANG | WNOWAIT | WALL_THREADS);
  return r == 0 && event.pid == tid && event.code <= CLD_DUMPED; /* stops of a tracee are reported as well */
}

enum poll thread_poll(const struct session *s, struct thread *t, int *signal) {
  int status = 0;
  long r = ended_as_our_child(s, t->tid) ? -ESRCH : sys_wait4(t->tid, &status, WNOHANG | WALL_THREADS);
  if (r == 0) return POLL_PENDING;
  if (r < 0 || (status & 0xff) != 0x7f) { /* not ours any more, or exited */
    t->state = THREAD_GONE;
    return POLL_GONE;
  }
  *signal = (status >> 8) & 0xff;
  if (status >> 16 == PTRACE_EVENT_STOP) {
    t->group_stop = *signal != SIGTRAP;
    t->state = THREAD_STOPPED;
    return POLL_STOPPED;
  }
  return *signal == (SIGTRAP | 0x80) ? POLL_SYSCALL : POLL_SIGNAL;
}

/* Reads the registers of a thread that has just stopped, and undoes what the stop did to its system call. */
int thread_load(struct session *s, struct thread *t) {
  struct iovec io = {&t->regs, sizeof t->regs};
  long r = sys_ptrace(PTRACE_GETREGSET, t->tid, NT_PRSTATUS, (uintptr_t)&io);
  if (r < 0) return (int)r;
  if (regs_undo_eintr(&t->regs)) {
    s->report->restarted++;
    return thread_store(t, &t->regs);
  }
  return 0;
}

int thread_store(struct thread *t, const struct registers *regs) {
  struct iovec io = {(void *)(uintptr_t)regs, sizeof *regs};
  return (int)sys_ptrace(PTRACE_SETREGSET, t->tid, NT_PRSTATUS, (uintptr_t)&io);
}

/* One look at an interrupted thread. 1: stopped and loaded, or gone; 0: not yet; or -errno. */
static int thread_collect(struct session *s, struct thread *t) {
  int signal = 0;
  switch (thread_poll(s, t, &signal)) {
    case POLL_PENDING:
      return 0;
    case POLL_GONE:
      return 1;
    case POLL_STOPPED: {
      int r = thread_load(s, t);
      if (r == -ESRCH) { /* killed while it stood still */
        t->state = THREAD_GONE;
        return 1;
      }
      return r < 0 ? r : 1;
    }
    case POLL_SYSCALL:
      signal = 0;
      break;
    case POLL_SIGNAL:
      break;
  }
  /* A signal on its way: delivered as it would have been; our interrupt stops the thread right behind it. */
  (void)sys_ptrace(PTRACE_CONT, t->tid, 0, (uintptr_t)signal);
  return 0;
}

int thread_await_stop(struct session *s, struct thread *t, uint64_t deadline) {
  for (uint32_t round = 0;; round++) {
    int r = thread_collect(s, t);
    if (r) return r < 0 ? r : t->state == THREAD_GONE ? -ESRCH : 0;
    if (sys_now() > deadline) return -ETIMEDOUT;
    backoff(round);
  }
}

void thread_release(struct session *s, struct thread *t) {
  if (sys_ptrace(PTRACE_DETACH, t->tid, 0, 0) < 0) {
    /* Killed meanwhile. Until we take note of its end, nobody else hears of it. */
    int signal;
    uint64_t deadline = sys_now() + RELEASE_TIMEOUT_NS;
    for (uint32_t round = 0; thread_poll(s, t, &signal) != POLL_GONE && sys_now() < deadline; round++) backoff(round);
  }
  t->state = THREAD_GONE;
}

/* ---- stragglers --------------------------------------------------------------------------------------------- */

/*
 * Threads that would not stop (they sleep in the kernel, uninterruptibly), so that they cannot be detached either.
 * When the tool ends, the kernel lets them go. A tool that lives on calls ts_settle until they are.
 */
static int32_t stragglers[256];

/* Replaces one entry by another; 0 where there is none. */
int straggler_replace(int tid, int by) {
  for (size_t i = 0; i < sizeof stragglers / sizeof *stragglers; i++) {
    if (stragglers[i] != tid) continue;
    stragglers[i] = by;
    return 1;
  }
  return 0;
}

int ts_settle(void) {
  int left = 0;
  for (size_t i = 0; i < sizeof stragglers / sizeof *stragglers; i++) {
    if (!stragglers[i]) continue;
    int status = 0;
    long r = sys_wait4(stragglers[i], &status, WNOHANG | WALL_THREADS);
    if (r == 0) {
      left++;
      continue;
    }
    if (r > 0 && (status & 0xff) == 0x7f) {
      int signal = status >> 16 ? 0 : (status >> 8) & 0xff;
      (void)sys_ptrace(PTRACE_DETACH, stragglers[i], 0, (uintptr_t)signal);
    }
    stragglers[i] = 0;
  }
  return left;
}
