/*
 * stacks.c - looks through a thread's stacks for addresses of ours.
 *
 * Conservative: every word from the stack pointer up to the end of the mapping (or a bound) is taken for what it
 * might be. Words below the stack pointer are dead: nobody returns there. What looks like a signal frame leads to where
 * it would return to, be it on another stack (a handler may run on an alternate one) or beyond the bound.
 */
#include "session.h"

/* More than the frames of any handler that stands above what it has interrupted. */
#define SCAN_BYTES (256 * 1024)
#define CHUNK_PAGES 8
#define CHUNK_WORDS (CHUNK_PAGES * PAGE / 8)
/* Handlers in handlers on stacks of their own; or forged frames that lead around. */
#define MOST_STACKS 16

/* A stack that somebody goes on with: the thread, or what a signal has interrupted. */
struct stack {
  struct ts_range range;
  int called; /* by code that our code calls: a return address may lead to ours */
};

struct walk {
  struct session *s;
  /* Looks at one word, which is followed by SIGNAL_FRAME_WORDS - 1 others (or zeros): 0, or what to end with. */
  int (*look)(struct walk *, const struct stack *, uint64_t at, const uint64_t *word);
  struct stack stacks[MOST_STACKS];
  uint32_t known, done;
  int overflow; /* there were more than we went to */

  const struct ts_pair *pairs;
  uint32_t count;
  uint32_t changed;
  const struct pages *pages; /* or NULL: nobody wants to know who called whom */
};

/* Somebody at this pc goes on with this stack pointer. */
static void go_there_too(struct walk *w, uint64_t pc, uint64_t sp) {
  int called = w->pages && in_range(pc, &w->pages->called);
  for (uint32_t i = 0; i < w->known; i++)
    if (in_range(sp, &w->stacks[i].range) && w->stacks[i].called >= called) return;
  if (w->known == MOST_STACKS) {
    w->overflow = 1;
    return;
  }
  w->stacks[w->known++] = (struct stack){{sp & ~7ull, (sp & ~7ull) + SCAN_BYTES}, called};
}

/* The frame whose pc stands at `at`. Whether it leads to a call that reads our tables; -errno where that is not known. */
static int follow_frame(struct walk *w, uint64_t at, uint64_t pc) {
  struct signal_frame frame;
  struct registers regs;
  int r = memory_read(w->s, at - sizeof frame, &frame, sizeof frame);
  if (r < 0) return r == -EFAULT ? 0 : r; /* in a hole: not a frame */
  regs_of_frame(&regs, &frame, pc);
  go_there_too(w, pc, regs_sp(&regs));
  return w->pages && is_about_to_read(w->s, &regs, w->pages);
}

/* One stack, upwards. Its range ends where its memory does. */
static int walk_stack(struct walk *w, struct stack *stack) {
  struct ts_range *range = &stack->range;
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
      int r = is_signal_frame_pc(words + i) ? follow_frame(w, at + i * 8, words[i]) : 0;
      if (r == 0) r = w->look(w, stack, at + i * 8, words + i);
      if (r) return r;
    }
    at += (uint64_t)got;
  }
  return 0;
}

static int walk(struct walk *w, const struct thread *t) {
  go_there_too(w, regs_pc(&t->regs), regs_sp(&t->regs));
  for (; w->done < w->known; w->done++) {
    int r = walk_stack(w, &w->stacks[w->done]);
    if (r) return r;
  }
  return 0;
}

/* ---- signal frames ---------------------------------------------------------------------------------------------- */

static int move_frame(struct walk *w, const struct stack *stack, uint64_t at, const uint64_t *word) {
  (void)stack;
  for (uint32_t i = 0; i < w->count; i++) {
    if (word[0] != w->pairs[i].from || !is_signal_frame_pc(word)) continue;
    int r = memory_poke(w->s, at, &w->pairs[i].to);
    if (r < 0) return r;
    w->changed++;
  }
  return 0;
}

static int count_frame(struct walk *w, const struct stack *stack, uint64_t at, const uint64_t *word) {
  (void)stack;
  (void)at;
  for (uint32_t i = 0; i < w->count; i++) w->changed += word[0] == w->pairs[i].from && is_signal_frame_pc(word);
  return 0;
}

uint32_t stacks_count(struct session *s, struct thread *t, const struct ts_pair *pairs, uint32_t count) {
  struct walk w = {.s = s, .look = count_frame, .pairs = pairs, .count = count};
  (void)walk(&w, t);
  return w.changed;
}

int stacks_move(struct session *s, struct thread *t, const struct ts_pair *pairs, uint32_t count, uint32_t *changed) {
  struct walk w = {.s = s, .look = move_frame, .pairs = pairs, .count = count};
  int r = walk(&w, t);
  *changed += w.changed;
  return r;
}

/* ---- return addresses ------------------------------------------------------------------------------------------- */

/*
 * Our code calls nothing but itself and the vDSO's functions. So a thread that is in neither is inside only by way of a
 * signal frame. Any other word that points to our pages is what an earlier call has left in a frame that does not use its
 * every word, and may stay there for as long as the program runs.
 */
static int look_inside(struct walk *w, const struct stack *stack, uint64_t at, const uint64_t *word) {
  (void)at;
  return (stack->called || is_signal_frame_pc(word)) && in_ranges(word[0], w->pages->code, w->pages->code_count);
}

int stacks_lead_inside(struct session *s, struct thread *t, const struct pages *pages) {
  struct walk w = {.s = s, .look = look_inside, .pages = pages};
  return walk(&w, t) || w.overflow;
}
