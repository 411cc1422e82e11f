/*
 * threads.c - seizing, stopping and releasing every thread of the target.
 *
 * Everybody is seized and interrupted before anybody is waited for, so the stops overlap; the thread list is read
 * again until it names nobody new, because a thread that is not stopped yet may create others.
 */
#include "session.h"

#define STARTING_CAPACITY 64
#define RELEASE_TIMEOUT_NS 100000000ull /* without any of them stopping */

/* ---- the table -------------------------------------------------------------------------------------------- */

static int seen_insert(int32_t *set, uint32_t size, int32_t tid) {
  for (uint32_t i = (uint32_t)tid * 2654435761u;; i++) {
    int32_t *entry = &set[i & (size - 1)];
    if (*entry == tid) return 0;
    if (*entry == 0) {
      *entry = tid;
      return 1;
    }
  }
}

static int table_grow(struct session *s) {
  uint32_t capacity = s->capacity ? s->capacity * 2 : STARTING_CAPACITY;
  uint32_t seen_size = capacity * 4;
  struct thread *threads = s->threads ? sys_reallocate(s->threads, s->capacity * sizeof *threads,
                                                       capacity * sizeof *threads)
                                      : sys_allocate(capacity * sizeof *threads);
  if (!threads) return -ENOMEM;
  s->threads = threads;
  s->capacity = capacity;
  int32_t *seen = sys_allocate(seen_size * sizeof *seen);
  if (!seen) return -ENOMEM;
  for (uint32_t i = 0; i < s->count; i++) (void)seen_insert(seen, seen_size, s->threads[i].tid);
  if (s->seen) sys_free(s->seen, s->seen_size * sizeof *s->seen);
  s->seen = seen;
  s->seen_size = seen_size;
  return 0;
}

void session_free(struct session *s) {
  if (s->threads) sys_free(s->threads, s->capacity * sizeof *s->threads);
  if (s->seen) sys_free(s->seen, s->seen_size * sizeof *s->seen);
  s->threads = NULL;
  s->seen = NULL;
}

/* ---- stragglers --------------------------------------------------------------------------------------------- */

/*
 * Threads that would not stop (they sleep in the kernel, uninterruptibly), so that they cannot be detached either.
 * When the tool ends, the kernel lets them go. A tool that lives on calls ts_settle until they are.
 */
static int32_t stragglers[256];

/* Replaces one entry by another; 0 where there is none. */
static int replace_straggler(int tid, int by) {
  for (size_t i = 0; i < sizeof stragglers / sizeof *stragglers; i++) {
    if (stragglers[i] != tid) continue;
    stragglers[i] = by;
    return 1;
  }
  return 0;
}

/* ---- one thread ------------------------------------------------------------------------------------------- */

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

/*
 * While a session lasts the helper's thread takes precedence over everybody else, its timers are exact, and
 * the stop is as short as it can be. Not permitted without CAP_SYS_NICE; then it takes its turns like anybody.
 */
void session_hurry(struct session *s) {
  int fifo_priority = 1;
  s->timer_slack = sys6(NR_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0, 0);
  (void)sys6(NR_prctl, PR_SET_TIMERSLACK, 1, 0, 0, 0, 0);
  s->policy = sys6(NR_sched_getscheduler, 0, 0, 0, 0, 0, 0);
  s->hurried = s->policy == SCHED_OTHER &&
               sys6(NR_sched_setscheduler, 0, SCHED_FIFO, (long)&fifo_priority, 0, 0, 0) == 0;
}

void session_unhurry(struct session *s) {
  int no_priority = 0;
  if (s->hurried) (void)sys6(NR_sched_setscheduler, 0, SCHED_OTHER, (long)&no_priority, 0, 0, 0);
  if (s->timer_slack > 0) (void)sys6(NR_prctl, PR_SET_TIMERSLACK, s->timer_slack, 0, 0, 0, 0);
  s->hurried = 0;
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
  int straggler = replace_straggler(t->tid, 0);
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

/* ---- afterwards --------------------------------------------------------------------------------------------- */

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

/* ---- all threads ------------------------------------------------------------------------------------------ */

static int adopt(struct session *s, int tid) {
  if (s->count == s->capacity) {
    int r = table_grow(s);
    if (r < 0) return r;
  }
  struct thread *t = &s->threads[s->count];
  *t = (struct thread){.tid = tid, .state = THREAD_GONE};
  int r = thread_seize(s, t);
  if (r == -ESRCH) return 0; /* exited meanwhile */
  if (r < 0) {
    s->report->culprit = tid;
    return r;
  }
  (void)seen_insert(s->seen, s->seen_size, tid);
  s->count++;
  return 1;
}

static int already_seen(const struct session *s, int32_t tid) {
  if (!s->seen) return 0;
  for (uint32_t i = (uint32_t)tid * 2654435761u;; i++) {
    int32_t entry = s->seen[i & (s->seen_size - 1)];
    if (entry == tid) return 1;
    if (entry == 0) return 0;
  }
}

/* Seizes every thread that /proc/PID/task names and we do not know; answers how many, or -errno. */
static int seize_new(struct session *s) {
  char buffer[4096];
  int found = 0;
  int directory = (int)sys_openat(s->proc, "task", O_RDONLY | O_DIRECTORY_PORTABLE | O_CLOEXEC);
  if (directory < 0) return directory == -ENOENT ? -ESRCH : directory;
  for (;;) {
    long got = sys_getdents64(directory, buffer, sizeof buffer);
    if (got <= 0) {
      (void)sys_close(directory);
      return got < 0 ? (int)got : found;
    }
    for (long at = 0; at < got;) {
      const char *entry = buffer + at; /* struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name */
      at += *(const uint16_t *)(entry + 16);
      int tid = 0;
      for (const char *c = entry + 19; *c >= '0' && *c <= '9'; c++) tid = tid * 10 + (*c - '0');
      if (tid == 0 || already_seen(s, tid)) continue;
      if ((s->plan->flags & TS_STOP_ONE) && found) continue;
      int r = adopt(s, tid);
      if (r < 0) {
        (void)sys_close(directory);
        return r;
      }
      found += r;
    }
  }
}

int session_stop(struct session *s) {
  s->deadline = sys_now() + s->plan->stop_timeout_ns;
  s->report->stage = TS_STAGE_SEIZE;
  for (uint32_t first = 0;;) {
    int found = seize_new(s);
    if (found < 0) return found;
    if (found == 0) break;

    s->report->stage = TS_STAGE_STOP;
    if (!s->stopped_since) s->stopped_since = sys_now();
    for (uint32_t i = first; i < s->count; i++) (void)thread_interrupt(&s->threads[i]);
    /* In their own order: the ones interrupted first have most likely stopped first. */
    for (uint32_t i = first; i < s->count; i++) {
      struct thread *t = &s->threads[i];
      int r = thread_await_stop(s, t, s->deadline);
      if (r < 0 && r != -ESRCH) {
        s->report->culprit = t->tid;
        return r;
      }
      if (t->state == THREAD_STOPPED && !regs_are_native(&t->regs) && !regs_in_syscall(&t->regs)) {
        s->report->culprit = t->tid;
        return -EINVAL; /* runs 32-bit code inside a 64-bit process */
      }
    }
    first = s->count;
    if (s->plan->flags & TS_STOP_ONE) break;
  }
  s->report->threads = 0;
  for (uint32_t i = 0; i < s->count; i++) s->report->threads += s->threads[i].state == THREAD_STOPPED;
  return s->report->threads ? 0 : -ESRCH;
}

void session_release(struct session *s) {
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    if (t->state == THREAD_STOPPED) thread_release(s, t);
  }
  uint64_t deadline = sys_now() + RELEASE_TIMEOUT_NS;
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    if (t->state == THREAD_GONE) continue;
    (void)thread_interrupt(t);
    int r = thread_await_stop(s, t, deadline);
    if (r == 0) {
      thread_release(s, t);
      deadline = sys_now() + RELEASE_TIMEOUT_NS;
    } else if (r != -ESRCH && replace_straggler(0, t->tid)) {
      s->report->stragglers++;
    }
    t->state = THREAD_GONE;
  }
  if (s->stopped_since) s->report->pause_ns += sys_now() - s->stopped_since;
  s->stopped_since = 0;
}

struct thread *session_runner(struct session *s) {
  struct thread *best = NULL;
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    if (t->state != THREAD_STOPPED || !regs_are_native(&t->regs)) continue;
    /* One that stands in a system call is in no restartable sequence (rseq) and, by luck, in no hurry. */
    if (!t->group_stop && regs_in_syscall(&t->regs)) return t;
    if (!best || (best->group_stop && !t->group_stop)) best = t;
  }
  return best;
}
