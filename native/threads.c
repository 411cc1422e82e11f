/*
 * threads.c - seizing, stopping and releasing every thread of the target.
 *
 * Everybody is seized and interrupted before anybody is waited for, so the stops overlap; the thread list is read
 * again until it names nobody new, because a thread that is not stopped yet may create others.
 */
#include "session.h"

#define STARTING_CAPACITY 64

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
    } else if (r != -ESRCH && straggler_replace(0, t->tid)) {
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

/* ---- precedence ------------------------------------------------------------------------------------------------ */

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
