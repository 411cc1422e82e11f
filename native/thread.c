/*
 * thread.c - one thread of the target: seizing it, waiting for its stop, its registers, letting it go.
 */
#include "arch/arch_calls.h"
#include "follow.h"

#define SIGILL 4
#define SIGBUS 7
#define SIGFPE 8
#define SIGSEGV 11
#define SIGSYS 31

int is_fault(int signal) {
  return signal == SIGILL || signal == SIGTRAP || signal == SIGBUS || signal == SIGFPE || signal == SIGSEGV ||
         signal == SIGSYS;
}

#define SPINS 16

/*
 * A thread that is running stops within a microsecond or two, on its own processor. One that waits for ours gets it
 * only if we sleep, and long enough: after two microseconds we would be back before it has got anywhere, time and
 * again. (sched_yield would hand the processor over for a whole time slice.)
 */
void backoff(uint32_t round) {
  if (round < SPINS) {
    for (int i = 0; i < 64; i++) cpu_relax();
  } else {
    uint32_t doublings = (round - SPINS) / 4;
    sys_sleep_ns(20000ll << (doublings < 4 ? doublings : 4));
  }
}

/* In pauses: about every 50 ms. */
#define BURY_EVERY 128

void session_pause(struct session *s, uint32_t round) {
  backoff(round);
  if (s->followed && round >= SPINS) follow_meanwhile(s);
  /* Who is waited for may be in an execve, and wait for us. */
  if (!s->followed && round % BURY_EVERY == BURY_EVERY - 1) session_bury(s);
}

char thread_state_letter(const struct session *s, int tid) {
  char text[128];
  long got = thread_file(s, tid, "/stat", text, sizeof text);
  /* comm may hold anything, but the last ')' ends it; 127 bytes hold pid, 16 bytes of comm and the state. */
  for (long i = got - 3; i >= 0; i--)
    if (text[i] == ')') return text[i + 2];
  return got <= 0 ? 'X' : '?';
}

/* A main thread that left before the others stays as a zombie. */
int thread_has_exited(const struct session *s, int tid) {
  char letter = thread_state_letter(s, tid);
  return letter == 'Z' || letter == 'X';
}

/* How long a thread that was killed may take to exit. */
#define EXIT_PATIENCE_NS 50000000ull

/* "No such process" is said of a thread that is about to exit as well; of one that lives it is not to be believed. */
static int thread_is_gone(const struct session *s, int tid) {
  uint64_t deadline = sys_now() + EXIT_PATIENCE_NS;
  for (uint32_t round = 0; !thread_has_exited(s, tid); round++) {
    if (sys_now() > deadline) return 0;
    backoff(round);
  }
  return 1;
}

/*
 * Whether a thread is ours without our having seized it: the kernel attaches what a seized thread makes
 * (PTRACE_O_TRACECLONE), and a thread that calls execve takes the main thread's id along. Only the tracer may interrupt.
 */
static int is_ours_already(int tid) { return sys_ptrace(PTRACE_INTERRUPT, tid, 0, 0) == 0; }

/* Who is followed is ours from birth, and must not be woken for the answer. */
static int is_followed(int tid) {
  struct child_event event = {0};
  return sys_waitid(tid, &event, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | WALL_THREADS | WOWN_TRACEES) == 0;
}

/*
 * EINTR says that the kernel's lock was not to be had for a while. It may be held by an execve which waits for us to bury
 * those whom it has ended (wake_handle).
 */
static long seize_patiently(struct session *s, int tid) {
  for (;;) {
    long r = sys_ptrace(PTRACE_SEIZE, tid, 0, s->options);
    if (r != -EINTR) return r;
    if (s->followed) {
      if (follow_serve(0) == -EINTR) return r;
    } else {
      session_bury(s);
      if (sys_now() > s->deadline) return -ETIMEDOUT;
    }
  }
}

#define SEIZE_ATTEMPTS 3

static int seize(struct session *s, struct thread *t) {
  long r;
  for (int attempt = 0; attempt < SEIZE_ATTEMPTS; attempt++) {
    r = seize_patiently(s, t->tid);
    t->seized = r == 0;
    if (r == -EPERM && (s->followed ? is_followed : is_ours_already)(t->tid)) r = 0;
    if (r != -EPERM && r != -ESRCH) break;
    if (r == -ESRCH ? thread_is_gone(s, t->tid) : thread_has_exited(s, t->tid)) return -ESRCH;
    /* Or refused, or not found, because it was exiting; if it is not any more, another thread has taken its id, by execve. */
  }
  if (r < 0 && thread_has_exited(s, t->tid)) return -ESRCH;
  return r == -ESRCH ? -EIO : (int)r;
}

int thread_seize(struct session *s, struct thread *t) {
  int followed = s->followed && is_followed(t->tid);
  int r = !followed ? seize(s, t) : thread_has_exited(s, t->tid) ? -ESRCH : 0;
  if (r == 0) t->state = THREAD_SEIZED;
  return r;
}

int thread_take_held(struct session *s, struct thread *t) {
  int r = s->followed ? follow_look(t) : 0;
  if (r < 0 || !t->held) return r;
  r = thread_load(s, t);
  if (r == 0) t->state = THREAD_STOPPED;
  return r;
}

/* "Seccomp:" in /proc/PID/task/TID/status: 0 without filters; where it cannot be read there may be one. */
static int has_filter(const struct session *s, int tid) {
  static const char NAME[] = "\nSeccomp:\t";
  char text[4096];
  long got = thread_file(s, tid, "/status", text, sizeof text);
  for (long i = 0; i + (long)sizeof NAME <= got; i++)
    if (same_bytes(text + i, NAME, sizeof NAME - 1)) return text[i + (long)sizeof NAME - 1] != '0';
  return got <= 0;
}

int thread_suspend_filters(const struct session *s, const struct thread *t, int suspend) {
  long r = sys_ptrace(PTRACE_SETOPTIONS, t->tid, 0, s->options | (suspend ? PTRACE_O_SUSPEND_SECCOMP : 0));
  /* Refused to who lacks CAP_SYS_ADMIN or is filtered himself, and by a kernel that cannot. */
  if (suspend && (r == -EPERM || r == -EINVAL) && !has_filter(s, t->tid)) return 0;
  return (int)r;
}

int thread_interrupt(struct session *s, struct thread *t) {
  if (!s->stopped_since) s->stopped_since = sys_now();
  t->looked = NEEDS_A_LOOK && sleeper_look(s, t);
  t->state = THREAD_SEIZED;
  t->clear = 0;
  return (int)sys_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
}

/* Of one that is known to have ended. Not of our own child's main thread: that is for whoever started it. */
static void bury(const struct session *s, int tid) {
  int status;
  if (tid != s->pid || !(s->plan->flags & TS_OUR_CHILD)) (void)sys_wait4(tid, &status, WNOHANG | WALL_THREADS);
}

/* An execve does not wait for the main thread to be buried, but only for its end. */
void thread_bury(const struct session *s, int tid) {
  struct child_event event = {0};
  if (tid == s->pid) return;
  (void)sys_waitid(tid, &event, WEXITED | WNOHANG | WNOWAIT | WALL_THREADS | WOWN_TRACEES);
  if (event.pid == tid && event.code <= CLD_DUMPED) bury(s, tid); /* a stop is answered, too, and must not be taken */
}

/*
 * Looks without taking: a stop for a signal that was waited for, and not gone on from, loses the signal when the tracer
 * dies.
 */
enum poll thread_poll(const struct session *s, struct thread *t, int *signal) {
  struct child_event event = {0};
  long r = sys_waitid(t->tid, &event, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | WALL_THREADS);
  if (r == -ECHILD && !thread_is_gone(s, t->tid)) return POLL_PENDING;
  if (r < 0) {
    t->state = THREAD_GONE;
    return POLL_GONE; /* not ours any more */
  }
  if (event.pid != t->tid) return POLL_PENDING;
  if (event.code <= CLD_DUMPED) {
    bury(s, t->tid);
    t->state = THREAD_GONE;
    return POLL_GONE;
  }
  *signal = event.status & 0xff;
  switch (event.status >> 8) {
    case 0:
      break;
    case PTRACE_EVENT_STOP:
      t->group_stop = *signal != SIGTRAP;
      t->called = 0;
      t->state = THREAD_STOPPED;
      return POLL_STOPPED;
    case PTRACE_EVENT_EXEC:
      t->state = THREAD_GONE; /* the stop is left to the follower */
      return POLL_EXEC;
    default:
      return POLL_EVENT;
  }
  return *signal == (SIGTRAP | 0x80) ? POLL_SYSCALL : POLL_SIGNAL;
}

int thread_load(struct session *s, struct thread *t) {
  const struct registers asleep = t->regs;
  int r = regs_read(t->tid, &t->regs), looked = t->looked;
  t->looked = 0;
  if (r < 0) return r;
  /* What job control interrupts is interrupted without us, too. */
  if (t->group_stop || !thread_undo_eintr(t->tid, &t->regs, looked ? &asleep : NULL)) return 0;
  s->report->restarted++;
  return thread_store_undone(t->tid, &t->regs);
}

int thread_store(struct thread *t, const struct registers *regs) { return regs_write(t->tid, regs); }

/*
 * A thread that woke up in the middle of a prologue at the instant when the jump was written has run into one of the
 * jump's bytes, which is an instruction that traps (src/patch/landing.ts). It goes on in the trampoline, and nobody hears
 * of the trap.
 */
static int untrap(struct session *s, struct thread *t, int signal) {
  struct registers regs;
  if (!s->moves || !is_fault(signal) || regs_read(t->tid, &regs) < 0) return 0;
  const struct ts_pair *pairs = (const struct ts_pair *)(s->data + s->moves->a);
  for (uint32_t i = 0; i < s->moves->count; i++) {
    if (!regs_trapped_at(&regs, pairs[i].from, signal)) continue;
    regs_set_pc(&regs, pairs[i].to);
    if (thread_store(t, &regs) < 0) return 0;
    s->report->moved++;
    return 1;
  }
  return 0;
}

void thread_deliver(const struct thread *t, int signal) {
  (void)sys_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
  if (sys_ptrace(PTRACE_CONT, t->tid, 0, (uintptr_t)signal) < 0)
    (void)sys_ptrace(PTRACE_CONT, t->tid, 0, (uintptr_t)signal);
}

int thread_collect(struct session *s, struct thread *t) {
  int signal = 0;
  switch (thread_poll(s, t, &signal)) {
    case POLL_PENDING:
      return 0;
    case POLL_GONE:
    case POLL_EXEC:
      return 1;
    case POLL_STOPPED: {
      int r = thread_load(s, t);
      if (r == -ESRCH && thread_is_gone(s, t->tid)) { /* killed while it stood still */
        t->state = THREAD_GONE;
        return 1;
      }
      return r == -ESRCH ? -EIO : r < 0 ? r : 1;
    }
    case POLL_SYSCALL:
    case POLL_EVENT:
      signal = 0;
      break;
    case POLL_SIGNAL:
      if (untrap(s, t, signal)) signal = 0;
      break;
  }
  /*
   * A signal on its way: delivered as it would have been, and the thread is stopped right behind it. Any stop makes the
   * kernel forget an interrupt that was meant to cause one, so we ask again.
   */
  thread_deliver(t, signal);
  return 0;
}

int thread_await_stop(struct session *s, struct thread *t, uint64_t deadline) {
  for (uint32_t round = 0;; round++) {
    /* It may have been seen to while we waited for another one (follow_meanwhile). */
    int r = t->state == THREAD_STOPPED || t->state == THREAD_GONE ? 1 : thread_collect(s, t);
    if (r) return r < 0 ? r : t->state == THREAD_GONE ? -ESRCH : 0;
    int late = sys_now() > deadline;
    /* The main thread's end is reported only behind that of all others, who may be waiting for us. */
    if ((late || round % 32 == 31) && t->tid == s->pid && thread_has_exited(s, t->tid)) {
      t->state = THREAD_GONE;
      return -ESRCH;
    }
    if (late) return -ETIMEDOUT;
    session_pause(s, round);
  }
}

int thread_stop_again(struct session *s, struct thread *t, int signal, uint64_t deadline) {
  t->state = THREAD_SEIZED;
  t->clear = 0;
  thread_deliver(t, signal);
  return thread_await_stop(s, t, deadline);
}

/* A thread that was killed meanwhile cannot be detached; our thread's end makes its end known to whoever waits for it. */
void thread_release(struct session *s, struct thread *t) {
  if (s->followed)
    follow_release(s, t);
  else
    (void)sys_ptrace(PTRACE_DETACH, t->tid, 0, 0);
  t->state = THREAD_GONE;
}
