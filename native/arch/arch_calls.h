/*
 * arch_calls.h - which system call a thread waits in, and what being woken would do to it. The numbers differ from
 * machine to machine, and so does the way in which the kernel restarts a call; the rest is the kernel's behaviour
 * everywhere.
 */
#ifndef TIMESKEW_ARCH_CALLS_H
#define TIMESKEW_ARCH_CALLS_H

#include "arch.h"

/* How a call is told how long to wait. */
enum timeout {
  TIMEOUT_NONE,
  TIMEOUT_MS,       /* an int in a register, negative for ever */
  TIMEOUT_TIMESPEC, /* relative; a pointer in a register, NULL for ever */
  TIMEOUT_TIMESPEC_32, /* the same to a struct timespec_32 */
  TIMEOUT_IPC,      /* ipc: as TIMEOUT_TIMESPEC_32, if argument 0 says semtimedop */
  TIMEOUT_URING,    /* io_uring_enter with IORING_ENTER_EXT_ARG */
  TIMEOUT_SOCKET,   /* perhaps an option of the descriptor (SO_RCVTIMEO, SO_SNDTIMEO) */
};

struct timespec_32 {
  int32_t sec, nsec;
};

/* Of ipc. */
static inline int is_semtimedop(struct registers *r) { return (*regs_argument(r, 0) & 0xffff) == 4; }

struct interruptible {
  uint16_t nr;
  uint8_t timeout;
  uint8_t argument; /* which one, from 0 */
};

/* Calls that the kernel may go on with by a restart block. */
enum resumable { RESUME_NO, RESUME_AGAIN, RESUME_SLEEP, RESUME_CLOCK_SLEEP, RESUME_FUTEX };

#if defined(__x86_64__)
#include "x86_64_calls.h"
#elif defined(__aarch64__)
#include "aarch64_calls.h"
#else
#error "no helper for this machine yet"
#endif

#define TIMER_ABSTIME 1
#define FUTEX_COMMAND (~384u) /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */
#define FUTEX_WAIT_BITSET 9

/*
 * Whether a sleeper's call has read, once and for all, the time to wait for: whatever interrupts it, the kernel goes on
 * by a restart block, if at all. Others are made again from their start, and read it again.
 */
static inline int sleeper_has_read(const struct registers *sleeper) {
  struct registers r = *sleeper;
  uint64_t operation = *regs_argument(&r, 1);
  uint32_t command = (uint32_t)operation & FUTEX_COMMAND;
  switch (resumable(sleeper)) {
    case RESUME_NO:
      return 0;
    case RESUME_AGAIN:
    case RESUME_SLEEP:
      return 1;
    case RESUME_FUTEX:
      return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
    case RESUME_CLOCK_SLEEP:
      return !(operation & TIMER_ABSTIME);
  }
  return 0;
}

/* io_uring_enter's flags, in its argument 3, and struct io_uring_getevents_arg. */
#define IORING_ENTER_EXT_ARG 8
#define IORING_ENTER_ABS_TIMER 32
#define IORING_ENTER_EXT_ARG_REG 64
struct uring_argument {
  uint64_t sigmask;
  uint32_t sigmask_size, least_us;
  uint64_t timeout; /* address of a struct timespec */
};

/* How gladly a sleeper is woken: 0, nothing is lost by it, to 3. */
static inline int wake_reluctance(const struct registers *sleeper) {
  struct registers r = *sleeper;
  const struct interruptible *call = interruptible(&r);
  if (!call) return 0;
  uint64_t value = *regs_argument(&r, call->argument);
  switch (call->timeout) {
    case TIMEOUT_NONE:
      return 0;
    case TIMEOUT_MS:
      return (int32_t)value < 0 ? 0 : 1;
    case TIMEOUT_TIMESPEC:
    case TIMEOUT_TIMESPEC_32:
      return value ? 1 : 0;
    case TIMEOUT_IPC:
      return is_semtimedop(&r) && value ? 1 : 0;
    case TIMEOUT_URING:
      return 2; /* also answers early if it has submitted anything */
  }
  return 3; /* the timeout is not ours to set */
}

/*
 * Where a sleep that is interrupted notes the rest (struct timespec, or timespec_32), although it is then resumed
 * by the kernel as if nothing had happened; 0: nowhere. (Of a sleep that was resumed before, a restart_syscall, it
 * cannot be told.)
 */
static inline uint64_t noted_rest(const struct registers *sleeper) {
  struct registers r = *sleeper;
  enum resumable call = resumable(sleeper);
  if (call == RESUME_SLEEP) return *regs_argument(&r, 1);
  if (call == RESUME_CLOCK_SLEEP && !(*regs_argument(&r, 1) & TIMER_ABSTIME)) return *regs_argument(&r, 3);
  return 0;
}

#endif
