/*
 * drain.c - waits until no thread can be inside our pages any more, so that they can be unmapped.
 *
 * The jumps are gone by now, so nobody enters again: a thread once seen outside is outside for good. Threads that
 * are inside need a fraction of a microsecond to leave, if only they run; so each is let run for a moment while the
 * others, who would compete for the processor, still stand. Whoever is not out after a few turns (parked in a signal
 * handler above our frame, stopped by job control) is let go with everybody else, and looked at again later, in a session
 * of its own (plan.c).
 */
#include "session.h"

/* How long a thread runs in its first, second, … turn, in ns: it needs less, but has to get a processor first. */
static const int64_t TURNS_NS[] = {20000, 100000, 500000, 2000000};
#define TURNS (int)(sizeof TURNS_NS / sizeof *TURNS_NS)
/* How long the others may be kept standing for it: some time, and some for each thread that is inside. */
#define HELD_NS 20000000ull
#define HELD_PER_THREAD_NS 80000ull
#define STOP_TIMEOUT_NS 500000000ull

/*
 * One that sleeps. If it is inside while we look at its stack, and still is when it is seen asleep again, it has been
 * inside all the time, and what shows that has not changed under our eyes. If it woke up, it is stopped and looked at.
 */
static enum presence sleeper_presence(struct session *s, struct thread *t, const struct pages *pages) {
  if (t->clear && sleeper_slept_on(t)) return OUTSIDE;
  if (sleeper_look(s, t)) {
    enum presence looked = presence_of(s, t, pages);
    if (sleeper_is_still(s, t)) return looked;
  }
  (void)thread_interrupt(s, t);
  int r = thread_await_stop(s, t, sys_now() + STOP_TIMEOUT_NS);
  if (r == -ESRCH) return OUTSIDE;
  return r < 0 ? INSIDE : presence_of(s, t, pages);
}

static enum presence presence_in(struct session *s, struct thread *t, const struct pages *pages) {
  switch (t->state) {
    case THREAD_ASLEEP:
      return sleeper_presence(s, t, pages);
    case THREAD_STOPPED:
      return presence_of(s, t, pages);
    case THREAD_GONE:
      return OUTSIDE;
  }
  return INSIDE; /* out of sight */
}

/* Lets a stopped thread run for a moment, stops it again and looks. -errno only where that went wrong. */
static int give_a_turn(struct session *s, struct thread *t, const struct pages *pages, int64_t ns) {
  int r = 0;
  /* From the stop at a call of ours the kernel would not restart its own. */
  if (t->called) r = thread_stop_again(s, t, 0, sys_now() + STOP_TIMEOUT_NS);
  if (r == 0) {
    if (sys_ptrace(PTRACE_CONT, t->tid, 0, 0) < 0) return 0;
    t->state = THREAD_RUNNING;
    sys_sleep_ns(ns);
    if (thread_interrupt(s, t) < 0) return 0;
    r = thread_await_stop(s, t, sys_now() + STOP_TIMEOUT_NS);
  }
  if (r == -ESRCH) {
    t->presence = OUTSIDE;
    return 0;
  }
  if (r < 0) return r;
  t->presence = (uint8_t)presence_of(s, t, pages);
  return 0;
}

static uint32_t count(const struct session *s, enum presence least, enum presence most) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->count; i++) n += s->threads[i].presence >= least && s->threads[i].presence <= most;
  return n;
}

int drain(struct session *s, const struct pages *pages, uint32_t *lingering, uint32_t *waiting) {
  for (uint32_t i = 0; i < s->count; i++)
    s->threads[i].presence = (uint8_t)presence_in(s, &s->threads[i], pages);
  uint64_t budget_end = sys_now() + HELD_NS + count(s, INSIDE, INSIDE) * HELD_PER_THREAD_NS;
  for (int turn = 0; turn < TURNS; turn++) {
    for (uint32_t i = 0; i < s->count && sys_now() < budget_end; i++) {
      struct thread *t = &s->threads[i];
      if (t->presence != INSIDE || t->state != THREAD_STOPPED || t->group_stop) continue;
      int r = give_a_turn(s, t, pages, TURNS_NS[turn]);
      if (r < 0 && r != -ETIMEDOUT) return r;
    }
  }
  *lingering = count(s, WAITING, INSIDE);
  *waiting = count(s, WAITING, WAITING);
  return 0;
}
