/*
 * run.c - a session from stop to release; and further ones, for who was still inside our pages.
 */
#include "session.h"

/* A thread in the stub's scratch belongs to a tool that died; it will be out in a moment. */
static int scratch_is_free(struct session *s) {
  for (uint32_t i = 0; i < s->count; i++) {
    const struct thread *t = &s->threads[i];
    if (t->state != THREAD_STOPPED && t->state != THREAD_ASLEEP) continue;
    uint64_t pc = regs_pc(&t->regs);
    if (pc < s->plan->stub_address || pc >= s->plan->stub_address + s->plan->stub_size) continue;
    s->report->culprit = t->tid;
    return 0;
  }
  return 1;
}

/* One session, on the thread that it belongs to. */
static void hold_session(void *context) {
  struct session *s = context;
  int r = session_stop(s);
  if (r == 0 && !scratch_is_free(s)) r = -EAGAIN;
  if (r == 0) r = plan_run(s);
  int finish = remote_finish(s);
  session_release(s);
  if (r == 0) {
    s->report->stage = finish == 0 ? TS_STAGE_DONE : TS_STAGE_FINISH;
    r = finish;
  }
  s->report->error = -r;
}

static int begin_session(struct session *s) {
  if (s->followed) {
    int r = follow_session(s, hold_session);
    if (r < 0) s->report->error = -r;
    return -s->report->error;
  }
  struct precedence before;
  hurry(&before);
  int r = worker_run(hold_session, s, s->plan->flags & TS_FILTERED);
  unhurry(&before);
  if (r < 0) s->report->error = -r;
  return -s->report->error;
}

/* The threads that linger, in a new list. NULL: none, or no memory for it. */
static int32_t *list_lingering(const struct session *s, uint32_t *count) {
  int32_t *list = s->count ? sys_allocate(s->count * sizeof *list) : NULL;
  *count = 0;
  for (uint32_t i = 0; list && i < s->count; i++)
    if (s->threads[i].presence) list[(*count)++] = s->threads[i].tid;
  return list;
}

/* Who merely waits in a system call may do so for hours, or be about to return: a nap is waited for. */
#define NAP_NS 100000000ull

static int is_worth_a_look(const struct ts_report *report, uint64_t since, uint64_t patience) {
  uint64_t waited = sys_now() - since;
  return report->lingering > (waited < NAP_NS ? 0 : report->waiting) && waited < patience;
}

#define FIRST_LOOK_NS 1000000
#define LONGEST_PAUSE_NS 16000000

/*
 * The target runs on. The threads that were inside are looked at again, and nobody else, in sessions of their own, until
 * they are out and the remaining steps are done, or only wait for longer than a nap, or the step's time is over. That they
 * linger is no failure.
 */
static void wait_for_lingering(const struct session *first) {
  const struct ts_report told = *first->report;
  const struct ts_step *step = step_at(first, told.step);
  uint64_t since = sys_now();
  uint32_t size = first->count, count;
  int32_t *list = list_lingering(first, &count);
  struct ts_report report = told;
  for (int64_t pause = FIRST_LOOK_NS; list && is_worth_a_look(&report, since, step->value);) {
    struct session s = *first;
    report = told;
    report.lingering = report.waiting = 0;
    s.report = &report;
    s.threads = NULL;
    s.seen = NULL;
    s.count = s.capacity = s.seen_size = 0;
    s.first_step = told.step;
    s.only = list;
    s.only_count = count;
    sys_sleep_ns(pause);
    if (pause < LONGEST_PAUSE_NS) pause *= 2;
    if (begin_session(&s) < 0) report = told;
    session_free(&s);
  }
  report.threads = told.threads;
  report.asleep = told.asleep;
  *first->report = report;
  if (list) sys_free(list, size * sizeof *list);
}

int ts_run(const void *plan, uint64_t plan_size, void *output, uint64_t output_size, struct ts_report *report) {
  *report = (struct ts_report){.stage = TS_STAGE_PLAN};
  if (!plan_is_well_formed(plan, plan_size, output_size)) {
    report->error = EINVAL;
    return -EINVAL;
  }
  report->stage = TS_STAGE_BEGIN;
  struct session s = {.plan = plan, .report = report, .output = output, .output_size = output_size};
  s.data = (const uint8_t *)plan + s.plan->data_offset;
  s.pid = s.plan->pid;
  s.proc = s.plan->proc;
  s.compat = (s.plan->flags & TS_COMPAT) != 0;
  s.followed = (s.plan->flags & TS_FOLLOWED) != 0;
  s.options = s.followed ? FOLLOW_OPTIONS : SESSION_OPTIONS;
  s.mem = (int)sys_openat(s.proc, "mem", O_RDWR | O_CLOEXEC);
  int r = begin_session(&s);
  if (r == 0 && report->lingering) wait_for_lingering(&s);
  session_free(&s);
  if (s.mem >= 0) (void)sys_close(s.mem);
  return r;
}

/* ---- the rest of the interface ------------------------------------------------------------------------------- */

uint32_t ts_abi(void) { return TS_ABI; }

int ts_lock(int proc) { return (int)sys_flock(proc, LOCK_EX | LOCK_NB); }

int ts_clock(int id, int64_t out[2]) { return (int)sys6(NR_clock_gettime, id, (long)out, 0, 0, 0, 0); }
