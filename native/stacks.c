/*
 * stacks.c - looks through a thread's stacks for addresses of ours.
 *
 * Conservative: every word from the stack pointer up to the end of the mapping (or a bound) is taken for what it
 * might be. Words below the stack pointer are dead: nobody returns there. What looks like a signal frame leads to where
 * it would return to, be it on another stack (a handler may run on an alternate one) or beyond the bound.
 */
#include "session.h"

/* More than the frames of any handler that stands above what it has interrupted. */
#define SCAN_BYTES (512 * 1024)
#define CHUNK_PAGES 4
#define PAGE 4096
#define CHUNK_WORDS (CHUNK_PAGES * PAGE / 8)
/* Handlers in handlers on stacks of their own; or forged frames that lead around. */
#define MOST_STACKS 16

struct range {
  uint64_t start, end;
};

struct walk {
  struct session *s;
  /* Looks at one word, which is followed by SIGNAL_FRAME_WORDS - 1 others (or zeros): 0, or what to end with. */
  int (*look)(struct walk *, uint64_t at, const uint64_t *word);
  struct range seen[MOST_STACKS];
  uint32_t known, done;
  int overflow; /* there were more than we went to */

  const struct ts_pair *pairs;
  uint32_t count;
  uint32_t changed;
  uint64_t start, end;
};

static void go_there_too(struct walk *w, uint64_t sp) {
  for (uint32_t i = 0; i < w->known; i++)
    if (sp >= w->seen[i].start && sp < w->seen[i].end) return;
  if (w->known == MOST_STACKS) {
    w->overflow = 1;
    return;
  }
  w->seen[w->known++] = (struct range){sp & ~7ull, (sp & ~7ull) + SCAN_BYTES};
}

/* The frame whose pc stands at `at` will go on with this stack pointer. */
static void follow_frame(struct walk *w, uint64_t at) {
  uint64_t sp = 0;
  if (memory_read(w->s, at - SIGNAL_FRAME_SP_BEFORE_PC, &sp, sizeof sp) == 0) go_there_too(w, sp);
}

/* One stack, upwards. Its range ends where its memory does. */
static int walk_range(struct walk *w, struct range *range) {
  uint64_t words[CHUNK_WORDS + SIGNAL_FRAME_WORDS];
  for (uint64_t at = range->start; at < range->end;) {
    long got = memory_read_pages(w->s, at, words, CHUNK_WORDS * 8);
    if (got < 0) return (int)got; /* not known: as good as inside */
    if (got == 0) {
      range->end = at; /* what lies behind a hole is another stack */
      return 0;
    }
    size_t n = (size_t)got / 8;
    for (uint32_t i = 0; i < SIGNAL_FRAME_WORDS; i++) words[n + i] = 0;
    (void)!memory_read(w->s, at + (uint64_t)got, words + n, (SIGNAL_FRAME_WORDS - 1) * 8);
    for (size_t i = 0; i < n; i++) {
      if (is_signal_frame_pc(words + i)) follow_frame(w, at + i * 8);
      int r = w->look(w, at + i * 8, words + i);
      if (r) return r;
    }
    at += (uint64_t)got;
  }
  return 0;
}

static int walk(struct walk *w, uint64_t sp) {
  go_there_too(w, sp);
  for (; w->done < w->known; w->done++) {
    int r = walk_range(w, &w->seen[w->done]);
    if (r) return r;
  }
  return 0;
}

/* ---- signal frames ---------------------------------------------------------------------------------------------- */

static int move_frame(struct walk *w, uint64_t at, const uint64_t *word) {
  for (uint32_t i = 0; i < w->count; i++) {
    if (word[0] != w->pairs[i].from || !is_signal_frame_pc(word)) continue;
    int r = memory_poke(w->s, at, &w->pairs[i].to);
    if (r < 0) return r;
    w->changed++;
  }
  return 0;
}

static int count_frame(struct walk *w, uint64_t at, const uint64_t *word) {
  (void)at;
  for (uint32_t i = 0; i < w->count; i++) w->changed += word[0] == w->pairs[i].from && is_signal_frame_pc(word);
  return 0;
}

uint32_t stacks_count(struct session *s, struct thread *t, const struct ts_pair *pairs, uint32_t count) {
  struct walk w = {.s = s, .look = count_frame, .pairs = pairs, .count = count};
  (void)walk(&w, regs_sp(&t->regs));
  return w.changed;
}

int stacks_move(struct session *s, struct thread *t, const struct ts_pair *pairs, uint32_t count, uint32_t *changed) {
  struct walk w = {.s = s, .look = move_frame, .pairs = pairs, .count = count};
  int r = walk(&w, regs_sp(&t->regs));
  *changed += w.changed;
  return r;
}

/* ---- return addresses ------------------------------------------------------------------------------------------- */

static int look_inside(struct walk *w, uint64_t at, const uint64_t *word) {
  (void)at;
  return word[0] >= w->start && word[0] < w->end;
}

int stacks_inside(struct session *s, struct thread *t, uint64_t start, uint64_t end) {
  uint64_t pc = regs_pc(&t->regs);
  if (pc >= start && pc < end) return 1;
  struct walk w = {.s = s, .look = look_inside, .start = start, .end = end};
  return walk(&w, regs_sp(&t->regs)) || w.overflow;
}
