/*
 * presence.c - who is inside our pages: executes our code, may return to it, or is in a system call that may yet read a
 * time from our tables.
 *
 * Our code is never executed by one range alone (what is called from an island is in the payload, and returns), so who
 * is in one range is in all.
 */
#include "arch/arch_calls.h"
#include "session.h"

static int has_arguments_of_ours(const struct registers *regs, const struct pages *pages) {
  struct registers r = *regs;
  for (int i = 0; i < 6; i++)
    if (in_ranges(*regs_argument(&r, i), pages->tables, pages->table_count)) return 1;
  return 0;
}

int is_about_to_read(struct session *s, const struct registers *regs, const struct pages *pages) {
  uint8_t next[SYSCALL_BYTES];
  if (!has_arguments_of_ours(regs, pages)) return 0;
  int r = memory_read(s, regs_pc(regs), next, sizeof next);
  if (r < 0) return r != -EFAULT; /* not known: as good as inside */
  return is_system_call(next, regs);
}

/* In uninterruptible sleep (D) a call may be waiting for the very page that the time is on. */
static enum presence presence_asleep(const struct session *s, const struct thread *t, const struct pages *pages) {
  if (in_ranges(regs_pc(&t->regs), pages->code, pages->code_count)) return WAITING;
  if (!has_arguments_of_ours(&t->regs, pages)) return OUTSIDE;
  if (!sleeper_has_read(&t->regs)) return WAITING;
  char letter = thread_state_letter(s, t->tid);
  return letter == 'S' || letter == 'T' || letter == 't' ? OUTSIDE : INSIDE;
}

/* Or has been woken, and will wait again. */
static int waits_in_a_call(const struct thread *t) {
  return t->state == THREAD_ASLEEP || regs_begin_again(&t->regs) || regs_resume(&t->regs);
}

/* Registers that were arguments of a call that is over are nobody's. */
static enum presence presence_stopped(struct session *s, const struct thread *t, const struct pages *pages) {
  const struct registers *r = &t->regs;
  if (in_ranges(regs_pc(r), pages->code, pages->code_count)) return waits_in_a_call(t) ? WAITING : INSIDE;
  if (regs_begin_again(r)) return has_arguments_of_ours(r, pages) ? WAITING : OUTSIDE;
  return !regs_resume(r) && is_about_to_read(s, r, pages) ? INSIDE : OUTSIDE;
}

/*
 * The linker keeps what it has read where it likes, so only the gate itself can tell that nobody will come by any more;
 * or that the program has not begun, in which the word is the true one by now.
 */
static int has_gate_before_it(struct session *s, const struct thread *t, const struct ts_gate_ahead *gate) {
  uint64_t word;
  if (t->tid != s->pid || (t->state == THREAD_STOPPED && regs_pc(&t->regs) == gate->first)) return 0;
  return memory_read(s, gate->word, &word, sizeof word) < 0 || word != 0;
}

/* A 32-bit program's calls with times are made by our code, which has the vDSO make them. */
static int is_in_a_call_of_ours(struct session *s, const struct thread *t, const struct pages *pages) {
  if (!in_range(regs_pc(&t->regs), &pages->called)) return 0;
  return in_ranges(stacks_return_address(s, &t->regs), pages->code, pages->code_count);
}

static enum presence presence_here(struct session *s, const struct thread *t, const struct pages *pages) {
  if (is_in_a_call_of_ours(s, t, pages)) return waits_in_a_call(t) ? WAITING : INSIDE;
  return t->state == THREAD_ASLEEP ? presence_asleep(s, t, pages) : presence_stopped(s, t, pages);
}

enum presence presence_of(struct session *s, struct thread *t, const struct pages *pages) {
  enum presence here = presence_here(s, t, pages);
  if (here != OUTSIDE) return here;
  if (pages->gate && has_gate_before_it(s, t, pages->gate)) return waits_in_a_call(t) ? WAITING : INSIDE;
  return stacks_lead_inside(s, t, pages) ? INSIDE : OUTSIDE;
}
