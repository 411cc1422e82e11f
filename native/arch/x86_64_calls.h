/*
 * x86_64_calls.h - which system call a thread waits in, and what being woken would do to it. The numbers are those of
 * x86-64; the rest is the kernel's behaviour on every machine.
 */
#ifndef TIMESKEW_X86_64_CALLS_H
#define TIMESKEW_X86_64_CALLS_H

#include "x86_64.h"

/* How a call is told how long to wait. */
enum timeout {
  TIMEOUT_NONE,
  TIMEOUT_MS,       /* an int in a register, negative for ever */
  TIMEOUT_TIMESPEC, /* relative; a pointer in a register, NULL for ever */
  TIMEOUT_URING,    /* io_uring_enter with IORING_ENTER_EXT_ARG */
  TIMEOUT_SOCKET,   /* perhaps an option of the descriptor (SO_RCVTIMEO, SO_SNDTIMEO) */
};

struct interruptible {
  uint16_t nr;
  uint8_t timeout;
  uint8_t argument; /* which one, from 0 */
};

/*
 * System calls that answer a plain EINTR when anything wakes them, ptrace included, although no handler ran, and
 * that mean the same when made again (signal(7), "interruption by stop signals"); but a relative timeout begins
 * anew. Waits that the kernel restarts by itself (poll, nanosleep, futex, select, ...) are not here, nor is close,
 * which has closed.
 */
static const struct interruptible INTERRUPTIBLE[] = {
    {0, TIMEOUT_SOCKET, 0},     /* read */
    {1, TIMEOUT_SOCKET, 0},     /* write */
    {19, TIMEOUT_SOCKET, 0},    /* readv */
    {20, TIMEOUT_SOCKET, 0},    /* writev */
    {42, TIMEOUT_SOCKET, 0},    /* connect */
    {43, TIMEOUT_SOCKET, 0},    /* accept */
    {44, TIMEOUT_SOCKET, 0},    /* sendto */
    {45, TIMEOUT_SOCKET, 0},    /* recvfrom */
    {46, TIMEOUT_SOCKET, 0},    /* sendmsg */
    {47, TIMEOUT_SOCKET, 0},    /* recvmsg */
    {65, TIMEOUT_NONE, 0},      /* semop */
    {128, TIMEOUT_TIMESPEC, 2}, /* rt_sigtimedwait */
    {208, TIMEOUT_TIMESPEC, 4}, /* io_getevents */
    {220, TIMEOUT_TIMESPEC, 3}, /* semtimedop */
    {232, TIMEOUT_MS, 3},       /* epoll_wait */
    {281, TIMEOUT_MS, 3},       /* epoll_pwait */
    {288, TIMEOUT_SOCKET, 0},   /* accept4 */
    {299, TIMEOUT_SOCKET, 0},   /* recvmmsg: its own timeout is looked at only when something came */
    {307, TIMEOUT_SOCKET, 0},   /* sendmmsg */
    {333, TIMEOUT_TIMESPEC, 4}, /* io_pgetevents */
    {426, TIMEOUT_URING, 4},    /* io_uring_enter */
    {441, TIMEOUT_TIMESPEC, 3}, /* epoll_pwait2 */
};

static inline const struct interruptible *interruptible(const struct registers *r) {
  if (!regs_in_syscall(r)) return NULL;
  for (size_t i = 0; i < sizeof INTERRUPTIBLE / sizeof *INTERRUPTIBLE; i++)
    if (INTERRUPTIBLE[i].nr == r->orig_rax) return &INTERRUPTIBLE[i];
  return NULL;
}

/* The instruction that makes a system call. */
static const uint8_t SYSCALL_INSTRUCTION[] = {0x0f, 0x05};

static inline uint64_t *regs_argument(struct registers *r, int i) {
  uint64_t *const arguments[] = {&r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9};
  return arguments[i];
}

/*
 * Our stop made the call answer EINTR: leave it to the kernel's own rule instead. With -ERESTARTNOHAND it makes the
 * call again unless a handler of the program's own runs first, and only then answers EINTR.
 */
static inline int regs_undo_eintr(struct registers *r) {
  if ((int64_t)r->rax != -EINTR || !regs_are_native(r) || !interruptible(r)) return 0;
  r->rax = (uint64_t)(int64_t)-ERESTARTNOHAND;
  return 1;
}

/* Whether the kernel is about to make the call again, from its start. */
static inline int regs_begin_again(const struct registers *r) {
  int64_t result = regs_result(r);
  return regs_in_syscall(r) && (result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTARTNOHAND);
}

/* Whether the kernel is about to go on with the call by its restart block, which has its times already. */
static inline int regs_resume(const struct registers *r) {
  return regs_in_syscall(r) && regs_result(r) == -ERESTART_RESTARTBLOCK;
}

#define TIMER_ABSTIME 1
#define FUTEX_COMMAND (~384u) /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */
#define FUTEX_WAIT_BITSET 9

/*
 * Whether a sleeper's call has read, once and for all, the time to wait for: whatever interrupts it, the kernel goes on
 * by a restart block, if at all. Others are made again from their start, and read it again.
 */
static inline int sleeper_has_read(const struct registers *sleeper) {
  uint32_t command = (uint32_t)sleeper->rsi & FUTEX_COMMAND;
  switch (sleeper->orig_rax) {
    case REMOTE_restart_syscall:
    case 35: /* nanosleep */
      return 1;
    case 202: /* futex */
      return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
    case 230: /* clock_nanosleep */
      return !(sleeper->rsi & TIMER_ABSTIME);
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
      return value ? 1 : 0;
    case TIMEOUT_URING:
      return 2; /* also answers early if it has submitted anything */
  }
  return 3; /* the timeout is not ours to set */
}

/*
 * Where a sleep that is interrupted notes the rest (struct timespec), although it is then resumed by the kernel as if
 * nothing had happened; 0: nowhere. (Of a sleep that was resumed before, a restart_syscall, it cannot be told.)
 */
static inline uint64_t noted_rest(const struct registers *sleeper) {
  if (sleeper->orig_rax == 35) return sleeper->rsi;                         /* nanosleep */
  if (sleeper->orig_rax == 230 && !(sleeper->rsi & TIMER_ABSTIME)) return sleeper->r10; /* clock_nanosleep, relative */
  return 0;
}

/*
 * Whether a thread asleep in this call must not be left out of sight: it makes other threads or programs, or is on
 * its way out.
 */
static inline int syscall_needs_watching(uint64_t nr) {
  switch (nr) {
    case 15:  /* rt_sigreturn */
    case 56:  /* clone: also a parent in vfork, whose child runs in the same memory */
    case 57:  /* fork */
    case 58:  /* vfork */
    case 59:  /* execve */
    case 60:  /* exit */
    case 231: /* exit_group */
    case 322: /* execveat */
    case 435: /* clone3 */
      return 1;
  }
  return 0;
}

#endif
