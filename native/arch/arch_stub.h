/* arch_stub.h - the self-restoring stub, by which a stopped thread makes a call of ours. */
#ifndef TIMESKEW_ARCH_STUB_H
#define TIMESKEW_ARCH_STUB_H

#include "arch.h"

#define MOST_STUB_BYTES 4096

/*
 * What a thread in a stub has blocked: every signal but ILL, TRAP, BUS, FPE, SEGV and SYS. When an instruction causes
 * one of these while it is blocked, the kernel takes the program's handler for it away.
 */
#define HELD_SIGNALS (~0x400004d8ull)

/*
 * The self-restoring stub: makes one system call, or one function call on a stack of ours, puts back every register
 * and the signal mask that the thread had, and jumps to where it was. It needs no tracer to finish, so the tool may
 * die while a thread runs it.
 */
struct stub {
  /* in */
  uint64_t address; /* of the room for it; then, of the stub, which may be the last part of that */
  uint32_t room;    /* bytes */
  const struct registers *was; /* as the thread stopped */
  const struct vectors *vectors;
  uint64_t mask;               /* its signal mask */
  int call;                    /* 0: system call `function` with `arguments`; 1: call of the function there */
  uint64_t function;
  uint64_t arguments[6]; /* call: [0] only */
  uint64_t stack;        /* call: top of the stack to run on */
  /* out */
  struct registers start; /* what to set to begin */
  uint64_t masked;        /* where to begin instead once every signal is blocked */
  uint64_t done;          /* the second stop at this pc means: done, result in the registers */
  uint8_t code[MOST_STUB_BYTES];
  uint32_t size;
};

static inline void stub_bytes(struct stub *s, const void *bytes, uint32_t n) {
  copy_bytes(s->code + s->size, bytes, n);
  s->size += n;
}

#if defined(__x86_64__)
#include "x86_64_stub.h"
#elif defined(__aarch64__)
#include "aarch64_stub.h"
#else
#error "no helper for this machine yet"
#endif

#endif
