/*
 * plan.c - carries out one plan: stop, the steps in order, on failure their inverses in reverse, release.
 */
#include "session.h"

static const struct ts_step *step_at(const struct session *s, uint32_t i) {
  return (const struct ts_step *)(s->plan + 1) + i;
}

/* ---- single steps ------------------------------------------------------------------------------------------- */

static int check(struct session *s, uint64_t address, const uint8_t *expected, uint64_t n) {
  uint8_t found[256];
  for (uint64_t at = 0; at < n;) {
    uint64_t take = n - at < sizeof found ? n - at : sizeof found;
    int r = memory_read(s, address + at, found, take);
    if (r < 0) return r;
    if (!same_bytes(found, expected + at, take)) return -ESTALE;
    at += take;
  }
  return 0;
}

static int unmap(struct session *s, uint64_t address, uint64_t length) {
  const uint64_t arguments[6] = {address, length, 0, 0, 0, 0};
  int64_t result = 0;
  int r = remote_syscall(s, REMOTE_munmap, arguments, &result);
  return r ? r : (int)result;
}

static int map(struct session *s, uint64_t address, uint64_t length, uint64_t protection) {
  const uint64_t arguments[6] = {
      address, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, ~0ull, 0};
  int64_t result = 0;
  int r = remote_syscall(s, REMOTE_mmap, arguments, &result);
  if (r) {
    /* It may have been made before the way back failed. */
    if ((uint64_t)result == address) (void)!unmap(s, address, length);
    return r;
  }
  if (result < 0 && result > -4096) return (int)result;
  if ((uint64_t)result == address) return 0;
  /* Linux before 4.17 takes the address for a hint. */
  r = unmap(s, (uint64_t)result, length);
  return r ? r : -EEXIST;
}

static int patch(struct session *s, uint64_t address, const uint8_t *old, const uint8_t *new) {
  int r = check(s, address, old, 8);
  if (r < 0) return r;
  r = memory_poke(s, address, new);
  if (r == 0) r = check(s, address, new, 8);
  if (r < 0 && r != -ESRCH) (void)!memory_poke(s, address, old);
  return r;
}

/* The inverse, also of a patch that failed before or behind its write. */
static int unpatch(struct session *s, uint64_t address, const uint8_t *old, const uint8_t *new) {
  return check(s, address, old, 8) == 0 ? 0 : patch(s, address, new, old);
}

static int move(struct session *s, const struct ts_pair *pairs, uint32_t count, uint32_t *threads, uint32_t *frames) {
  for (uint32_t i = 0; i < s->count; i++) {
    struct thread *t = &s->threads[i];
    if (t->state != THREAD_STOPPED && t->state != THREAD_ASLEEP) continue;
    for (uint32_t p = 0; p < count && t->state == THREAD_STOPPED; p++) {
      if (regs_pc(&t->regs) != pairs[p].from) continue;
      regs_set_pc(&t->regs, pairs[p].to);
      int r = thread_store(t, &t->regs);
      if (r < 0 && r != -ESRCH) return r;
      ++*threads;
      break;
    }
    if (t->clear) continue;
    int r = stacks_move(s, t, pairs, count, frames);
    if (r < 0 && r != -ESRCH) return r;
    t->clear = t->state == THREAD_STOPPED || sleeper_slept_on(t);
  }
  return 0;
}

static int move_all(struct session *s, const struct ts_step *step, const struct ts_pair *pairs) {
  s->moves = step;
  int r = session_refresh(s);
  if (r < 0 || !step->count) return r;
  return move(s, pairs, step->count, &s->report->moved, &s->report->frames);
}

/* The inverse of a move: the same pairs, the other way round. */
static int move_back(struct session *s, const struct ts_pair *pairs, uint32_t count) {
  uint32_t ignored = 0;
  s->moves = NULL;
  for (uint32_t p = 0; p < count; p++) {
    for (uint32_t i = 0; i < s->count; i++) s->threads[i].clear = 0;
    const struct ts_pair back = {pairs[p].to, pairs[p].from};
    int r = move(s, &back, 1, &ignored, &ignored);
    if (r < 0) return r;
  }
  return 0;
}

static int carry_out(struct session *s, const struct ts_step *step) {
  const uint8_t *a = s->data + step->a, *b = s->data + step->b;
  switch (step->op) {
    case TS_CHECK:
      return check(s, step->address, a, step->length);
    case TS_MAP:
      return map(s, step->address, step->length, step->value);
    case TS_UNMAP:
      return unmap(s, step->address, step->length);
    case TS_WRITE:
      return memory_write(s, step->address, a, step->length);
    case TS_PATCH:
      s->entered = 1;
      return patch(s, step->address, a, b);
    case TS_MOVE:
      return move_all(s, step, (const struct ts_pair *)a);
    case TS_CALL:
      return remote_call(s, step->address, step->value, step->value2);
    case TS_READ:
      return memory_read(s, step->address, s->output + step->a, step->length);
    case TS_DRAIN:
      s->committed = 1;
      return drain(s, step, &s->report->lingering);
  }
  return -EINVAL;
}

static int undo(struct session *s, const struct ts_step *step) {
  const uint8_t *a = s->data + step->a, *b = s->data + step->b;
  switch (step->op) {
    case TS_MAP:
      return unmap(s, step->address, step->length);
    case TS_WRITE:
      return step->flags & TS_HAS_OLD ? memory_write(s, step->address, b, step->length) : 0;
    case TS_PATCH:
      return unpatch(s, step->address, a, b);
    case TS_MOVE:
      return move_back(s, (const struct ts_pair *)a, step->count);
  }
  return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------------------- */

static int in_data(const struct ts_plan *p, uint32_t offset, uint64_t n) {
  return offset <= p->data_size && n <= p->data_size - offset;
}

static int well_formed(const struct ts_plan *p, uint64_t size, uint64_t output_size) {
  if (size < sizeof *p || p->magic != TS_PLAN_MAGIC || p->abi != TS_ABI || p->pid <= 0) return 0;
  uint64_t steps_end = sizeof *p + (uint64_t)p->step_count * sizeof(struct ts_step);
  if (p->step_count > 4096 || p->data_offset < steps_end || (uint64_t)p->data_offset + p->data_size != size) return 0;
  if (p->data_offset % 8 || !in_data(p, p->stub_pristine, p->stub_size)) return 0;
  for (uint32_t i = 0; i < p->step_count; i++) {
    const struct ts_step *step = (const struct ts_step *)(p + 1) + i;
    int ok = 1;
    switch (step->op) {
      case TS_CHECK:
        ok = in_data(p, step->a, step->length);
        break;
      case TS_WRITE:
        ok = in_data(p, step->a, step->length) &&
             (!(step->flags & TS_HAS_OLD) || in_data(p, step->b, step->length));
        break;
      case TS_PATCH:
        ok = step->address % 8 == 0 && in_data(p, step->a, 8) && in_data(p, step->b, 8);
        break;
      case TS_MOVE:
        ok = step->a % 8 == 0 && in_data(p, step->a, (uint64_t)step->count * sizeof(struct ts_pair));
        break;
      case TS_READ:
        ok = step->a <= output_size && step->length <= output_size - step->a;
        break;
      case TS_MAP:
      case TS_UNMAP:
      case TS_CALL:
      case TS_DRAIN:
        break;
      default:
        ok = 0;
    }
    if (!ok) return 0;
  }
  return 1;
}

int plan_passes_over(struct session *s, struct thread *t) {
  for (uint32_t i = s->first_step; i < s->plan->step_count; i++) {
    const struct ts_step *step = step_at(s, i);
    if (step->op == TS_MOVE && stacks_count(s, t, (const struct ts_pair *)(s->data + step->a), step->count)) return 0;
    if (step->op == TS_DRAIN && stacks_inside(s, t, step)) return 0;
    if (step->op == TS_MOVE) return 1; /* those that follow concern who is not asleep */
  }
  return 1;
}

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

/*
 * Whether our pages may go: nobody can be inside whom we have not seen stopped since the first jump was written. A
 * sleeper that woke up meanwhile may.
 */
static int pages_are_left(struct session *s, uint32_t end) {
  if (!s->entered) return 1;
  uint32_t lingering = 0;
  for (uint32_t i = 0; i < end; i++) {
    const struct ts_step *step = step_at(s, i);
    if (step->op == TS_MAP && step->value & PROT_EXEC && (drain(s, step, &lingering) < 0 || lingering)) return 0;
  }
  return 1;
}

/* Undoes the steps before `failed`, and what the failing one may have done by half. */
static void roll_back(struct session *s, uint32_t failed) {
  uint32_t op = step_at(s, failed)->op, first = failed + (uint32_t)(op == TS_MOVE || op == TS_WRITE || op == TS_PATCH);
  int left = -1; /* not known yet */
  s->report->rollback = TS_ROLLBACK_DONE;
  if (s->stub_lost) { /* what the stub was about to do may happen yet */
    s->report->rollback = TS_ROLLBACK_FAILED;
    s->report->rollback_errno = ETIMEDOUT;
  }
  for (uint32_t i = first; i-- > 0;) {
    const struct ts_step *step = step_at(s, i);
    if (step->op == TS_MAP && left < 0) left = pages_are_left(s, first);
    int r = step->op == TS_MAP && !left ? -EBUSY : undo(s, step);
    if (r >= 0) continue;
    /* Go on: the more is undone, the better. But to what may still be jumped to has to stay. */
    if (step->op == TS_PATCH || step->op == TS_MOVE) left = 0;
    s->report->rollback = TS_ROLLBACK_FAILED;
    if (!s->report->rollback_errno) s->report->rollback_errno = -r;
  }
}

static int run_steps(struct session *s) {
  s->report->stage = TS_STAGE_STEP;
  for (uint32_t i = s->first_step; i < s->plan->step_count; i++) {
    s->report->step = i;
    int r = carry_out(s, step_at(s, i));
    if (r < 0) {
      if (!s->committed) roll_back(s, i);
      return r;
    }
    if (s->report->lingering) return 0; /* threads are inside: what follows the drain stays undone */
  }
  s->report->step = s->plan->step_count;
  return 0;
}

/* One session, on the thread that it belongs to. */
static void hold_session(void *context) {
  struct session *s = context;
  int r = session_stop(s);
  if (r == 0 && !scratch_is_free(s)) r = -EAGAIN;
  if (r == 0) r = run_steps(s);
  int finish = remote_finish(s);
  session_release(s);
  if (r == 0) {
    s->report->stage = finish == 0 ? TS_STAGE_DONE : TS_STAGE_FINISH;
    r = finish;
  }
  s->report->error = -r;
}

static int begin_session(struct session *s) {
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
    if (s->threads[i].inside) list[(*count)++] = s->threads[i].tid;
  return list;
}

#define FIRST_LOOK_NS 1000000
#define LONGEST_PAUSE_NS 16000000

/*
 * The target runs on. The threads that were inside are looked at again, and nobody else, in sessions of their own, until
 * they are out and the remaining steps are done, or the step's time is over. That they linger is no failure.
 */
static void wait_for_lingering(const struct session *first) {
  const struct ts_report told = *first->report;
  const struct ts_step *step = step_at(first, told.step);
  uint64_t deadline = sys_now() + step->value;
  uint32_t size = first->count, count;
  int32_t *list = list_lingering(first, &count);
  struct ts_report report = told;
  for (int64_t pause = FIRST_LOOK_NS; list && report.lingering && sys_now() < deadline;) {
    struct session s = *first;
    report = told;
    report.lingering = 0;
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
  if (!well_formed(plan, plan_size, output_size)) {
    report->error = EINVAL;
    return -EINVAL;
  }
  struct session s = {.plan = plan, .report = report, .output = output, .output_size = output_size};
  s.data = (const uint8_t *)plan + s.plan->data_offset;
  s.pid = s.plan->pid;
  s.proc = s.plan->proc;
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
