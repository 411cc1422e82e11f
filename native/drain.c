/*
 * drain.c - waits until no thread can be inside our pages any more, so that they can be unmapped.
 *
 * The jumps are gone by now, so nobody enters again: a thread once seen outside is outside for good. Threads that
 * are inside need a fraction of a microsecond to leave, if only they run; so each is let run for a moment while the
 * others, who would compete for the processor, still stand. Whoever is not out after a few turns (parked in a signal
 * handler above our frame, stopped by job control) is released with everybody else and looked at again, alone, until
 * the step's time is over.
 */
#include "session.h"

/* How long a thread runs in its first, second, … turn, in ns: it needs less, but has to get a processor first. */
static const int64_t TURNS_NS[] = {20000, 100000, 500000, 2000000};
#define TURNS (int)(sizeof TURNS_NS / sizeof *TURNS_NS)
/* How long the others may be kept standing for it: some time, and some for each thread that is inside. */
#define HELD_NS 20000000ull
#define HELD_PER_THREAD_NS 80000ull
#define STOP_TIMEOUT_NS 500000000ull

static int inside(struct session *s, const struct ts_step *step, struct thread *t) {
  return stacks_inside(s, t, step->address, step->address + step->length,
                       (const struct ts_pair *)(s->data + step->a), step->count);
}

/* Lets a stopped thread run for a moment, stops it again and looks. -errno only where that went wrong. */
static int give_a_turn(struct session *s, const struct ts_step *step, struct thread *t, int64_t ns) {
  if (sys_ptrace(PTRACE_CONT, t->tid, 0, 0) < 0) return 0;
  t->state = THREAD_RUNNING;
  sys_sleep_ns(ns);
  if (thread_interrupt(t) < 0) return 0;
  int r = thread_await_stop(s, t, sys_now() + STOP_TIMEOUT_NS);
  if (r == -ESRCH) {
    t->inside = 0;
    return 0;
  }
  if (r < 0) return r;
  t->inside = (uint8_t)inside(s, step, t);
  return 0;
}

static uint32_t count_inside(const struct session *s) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->count; i++) n += s->threads[i].inside;
  return n;
}

/*
 * Everybody goes on; the ones inside are stopped for a look, time and again. Leaves one of them stopped when all are
 * out, for the remote calls that follow.
 */
static int drain_released(struct session *s, const struct ts_step *step) {
  uint64_t deadline = sys_now() + step->value;
  int64_t pause = 1000000;
  session_release(s);
  for (;;) {
    for (uint32_t i = 0; i < s->count; i++) {
      struct thread *t = &s->threads[i];
      if (!t->inside) continue;
      int r = t->state == THREAD_GONE ? thread_seize(s, t) : 0;
      if (r == -ESRCH) t->inside = 0;
      if (r == 0) (void)thread_interrupt(t);
    }
    struct thread *out = NULL;
    for (uint32_t i = 0; i < s->count; i++) {
      struct thread *t = &s->threads[i];
      if (!t->inside || t->state != THREAD_SEIZED) continue;
      int r = thread_await_stop(s, t, sys_now() + STOP_TIMEOUT_NS);
      if (r == -ESRCH) t->inside = 0;
      if (r < 0) continue; /* still on its way: the next round finds it */
      t->inside = (uint8_t)inside(s, step, t);
      if (!t->inside) out = t;
    }
    for (uint32_t i = 0; i < s->count; i++) {
      struct thread *t = &s->threads[i];
      if (t->state == THREAD_STOPPED && t != out) thread_release(s, t);
    }
    if (!count_inside(s)) return out ? 0 : -ESRCH;
    if (out) thread_release(s, out);
    if (sys_now() > deadline) return 0;
    sys_sleep_ns(pause);
    if (pause < 16000000) pause *= 2;
  }
}

/* The threads that were inside have exited: any other will do for the remote calls that follow. */
static int stop_any(struct session *s) {
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    if (thread_seize(s, t) < 0) continue;
    (void)thread_interrupt(t);
    if (thread_await_stop(s, t, sys_now() + STOP_TIMEOUT_NS) == 0) return 0;
  }
  return -ESRCH;
}

int drain(struct session *s, const struct ts_step *step) {
  s->committed = 1;
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    t->inside = t->state == THREAD_STOPPED && inside(s, step, t);
  }
  uint64_t budget_end = sys_now() + HELD_NS + count_inside(s) * HELD_PER_THREAD_NS;
  for (int turn = 0; turn < TURNS; turn++) {
    for (uint32_t i = 0; i < s->count && sys_now() < budget_end; i++) {
      struct thread *t = &s->threads[i];
      if (!t->inside || t->state != THREAD_STOPPED || t->group_stop) continue;
      int r = give_a_turn(s, step, t, TURNS_NS[turn]);
      if (r < 0 && r != -ETIMEDOUT) return r;
    }
  }
  if (count_inside(s)) {
    int r = drain_released(s, step);
    if (r == -ESRCH) r = stop_any(s);
    if (r < 0) return r;
  }
  s->report->lingering = count_inside(s);
  return 0;
}
