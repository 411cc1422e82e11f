/*
 * slot.h - the settings in force, as the payload's functions read them.
 */
#ifndef TIMESKEW_SLOT_H
#define TIMESKEW_SLOT_H

#include "machine.h"
#include "params.h"

/* The parameter pages follow the code; payload.ld says where. */
extern struct ts_params ts_params __attribute__((visibility("hidden")));

#define NSEC_PER_SEC 1000000000
#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID 3
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
/* Clock ids that the kernel's vDSO reads itself: REALTIME MONOTONIC RAW R_COARSE M_COARSE BOOTTIME TAI. */
#define VDSO_CLOCKS 0x8f3u

/* As gettimeofday and old system calls have it: a 32-bit program's has two words of 32 bits. */
struct ts_timeval {
  long sec;
  long usec;
};

/* A 32-bit program's clock_gettime64, of the two that it has. */
typedef long ts_clock_gettime_fn(int id, struct ts_timespec *out);
typedef long ts_gettimeofday_fn(struct ts_timeval *tv, void *tz);
typedef long ts_time_fn(long *out);

ts_clock_gettime_fn ts_clock_gettime, ts_original_clock_gettime;
ts_gettimeofday_fn ts_gettimeofday, ts_original_gettimeofday;
#ifdef TS_HAS_TIME
ts_time_fn ts_time, ts_original_time;
#endif

/* For looking at halves of a field. */
typedef uintptr_t __attribute__((may_alias)) ts_word;

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define out_of_line __attribute__((noinline))

static inline const struct ts_slot *active_slot(void) {
  const struct ts_slot *slots = ts_params.slot;
  __asm__("" : "+r"(slots)); /* one base register: knowing the address, GCC computes each field's anew */
  return &slots[__atomic_load_n(&ts_params.index, __ATOMIC_ACQUIRE) & 1];
}

/*
 * A 32-bit machine loads the lower word: to come back to the same one within a single reading, the settings would have
 * to change four billion times.
 */
static inline uintptr_t begin(const struct ts_slot *slot) {
  return __atomic_load_n((const ts_word *)&slot->generation, __ATOMIC_ACQUIRE);
}

/*
 * In which order others see what the tool writes, on a machine that does not keep to any: each of its writes
 * (process_vm_writev, /proc/PID/mem, PTRACE_POKEDATA) is a system call that ends by giving back a reference to the
 * target's memory, mmput(), an atomic operation with a result, and so a full barrier in the kernel's memory model. So
 * one write is seen before the next; within one there is no order, but aligned words are whole. A reader's part is to
 * load generation and index before and, by the fence, behind what they guard: if it has seen anything of a later write
 * to the slot, it then sees the generation that was made invalid before.
 */

/*
 * Whether the slot has held the same settings since begin(), and is the active one. The index comes first: a slot that
 * was being rewritten at begin() is not active before its generation has changed.
 */
static inline int settled(const struct ts_slot *slot, uintptr_t generation) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return likely(active_slot() == slot) && likely(begin(slot) == generation);
}

/* Each bit is by itself, so it may be loaded in two halves. */
static inline uint64_t selection(const struct ts_slot *slot) {
  const ts_word *words = (const ts_word *)&slot->selected;
  uint64_t selected = __atomic_load_n(words, __ATOMIC_ACQUIRE);
  if (sizeof(*words) < sizeof(selected)) selected |= (uint64_t)__atomic_load_n(words + 1, __ATOMIC_ACQUIRE) << 32;
  return selected;
}

static inline uint32_t kind_of(const struct ts_slot *slot) {
  return __atomic_load_n(&slot->kind, __ATOMIC_RELAXED);
}

static inline const struct ts_slot *other_slot(const struct ts_slot *slot) {
  return slot == ts_params.slot ? slot + 1 : ts_params.slot;
}

/*
 * Both slots, for what depends on both: a profile leaves it to the other slot what is shown before it begins. That slot
 * is not rewritten before the profile has begun on every clock, so whoever takes a view first and reads the time then,
 * never uses a slot that is being rewritten.
 */
struct view {
  const struct ts_slot *slot; /* the active one */
  uintptr_t generations;      /* the sum: both only rise */
};

static inline uintptr_t generations(const struct ts_slot *slot) {
  return begin(slot) + begin(other_slot(slot));
}

static inline struct view view_of(const struct ts_slot *slot) {
  return (struct view){slot, generations(slot)};
}

static inline int stands(const struct view *view) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return likely(active_slot() == view->slot) && likely(generations(view->slot) == view->generations);
}

/*
 * t plus an offset of seconds and 0 .. 999999999 ns, as a slot has it. Unsigned: one that is being rewritten may have
 * anything.
 */
static inline struct ts_timespec plus(struct ts_timespec t, int64_t sec, uint64_t nsec) {
  uint64_t seconds = (uint64_t)t.sec + (uint64_t)sec, rest = (uint64_t)t.nsec + nsec;
  if (rest >= NSEC_PER_SEC) {
    rest -= NSEC_PER_SEC;
    seconds++;
  }
  return (struct ts_timespec){(int64_t)seconds, (int64_t)rest};
}

#endif
