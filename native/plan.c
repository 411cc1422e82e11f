/*
 * plan.c - carries out one plan: the steps in order, on failure their inverses in reverse.
 */
#include "session.h"

/* ---- single steps ------------------------------------------------------------------------------------------- */

int plan_check(struct session *s, uint64_t address, const uint8_t *expected, uint64_t n) {
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

/* munmap answers 0 or -errno. */
#define NOT_MADE 1

/* What has failed behind a call that was made concerns the thread that made it, not the pages: remote_finish tells. */
static int unmap(struct session *s, uint64_t address, uint64_t length) {
  const uint64_t arguments[6] = {address, length, 0, 0, 0, 0};
  int64_t result = NOT_MADE;
  int r = remote_syscall(s, remote_number(REMOTE_MUNMAP, s->compat), arguments, &result);
  return result == NOT_MADE ? r : (int)result;
}

static int map(struct session *s, uint64_t address, uint64_t length, uint64_t protection) {
  const uint64_t arguments[6] = {
      address, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, ~0ull, 0};
  int64_t result = 0;
  int r = remote_syscall(s, remote_number(REMOTE_MMAP, s->compat), arguments, &result);
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

static struct pages pages_of(const struct session *s, const struct ts_step *step, const struct ts_range *waits) {
  return (struct pages){
      .code = (const struct ts_range *)(s->data + step->a),
      .code_count = step->count,
      .tables = waits,
      .table_count = 1,
      .called = {step->value2, s->plan->stub_address + s->plan->stub_size},
      .gate = step->flags & TS_HAS_GATE ? (const struct ts_gate_ahead *)(s->data + step->b) : NULL,
  };
}

static int drain_pages(struct session *s, const struct ts_step *step) {
  const struct ts_range waits = {step->address, step->address + step->length};
  const struct pages pages = pages_of(s, step, &waits);
  return drain(s, &pages, &s->report->lingering, &s->report->waiting);
}

static int carry_out(struct session *s, const struct ts_step *step) {
  const uint8_t *a = s->data + step->a;
  switch (step->op) {
    case TS_CHECK:
      return plan_check(s, step->address, a, step->length);
    case TS_MAP:
      return map(s, step->address, step->length, step->value);
    case TS_UNMAP:
      return unmap(s, step->address, step->length);
    case TS_WRITE:
      return memory_write(s, step->address, a, step->length);
    case TS_MOVE:
      return move_all(s, step, (const struct ts_pair *)a);
    case TS_CALL:
      return remote_call(s, step->address, step->value, step->value2);
    case TS_READ:
      return memory_read(s, step->address, s->output + step->a, step->length);
    case TS_DRAIN:
      s->committed = 1;
      return drain_pages(s, step);
    case TS_OURS:
      return 0;
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
      return patch_undo(s, step);
    case TS_MOVE:
      return move_back(s, (const struct ts_pair *)a, step->count);
  }
  return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------------------- */

static int in_data(const struct ts_plan *p, uint32_t offset, uint64_t n) {
  return offset <= p->data_size && n <= p->data_size - offset;
}

/* A 32-bit program has no more addresses: a step that names others is for somebody else. */
static int has_short_addresses(const struct ts_plan *p, const struct ts_step *step) {
  if (step->address > UINT32_MAX || step->length > UINT32_MAX - step->address) return 0;
  if (step->op == TS_CALL && (step->value > UINT32_MAX || step->value2 > UINT32_MAX)) return 0;
  const struct ts_pair *pairs = (const struct ts_pair *)((const uint8_t *)p + p->data_offset + step->a);
  for (uint32_t i = 0; step->op == TS_MOVE && i < step->count; i++)
    if (pairs[i].from > UINT32_MAX || pairs[i].to > UINT32_MAX) return 0;
  return 1;
}

static int is_for_a_machine(const struct ts_plan *p) {
  if (!(p->flags & TS_COMPAT)) return 1;
  return HAS_COMPAT && p->stub_address <= UINT32_MAX && p->stub_size <= UINT32_MAX - p->stub_address;
}

int plan_is_well_formed(const struct ts_plan *p, uint64_t size, uint64_t output_size) {
  if (size < sizeof *p || p->magic != TS_PLAN_MAGIC || p->abi != TS_ABI || p->pid <= 0) return 0;
  uint64_t steps_end = sizeof *p + (uint64_t)p->step_count * sizeof(struct ts_step);
  if (p->step_count > 4096 || p->data_offset < steps_end || (uint64_t)p->data_offset + p->data_size != size) return 0;
  if (p->data_offset % 8 || !in_data(p, p->stub_pristine, p->stub_size) || !is_for_a_machine(p)) return 0;
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
        ok = within_a_page(step->address, 8) && in_data(p, step->a, 8) && in_data(p, step->b, 8);
        break;
      case TS_MOVE:
        ok = step->a % 8 == 0 && in_data(p, step->a, (uint64_t)step->count * sizeof(struct ts_pair));
        break;
      case TS_DRAIN:
        ok = step->a % 8 == 0 && in_data(p, step->a, (uint64_t)step->count * sizeof(struct ts_range)) &&
             (!(step->flags & TS_HAS_GATE) || (step->b % 8 == 0 && in_data(p, step->b, sizeof(struct ts_gate_ahead))));
        break;
      case TS_READ:
        ok = step->a <= output_size && step->length <= output_size - step->a;
        break;
      case TS_MAP:
      case TS_UNMAP:
      case TS_CALL:
      case TS_OURS:
        break;
      default:
        ok = 0;
    }
    if (!ok || (p->flags & TS_COMPAT && !has_short_addresses(p, step))) return 0;
  }
  return 1;
}

static int is_inside(struct session *s, struct thread *t, const struct ts_step *step) {
  const struct ts_range waits = {step->address, step->address + step->length};
  const struct pages pages = pages_of(s, step, &waits);
  return presence_of(s, t, &pages) != OUTSIDE;
}

int plan_passes_over(struct session *s, struct thread *t) {
  int moved = 0; /* further moves concern who is not asleep */
  for (uint32_t i = s->first_step; i < s->plan->step_count; i++) {
    const struct ts_step *step = step_at(s, i);
    if (step->op == TS_MOVE && !moved++ && stacks_count(s, t, (const struct ts_pair *)(s->data + step->a), step->count)) return 0;
    if (step->op == TS_DRAIN && is_inside(s, t, step)) return 0;
  }
  return 1;
}

/*
 * Whether the pages that the first steps have mapped may go: nobody can be inside whom we have not seen stopped since
 * the first jump was written. A sleeper that woke up meanwhile may.
 */
static int pages_are_left(struct session *s, uint32_t steps) {
  if (!s->entered) return 1;
  /* Code from the start, what is only data from the end. */
  struct ts_range *ranges = sys_allocate(steps * sizeof *ranges);
  struct pages pages = {.code = ranges, .called.end = s->plan->stub_address + s->plan->stub_size};
  uint32_t lingering = 0, waiting = 0;
  if (!ranges) return 0;
  for (uint32_t i = 0; i < steps; i++) {
    const struct ts_step *step = step_at(s, i);
    if (step->op != TS_MAP && step->op != TS_OURS) continue;
    uint32_t is_code = step->op == TS_OURS || step->value & PROT_EXEC;
    uint32_t at = is_code ? pages.code_count++ : steps - ++pages.table_count;
    ranges[at] = (struct ts_range){step->address, step->address + step->length};
    if (step->value2 && (!pages.called.start || step->value2 < pages.called.start)) pages.called.start = step->value2;
  }
  pages.tables = ranges + steps - pages.table_count;
  int r = drain(s, &pages, &lingering, &waiting);
  sys_free(ranges, steps * sizeof *ranges);
  return r == 0 && !lingering;
}

/* Undoes the first steps, of which the last may have been done by half. */
static void roll_back(struct session *s, uint32_t steps) {
  int left = -1; /* not known yet */
  s->report->rollback = TS_ROLLBACK_DONE;
  for (uint32_t i = steps; i-- > 0;) {
    const struct ts_step *step = step_at(s, i);
    if (step->op == TS_MAP && left < 0) left = pages_are_left(s, steps);
    int r = step->op == TS_MAP && !left ? -EBUSY : undo(s, step);
    if (r >= 0) continue;
    /* Go on: the more is undone, the better. But to what may still be jumped to has to stay. */
    if (step->op == TS_PATCH || step->op == TS_MOVE) left = 0;
    s->report->rollback = TS_ROLLBACK_FAILED;
    if (!s->report->rollback_errno) s->report->rollback_errno = -r;
  }
  if (!s->stub_lost) return;
  s->report->rollback = TS_ROLLBACK_FAILED; /* what the stub was about to do may happen yet */
  s->report->rollback_errno = s->stub_lost;
}

/* Carries out the step, or more than one. Tells how many there may be something of to undo. */
static int run_some(struct session *s, uint32_t at, uint32_t *begun) {
  const struct ts_step *step = step_at(s, at);
  s->report->step = at;
  if (step->op == TS_PATCH) return patch_some(s, at, begun);
  int r = carry_out(s, step);
  *begun = r == 0 || step->op == TS_MOVE || step->op == TS_WRITE; /* these may fail half-way */
  return r;
}

int plan_run(struct session *s) {
  s->report->stage = TS_STAGE_STEP;
  for (uint32_t i = s->first_step; i < s->plan->step_count;) {
    uint32_t begun = 0;
    int r = run_some(s, i, &begun);
    i += begun;
    if (r < 0) {
      if (!s->committed) roll_back(s, i);
      return r;
    }
    if (s->report->lingering) return 0; /* threads are inside: what follows the drain stays undone */
  }
  s->report->step = s->plan->step_count;
  return 0;
}
