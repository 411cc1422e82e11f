/*
 * shadow.h - shadow stacks (CET, GCS), which hold every return address a second time. Our code returns to where it was
 * called from, and whoever is moved is moved by a jump, so they agree with the stacks at all times; but where a call is
 * given up half-way, what it has left there has to go. The kernel gives no access to a thread that has none.
 */
#ifndef TIMESKEW_SHADOW_H
#define TIMESKEW_SHADOW_H

#include "sys.h"

#if defined(__x86_64__)
#define SHADOW_STACK_REGSET 0x204 /* NT_X86_SHSTK: the pointer */
#else
#define SHADOW_STACK_REGSET 0x410 /* NT_ARM_GCS: what is switched on, what is locked, the pointer */
#endif

struct shadow {
  uint64_t words[3];
  size_t size; /* 0: there is none */
};

static inline void shadow_keep(int tid, struct shadow *shadow) {
  struct iovec io = {shadow->words, sizeof shadow->words};
  long r = sys_ptrace(PTRACE_GETREGSET, tid, SHADOW_STACK_REGSET, (uintptr_t)&io);
  shadow->size = r < 0 ? 0 : io.length;
}

static inline int shadow_give_back(int tid, const struct shadow *shadow) {
  struct iovec io = {(void *)(uintptr_t)shadow->words, shadow->size};
  return shadow->size ? (int)sys_ptrace(PTRACE_SETREGSET, tid, SHADOW_STACK_REGSET, (uintptr_t)&io) : 0;
}

#endif
