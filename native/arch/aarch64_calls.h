/* aarch64_calls.h - the numbers of system calls that mind being woken, on arm64; and how the kernel restarts them. */
#ifndef TIMESKEW_AARCH64_CALLS_H
#define TIMESKEW_AARCH64_CALLS_H

/* Those of x86_64_calls.h. */
static const struct interruptible INTERRUPTIBLE[] = {
    {4, TIMEOUT_TIMESPEC, 4},   /* io_getevents */
    {22, TIMEOUT_MS, 3},        /* epoll_pwait */
    {63, TIMEOUT_SOCKET, 0},    /* read */
    {64, TIMEOUT_SOCKET, 0},    /* write */
    {65, TIMEOUT_SOCKET, 0},    /* readv */
    {66, TIMEOUT_SOCKET, 0},    /* writev */
    {137, TIMEOUT_TIMESPEC, 2}, /* rt_sigtimedwait */
    {192, TIMEOUT_TIMESPEC, 3}, /* semtimedop */
    {193, TIMEOUT_NONE, 0},     /* semop */
    {202, TIMEOUT_SOCKET, 0},   /* accept */
    {203, TIMEOUT_SOCKET, 0},   /* connect */
    {206, TIMEOUT_SOCKET, 0},   /* sendto */
    {207, TIMEOUT_SOCKET, 0},   /* recvfrom */
    {211, TIMEOUT_SOCKET, 0},   /* sendmsg */
    {212, TIMEOUT_SOCKET, 0},   /* recvmsg */
    {242, TIMEOUT_SOCKET, 0},   /* accept4 */
    {243, TIMEOUT_SOCKET, 0},   /* recvmmsg: its own timeout is looked at only when something came */
    {269, TIMEOUT_SOCKET, 0},   /* sendmmsg */
    {292, TIMEOUT_TIMESPEC, 4}, /* io_pgetevents */
    {426, TIMEOUT_URING, 4},    /* io_uring_enter */
    {441, TIMEOUT_TIMESPEC, 3}, /* epoll_pwait2 */
};

static inline const struct interruptible *interruptible(const struct registers *r) {
  if (!regs_in_syscall(r)) return NULL;
  for (size_t i = 0; i < COUNT_OF(INTERRUPTIBLE); i++)
    if (INTERRUPTIBLE[i].nr == regs_call(r)) return &INTERRUPTIBLE[i];
  return NULL;
}

/* Whether a thread stands at the call that it was seen asleep in. No handler has run since: its signal would show. */
static inline int regs_recognise(struct registers *now, const struct registers *asleep) {
  uint64_t call = regs_call(asleep);
  if (now->sp != asleep->sp || (regs_call(now) != call && regs_call(now) != NR_restart_syscall)) return 0;
  regs_note_call(now);
  return 1;
}

/* Of a thread behind a call, which it is to make again. */
static inline void regs_make_again(struct registers *r, uint64_t first_argument) {
  r->x[0] = first_argument;
  r->pc -= SYSCALL_BYTES;
  regs_note_call(r);
}

/*
 * Our stop made the call answer EINTR: it is made again. The kernel's own rule, by which a handler that runs first
 * makes it answer EINTR, would take what the kernel has forgotten by now; so a signal that comes meanwhile counts
 * as one that came right before the call. Of a thread that was not seen asleep it is not known whether the EINTR is
 * our doing (doubt.c).
 */
static inline int regs_undo_eintr(struct registers *now, const struct registers *asleep) {
  if (!asleep || !regs_recognise(now, asleep)) return 0;
  if (now->pc == asleep->pc - SYSCALL_BYTES) return 0; /* the kernel has set it back */
  if (now->pc == asleep->pc && regs_result(now) == -EINTR && interruptible(now)) {
    regs_make_again(now, asleep->x[0]);
    return 1;
  }
  now->call = NO_CALL;
  return 0;
}

/* Whether the call that it stands at is made again, from its start; for all that can be told. */
static inline int regs_begin_again(const struct registers *r) {
  return regs_in_syscall(r) && regs_call(r) != NR_restart_syscall;
}

/* Whether the kernel is about to go on with the call by its restart block, which has its times already. */
static inline int regs_resume(const struct registers *r) {
  return regs_in_syscall(r) && regs_call(r) == NR_restart_syscall;
}

static inline enum resumable resumable(const struct registers *r) {
  switch (regs_call(r)) {
    case NR_restart_syscall:
      return RESUME_AGAIN;
    case 101: /* nanosleep */
      return RESUME_SLEEP;
    case 115: /* clock_nanosleep */
      return RESUME_CLOCK_SLEEP;
    case 98: /* futex */
      return RESUME_FUTEX;
  }
  return RESUME_NO;
}

/* How the link of a descriptor begins that such a call is made with. NULL: it is made with none. */
static inline const char *kind_of_descriptor(uint64_t nr) {
  switch (nr) {
    case 22:  /* epoll_pwait */
    case 441: /* epoll_pwait2 */
      return "anon_inode:[eventpoll]";
    case 426: /* io_uring_enter */
      return "anon_inode:[io_uring]";
    case 63: /* read */
    case 64: /* write */
    case 65: /* readv */
    case 66: /* writev */
      return "";
    case 202: /* accept */
    case 203: /* connect */
    case 206: /* sendto */
    case 207: /* recvfrom */
    case 211: /* sendmsg */
    case 212: /* recvmsg */
    case 242: /* accept4 */
    case 243: /* recvmmsg */
    case 269: /* sendmmsg */
      return "socket:";
  }
  return NULL;
}

/* Bytes of the rest that an interrupted sleep notes. */
static inline uint32_t noted_bytes(const struct registers *sleeper) {
  (void)sleeper;
  return sizeof(struct timespec);
}

/*
 * Whether a thread asleep in this call must not be left out of sight: it makes other threads or programs, or is on
 * its way out.
 */
static inline int syscall_needs_watching(uint64_t nr, int compat) {
  (void)compat;
  switch (nr) {
    case 93:  /* exit */
    case 94:  /* exit_group */
    case 139: /* rt_sigreturn */
    case 220: /* clone: also a parent in vfork, whose child runs in the same memory */
    case 221: /* execve */
    case 281: /* execveat */
    case 435: /* clone3 */
      return 1;
  }
  return 0;
}

#endif
