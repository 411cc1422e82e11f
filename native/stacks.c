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
  int linked;   /* somebody returns to our code by a register */

  const struct ts_pair *pairs;
  uint32_t count;
  uint32_t changed;
  const struct pages *pages; /* or NULL: nobody wants to know who called whom */
};

uint64_t stacks_return_address(struct session *s, const struct registers *regs) {
  uint8_t next[RETURN_BYTES];
  uint64_t address = 0;
  uint32_t bytes = stack_word(s->compat);
  if (!s->compat || memory_read(s, regs_pc(regs), next, sizeof next) < 0) return 0;
  int words = words_to_return(next, regs);
  if (words < 0 || memory_read(s, regs_sp(regs) + (uint64_t)words * bytes, &address, bytes) < 0) return 0;
  return address;
}

/*
 * Whether somebody may return to our code from what that calls, the vDSO: any word of the stack may then be the
 * address. 32-bit programs make their own system calls there, too, and mostly it is known who has made one.
 */
static int is_called(struct walk *w, const struct registers *regs) {
  if (!w->pages || !in_range(regs_pc(regs), &w->pages->called)) return 0;
  uint64_t caller = stacks_return_address(w->s, regs);
  return !caller || in_range(caller, &w->pages->called) || in_ranges(caller, w->pages->code, w->pages->code_count);
}

/* Whether a return address leads to our code. */
static int leads_to_code(const struct pages *pages, uint64_t address) {
  for (uint32_t i = 0; i < pages->code_count; i++)
    if (((address - pages->code[i].start) & RETURN_ADDRESS) < pages->code[i].end - pages->code[i].start) return 1;
  return 0;
}

/* Somebody goes on with these registers. */
static void go_there_too(struct walk *w, const struct registers *regs) {
  uint64_t sp = regs_sp(regs), word = stack_word(w->s->compat);
  int called = is_called(w, regs);
  w->linked |= called && leads_to_code(w->pages, regs_link(regs));
  for (uint32_t i = 0; i < w->known; i++)
    if (in_range(sp, &w->stacks[i].range) && w->stacks[i].called >= called) return;
  if (w->known == MOST_STACKS) {
    w->overflow = 1;
    return;
  }
  sp &= ~(word - 1);
  w->stacks[w->known++] = (struct stack){{sp, sp + SCAN_BYTES}, called};
}

/*
 * The frame whose pc stands at `at`. Whether it leads to a call that reads our tables; -errno where that is not known.
 */
static int follow_frame(struct walk *w, uint64_t at, uint64_t pc) {
  union any_signal_frame frame;
  struct registers regs;
  uint32_t bytes = signal_frame_bytes(w->s->compat);
  int r = memory_read(w->s, at - bytes, &frame, bytes);
  if (r < 0) return r == -EFAULT ? 0 : r; /* in a hole: not a frame */
  regs_of_frame(&regs, &frame, pc, w->s->compat);
  go_there_too(w, &regs);
  return w->pages && is_about_to_read(w->s, &regs, w->pages);
}

/* Words of 4 bytes, at the start of an array, become such of 8. */
static void widen(uint64_t *words, size_t n) {
  for (size_t i = n; i-- > 0;) {
    uint32_t half;
    copy_bytes(&half, (const uint8_t *)words + i * sizeof half, sizeof half);
    words[i] = half;
  }
}

/* As many words of a stack as can be had up to a hole, with some behind them, or zeros. Their number, or -errno. */
static long read_stack(struct session *s, uint64_t at, uint64_t words[CHUNK_WORDS + SIGNAL_FRAME_WORDS]) {
  uint32_t bytes = stack_word(s->compat);
  long got = memory_read_pages(s, at, words, (size_t)CHUNK_WORDS * bytes);
  if (got <= 0) return got;
  uint8_t *behind = (uint8_t *)words + got;
  for (uint32_t i = 0; i < SIGNAL_FRAME_WORDS * bytes; i++) behind[i] = 0;
  (void)!memory_read(s, at + (uint64_t)got, behind, (SIGNAL_FRAME_WORDS - 1) * (size_t)bytes);
  size_t n = (size_t)got / bytes;
  if (s->compat) widen(words, n + SIGNAL_FRAME_WORDS);
  return (long)n;
}

/* One stack, upwards. Its range ends where its memory does. */
static int walk_stack(struct walk *w, struct stack *stack) {
  struct ts_range *range = &stack->range;
  uint64_t words[CHUNK_WORDS + SIGNAL_FRAME_WORDS];
  uint32_t bytes = stack_word(w->s->compat);
  for (uint64_t at = range->start; at < range->end;) {
    long n = read_stack(w->s, at, words);
    if (n < 0) return (int)n; /* not known: as good as inside */
    if (n == 0) {
      range->end = at; /* what lies behind a hole is another stack */
      return 0;
    }
    for (long i = 0; i < n; i++, at += bytes) {
      int r = is_signal_frame_pc(words + i, w->s->compat) ? follow_frame(w, at, words[i]) : 0;
      if (r == 0) r = w->look(w, stack, at, words + i);
      if (r) return r;
    }
  }
  return 0;
}

static int walk(struct walk *w, const struct thread *t) {
  go_there_too(w, &t->regs);
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
    if (word[0] != w->pairs[i].from || !is_signal_frame_pc(word, w->s->compat)) continue;
    int r = memory_poke_word(w->s, at, w->pairs[i].to);
    if (r < 0) return r;
    w->changed++;
  }
  return 0;
}

static int count_frame(struct walk *w, const struct stack *stack, uint64_t at, const uint64_t *word) {
  (void)stack;
  (void)at;
  if (!is_signal_frame_pc(word, w->s->compat)) return 0;
  for (uint32_t i = 0; i < w->count; i++) w->changed += word[0] == w->pairs[i].from;
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
 * signal frame. Any other word that points to our pages is what an earlier call has left in a frame that does not use
 * its every word, and may stay there for as long as the program runs.
 */
static int look_inside(struct walk *w, const struct stack *stack, uint64_t at, const uint64_t *word) {
  (void)at;
  if (stack->called && leads_to_code(w->pages, word[0])) return 1;
  return is_signal_frame_pc(word, w->s->compat) && in_ranges(word[0], w->pages->code, w->pages->code_count);
}

int stacks_lead_inside(struct session *s, struct thread *t, const struct pages *pages) {
  struct walk w = {.s = s, .look = look_inside, .pages = pages};
  /* Of a sleeper the register that may say who has called is not known. */
  if (NEEDS_A_LOOK && t->state == THREAD_ASLEEP && in_range(regs_pc(&t->regs), &pages->called)) return 1;
  return walk(&w, t) || w.overflow || w.linked;
}
