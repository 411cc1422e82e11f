/*
 * threads.c - seizing, stopping and releasing the threads of the target.
 *
 * Everybody is seized. Who runs is interrupted, all before anybody is waited for, so the stops overlap. Who sleeps in
 * a system call is left asleep: it is in no code that we change, and being woken would cost it time, and perhaps the
 * rest of a timeout that only the kernel knows. Sleepers may wake at any moment: session_refresh finds those who have.
 * The thread list is read again until it names nobody new. A thread that a seized one makes is seized from its birth.
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
  for (uint32_t i = 0; i < s->count; i++)
    if (s->threads[i].schedstat >= 0) (void)sys_close(s->threads[i].schedstat);
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
  *t = (struct thread){.tid = tid, .state = THREAD_GONE, .schedstat = -1};
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

/* Calls visit for each thread that /proc/PID/task names, until one answers < 0; the sum of the answers, or -errno. */
static int each_task(struct session *s, int (*visit)(struct session *, int tid)) {
  char buffer[4096];
  int sum = 0;
  int directory = (int)sys_openat(s->proc, "task", O_RDONLY | O_DIRECTORY_PORTABLE | O_CLOEXEC);
  if (directory < 0) return directory == -ENOENT ? -ESRCH : directory;
  for (;;) {
    long got = sys_getdents64(directory, buffer, sizeof buffer);
    if (got <= 0) {
      (void)sys_close(directory);
      return got < 0 ? (int)got : sum;
    }
    for (long at = 0; at < got;) {
      const char *entry = buffer + at; /* struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name */
      at += *(const uint16_t *)(entry + 16);
      int tid = 0;
      for (const char *c = entry + 19; *c >= '0' && *c <= '9'; c++) tid = tid * 10 + (*c - '0');
      int r = tid ? visit(s, tid) : 0;
      if (r < 0) {
        (void)sys_close(directory);
        return r;
      }
      sum += r;
    }
  }
}

static int visit_dead(struct session *s, int tid) {
  thread_bury(s, tid);
  return 0;
}

void session_bury(struct session *s) { (void)each_task(s, visit_dead); /* one that has no tasks has nobody to bury */ }

static int visit_new(struct session *s, int tid) { return already_seen(s, tid) ? 0 : adopt(s, tid); }

/* Seizes every thread that we do not know yet, or those that are asked for; answers how many, or -errno. */
static int seize_new(struct session *s) {
  if (!s->only) return each_task(s, visit_new);
  int found = 0;
  for (uint32_t i = 0; i < s->only_count; i++) {
    int r = visit_new(s, s->only[i]);
    if (r < 0) return r;
    found += r;
  }
  return found;
}

int session_seize(struct session *s) {
  int r;
  do r = seize_new(s);
  while (r > 0);
  return r;
}

/* Waits for those who were interrupted. */
static int collect(struct session *s, uint32_t first) {
  /* In their own order: the ones interrupted first have most likely stopped first. */
  for (uint32_t i = first; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    int r = t->state == THREAD_SEIZED ? thread_await_stop(s, t, s->deadline) : 0;
    if (r < 0 && r != -ESRCH) {
      s->report->culprit = t->tid;
      return r;
    }
    if (t->state == THREAD_STOPPED && regs_are_of_a_program(&t->regs) && !regs_are_of(&t->regs, s->compat)) {
      s->report->culprit = t->tid;
      return -EINVAL; /* runs 32-bit code inside a 64-bit process, or the other way round */
    }
  }
  return 0;
}

static int take_held(struct session *s, uint32_t first) {
  int r = 0;
  for (uint32_t i = first; i < s->count && r == 0; i++) {
    r = thread_take_held(s, &s->threads[i]);
    if (r == -ESRCH) r = 0; /* killed: that shows when its stop is awaited */
    if (r < 0) s->report->culprit = s->threads[i].tid;
  }
  /* Nobody of them was interrupted, nor is anybody's stop to be awaited here: it is the follower's. */
  for (uint32_t i = first; i < s->count && r < 0; i++) s->threads[i].state = THREAD_GONE;
  return r;
}

/*
 * Where a stop does not show what it has interrupted, who is awake is looked at again: one that has been woken in a
 * call, and had no processor since, is to finish that first.
 */
#define LOOKS 4
#define LOOK_AGAIN_NS 100000

/* Whether any of the new ones is awake; the others are left asleep, if they may. */
static int look_at(struct session *s, uint32_t first) {
  int awake = 0;
  for (uint32_t i = first; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    if (t->state != THREAD_SEIZED) continue;
    int asleep = sleeper_look(s, t);
    awake |= !asleep;
    if (!asleep || s->plan->flags & TS_WAKE_SLEEPERS) continue;
    t->state = THREAD_ASLEEP;
    /* Now, when nobody is stopped yet. */
    t->clear = plan_passes_over(s, t) && sleeper_slept_on(t);
  }
  return awake;
}

/* Seizes who is new, and stops those of them who are not asleep. Answers how many were new, or -errno. */
static int stop_new(struct session *s) {
  uint32_t first = s->count;
  int found = seize_new(s);
  if (found <= 0) return found;
  if (s->report->stage == TS_STAGE_SEIZE) s->report->stage = TS_STAGE_STOP;
  int r = take_held(s, first);
  if (r < 0) return r;
  int rounds = NEEDS_A_LOOK ? LOOKS : s->plan->flags & TS_WAKE_SLEEPERS ? 0 : 1;
  for (int round = 1; round <= rounds && look_at(s, first) && round < rounds; round++) sys_sleep_ns(LOOK_AGAIN_NS);
  for (uint32_t i = first; i < s->count; i++)
    if (s->threads[i].state == THREAD_SEIZED) (void)thread_interrupt(s, &s->threads[i]);
  r = collect(s, first);
  return r < 0 ? r : found;
}

int session_refresh(struct session *s) {
  s->deadline = sys_now() + s->plan->stop_timeout_ns;
  for (int changed = 1; changed;) {
    changed = 0;
    for (uint32_t i = 0; i < s->count; i++) {
      struct thread *t = &s->threads[i];
      if (t->state != THREAD_ASLEEP || sleeper_slept_on(t) || sleeper_look(s, t)) continue;
      (void)thread_interrupt(s, t);
      changed = 1;
    }
    int r = changed ? collect(s, 0) : 0;
    if (r == 0 && changed) r = stop_new(s);
    if (r < 0) return r;
  }
  return 0;
}

/* With TS_STOP_ONE: the thread that minds it least is the only one that we seize. */
static int visit_candidate(struct session *s, int tid) {
  if (thread_has_exited(s, tid)) return 0; /* a main thread that left before the others */
  struct thread t = {.tid = tid, .state = THREAD_GONE, .schedstat = -1};
  if (s->count == s->capacity) {
    int r = table_grow(s);
    if (r < 0) return r;
  }
  t.state = sleeper_look(s, &t) ? THREAD_ASLEEP : THREAD_SEIZED;
  s->threads[s->count++] = t;
  return 1;
}

static int stop_one(struct session *s) {
  s->count = 0;
  int found = each_task(s, visit_candidate);
  if (found < 0) return found;
  struct thread chosen = {.tid = 0}, *sleeper = sleeper_choose(s);
  for (uint32_t i = 0; i < s->count && !chosen.tid; i++)
    if (s->threads[i].state == THREAD_SEIZED) chosen = s->threads[i];
  if (!chosen.tid && sleeper) chosen = *sleeper;
  for (uint32_t i = 0; i < s->count; i++)
    if (s->threads[i].schedstat >= 0) (void)sys_close(s->threads[i].schedstat);
  s->count = 0;
  if (!chosen.tid) return -ESRCH;
  chosen.schedstat = -1;
  s->threads[s->count++] = chosen;
  struct thread *t = &s->threads[0];
  int r = thread_seize(s, t);
  if (r < 0) {
    s->report->culprit = t->tid;
    return r;
  }
  s->report->stage = TS_STAGE_STOP;
  if (chosen.state == THREAD_ASLEEP) t->state = THREAD_ASLEEP;
  r = take_held(s, 0);
  if (r < 0) return r;
  if (t->state == THREAD_SEIZED) (void)thread_interrupt(s, t);
  return collect(s, 0);
}

/* Finds a thread that may make our calls before anything is done: one without filters, or whose filters we may suspend. */
static int find_runner(struct session *s) {
  int refused = 0;
  for (struct thread *t; (t = session_runner(s)) != NULL;) {
    int r = thread_suspend_filters(s, t, 1);
    if (r == 0) return thread_suspend_filters(s, t, 0);
    if (r != -EPERM && r != -EINVAL) return r;
    t->filtered = 1;
    s->report->culprit = t->tid;
    refused = r;
  }
  if (!refused) return -ETIMEDOUT;
  s->report->stage = TS_STAGE_SEIZE;
  return refused;
}

/* How many threads may exit under our hands before we say that the process does. */
#define ONE_ATTEMPTS 3

int session_stop(struct session *s) {
  s->deadline = sys_now() + s->plan->stop_timeout_ns;
  s->report->stage = TS_STAGE_SEIZE;
  int r;
  if (s->plan->flags & TS_STOP_ONE) {
    r = stop_one(s);
    for (int again = 0; r == -ESRCH && again < ONE_ATTEMPTS; again++) r = stop_one(s); /* that thread has exited */
  } else
    do r = stop_new(s);
    while (r > 0);
  if (r == 0 && s->only && !s->count) r = stop_one(s); /* those that were inside have exited: any other will do */
  if (r < 0) return r;
  int found = find_runner(s);
  s->report->threads = s->report->asleep = 0;
  for (uint32_t i = 0; i < s->count; i++) {
    s->report->threads += s->threads[i].state != THREAD_GONE;
    s->report->asleep += s->threads[i].state == THREAD_ASLEEP;
  }
  if (!s->report->threads) return -ESRCH;
  return found;
}

/* How long a thread that was interrupted may take to stop when all others are let go. */
#define LATE_NS 100000000ull

void session_release(struct session *s) {
  for (uint32_t i = 0; i < s->count; i++)
    if (s->threads[i].state == THREAD_STOPPED) thread_release(s, &s->threads[i]);
  /* What the interrupt does to a system call is undone when the thread stops. */
  uint64_t deadline = sys_now() + LATE_NS;
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    int late = t->state == THREAD_SEIZED || (t->state == THREAD_ASLEEP && t->interrupted);
    if (late && thread_await_stop(s, t, deadline) == 0) thread_release(s, t);
    if (s->followed && (late || t->state == THREAD_RUNNING) && t->state != THREAD_GONE) follow_late(t);
  }
  if (s->stopped_since) s->report->pause_ns += sys_now() - s->stopped_since;
  s->stopped_since = 0;
}

/* ---- who works for us ------------------------------------------------------------------------------------------ */

struct thread *session_stopped(struct session *s) {
  struct thread *best = NULL;
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    if (t->state != THREAD_STOPPED || t->filtered) continue;
    if (!regs_are_of(&t->regs, s->compat) || !regs_are_of_a_program(&t->regs)) continue;
    /* One that stands in a system call is in no restartable sequence (rseq) and, by luck, in no hurry. */
    if (!t->group_stop && regs_in_syscall(&t->regs)) return t;
    if (!best || (best->group_stop && !t->group_stop)) best = t;
  }
  return best;
}

static struct thread *woken_runner(struct session *s) {
  for (struct thread *t; (t = sleeper_choose(s)) != NULL;) {
    t->stubborn = 1;
    if (thread_state_letter(s, t->tid) == 'D') continue; /* perhaps for long: others first */
    int r = sleeper_wake(s, t, s->deadline);
    if (r == 0 && regs_are_of(&t->regs, s->compat)) return t;
    if (r == 0 || r == -ESRCH) continue;
    s->report->culprit = t->tid;
    t->state = THREAD_ASLEEP; /* it still is: whoever looks through stacks must not pass it over */
    t->interrupted = 1;
  }
  /* The first of the others that stops will do. */
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    if (!t->stubborn || t->state != THREAD_ASLEEP) continue;
    (void)thread_interrupt(s, t);
    t->state = THREAD_ASLEEP;
    t->interrupted = 1;
    s->report->culprit = t->tid;
  }
  uint32_t waiting = 1;
  for (uint32_t round = 0; waiting && sys_now() < s->deadline; round++) {
    waiting = 0;
    for (uint32_t i = 0; i < s->count; i++) {
      struct thread *t = &s->threads[i];
      if (!t->interrupted || t->state != THREAD_ASLEEP) continue;
      if (thread_await_stop(s, t, 0) == 0 && regs_are_of(&t->regs, s->compat)) return t;
      waiting += t->state == THREAD_ASLEEP;
    }
    session_pause(s, round);
  }
  return NULL;
}

struct thread *session_runner(struct session *s) {
  struct thread *t = session_stopped(s);
  return t ? t : woken_runner(s);
}

/* ---- precedence ------------------------------------------------------------------------------------------------ */

/*
 * While a session lasts its thread takes precedence over everybody else, its timers are exact, and the stop is as short
 * as it can be. Not permitted without CAP_SYS_NICE; then it takes its turns like anybody.
 */
void hurry(struct precedence *before) {
  int fifo_priority = 1;
  before->timer_slack = sys6(NR_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0, 0);
  (void)sys6(NR_prctl, PR_SET_TIMERSLACK, 1, 0, 0, 0, 0);
  before->policy = sys6(NR_sched_getscheduler, 0, 0, 0, 0, 0, 0);
  before->taken = before->policy == SCHED_OTHER &&
                  sys6(NR_sched_setscheduler, 0, SCHED_FIFO, (long)&fifo_priority, 0, 0, 0) == 0;
}

void unhurry(const struct precedence *before) {
  int no_priority = 0;
  if (before->taken) (void)sys6(NR_sched_setscheduler, 0, SCHED_OTHER, (long)&no_priority, 0, 0, 0);
  if (before->timer_slack > 0) (void)sys6(NR_prctl, PR_SET_TIMERSLACK, before->timer_slack, 0, 0, 0, 0);
}
