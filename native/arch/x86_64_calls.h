/*
 * x86_64_calls.h - the numbers of system calls that mind being woken, on x86-64 and, by i386_calls.h, of 32-bit
 * programs; and how the kernel restarts them there.
 */
#ifndef TIMESKEW_X86_64_CALLS_H
#define TIMESKEW_X86_64_CALLS_H

#include "i386_calls.h"

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
  int compat = regs_are_compat(r);
  if (!regs_in_syscall(r) || !regs_are_of(r, compat)) return NULL;
  const struct interruptible *calls = compat ? INTERRUPTIBLE_32 : INTERRUPTIBLE;
  size_t count = compat ? COUNT_OF(INTERRUPTIBLE_32) : COUNT_OF(INTERRUPTIBLE);
  for (size_t i = 0; i < count; i++)
    if (calls[i].nr == r->orig_rax) return &calls[i];
  return NULL;
}

/*
 * Our stop made the call answer EINTR: leave it to the kernel's own rule instead. With -ERESTARTNOHAND it makes the
 * call again unless a handler of the program's own runs first, and only then answers EINTR.
 */
static inline int regs_undo_eintr(struct registers *r, const struct registers *asleep) {
  (void)asleep;
  if (regs_result(r) != -EINTR || !interruptible(r)) return 0;
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

static inline enum resumable resumable(const struct registers *sleeper) {
  if (regs_are_compat(sleeper)) return resumable_32(sleeper->orig_rax);
  switch (sleeper->orig_rax) {
    case 219: /* restart_syscall */
      return RESUME_AGAIN;
    case 35: /* nanosleep */
      return RESUME_SLEEP;
    case 230: /* clock_nanosleep */
      return RESUME_CLOCK_SLEEP;
    case 202: /* futex */
      return RESUME_FUTEX;
  }
  return RESUME_NO;
}

/* Bytes of such a rest. */
static inline uint32_t noted_bytes(const struct registers *sleeper) {
  int narrow = regs_are_compat(sleeper) && !has_wide_times(sleeper->orig_rax);
  return narrow ? sizeof(struct timespec_32) : sizeof(struct timespec);
}

/*
 * Whether a thread asleep in this call must not be left out of sight: it makes other threads or programs, or is on
 * its way out.
 */
static inline int syscall_needs_watching(uint64_t nr, int compat) {
  if (compat) return syscall_needs_watching_32(nr);
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
