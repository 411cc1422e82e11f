/*
 * patch.c - rewrites the target's code, 8 bytes by one write each. What is there before and behind the writes is looked
 * at for as many patches at once as there are: a look costs as much as a write.
 */
#include "session.h"

/* Patches whose bytes overlap see what the others have left. */
static int overlaps_another(const struct ts_step *first, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    uint64_t a = first[i].address, b = first[count].address;
    if (a < b + 8 && b < a + 8) return 1;
  }
  return 0;
}

/* How many patches follow each other that do not overlap. */
static uint32_t count_together(const struct session *s, uint32_t at) {
  const struct ts_step *first = step_at(s, at);
  uint32_t n = 1;
  while (n < MOST_WORDS && at + n < s->plan->step_count && first[n].op == TS_PATCH && !overlaps_another(first, n)) n++;
  return n;
}

/* Whether there is what each patch finds, or leaves. Names the first where it is not. */
static int check_some(struct session *s, uint32_t at, uint32_t count, int patched) {
  const struct ts_step *first = step_at(s, at);
  uint64_t words[MOST_WORDS];
  int r = memory_read_words(s, first, count, words);
  for (uint32_t i = 0; r == 0 && i < count; i++) {
    s->report->step = at + i;
    if (!same_bytes(&words[i], s->data + (patched ? first[i].b : first[i].a), 8)) r = -ESTALE;
  }
  return r;
}

int patch_some(struct session *s, uint32_t at, uint32_t *begun) {
  uint32_t count = count_together(s, at);
  int r = check_some(s, at, count, 0);
  s->entered |= r == 0;
  while (r == 0 && *begun < count) {
    const struct ts_step *step = step_at(s, at + *begun);
    s->report->step = at + *begun;
    r = memory_poke(s, step->address, s->data + step->b);
    ++*begun;
  }
  return r == 0 ? check_some(s, at, count, 1) : r;
}

int patch_undo(struct session *s, const struct ts_step *step) {
  const uint8_t *old = s->data + step->a, *new = s->data + step->b;
  if (plan_check(s, step->address, old, 8) == 0) return 0; /* the write has failed */
  int r = plan_check(s, step->address, new, 8);
  if (r == 0) r = memory_poke(s, step->address, old);
  return r == 0 ? plan_check(s, step->address, old, 8) : r;
}
