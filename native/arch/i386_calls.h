/*
 * i386_calls.h - the same by the numbers of 32-bit programs. Most calls with a time in them exist twice: with 32 bits
 * for the seconds, as they were first, and with 64, numbers from 403 on.
 */
#ifndef TIMESKEW_I386_CALLS_H
#define TIMESKEW_I386_CALLS_H

static const struct interruptible INTERRUPTIBLE_32[] = {
    {3, TIMEOUT_SOCKET, 0},        /* read */
    {4, TIMEOUT_SOCKET, 0},        /* write */
    {102, TIMEOUT_SOCKET, 0},      /* socketcall */
    {117, TIMEOUT_IPC, 5},         /* ipc: semop, semtimedop; msgsnd and msgrcv are restarted by the kernel */
    {145, TIMEOUT_SOCKET, 0},      /* readv */
    {146, TIMEOUT_SOCKET, 0},      /* writev */
    {177, TIMEOUT_TIMESPEC_32, 2}, /* rt_sigtimedwait */
    {247, TIMEOUT_TIMESPEC_32, 4}, /* io_getevents */
    {256, TIMEOUT_MS, 3},          /* epoll_wait */
    {319, TIMEOUT_MS, 3},          /* epoll_pwait */
    {337, TIMEOUT_SOCKET, 0},      /* recvmmsg: its own timeout is looked at only when something came */
    {345, TIMEOUT_SOCKET, 0},      /* sendmmsg */
    {362, TIMEOUT_SOCKET, 0},      /* connect */
    {364, TIMEOUT_SOCKET, 0},      /* accept4 */
    {369, TIMEOUT_SOCKET, 0},      /* sendto */
    {370, TIMEOUT_SOCKET, 0},      /* sendmsg */
    {371, TIMEOUT_SOCKET, 0},      /* recvfrom */
    {372, TIMEOUT_SOCKET, 0},      /* recvmsg */
    {385, TIMEOUT_TIMESPEC_32, 4}, /* io_pgetevents */
    {416, TIMEOUT_TIMESPEC, 4},    /* io_pgetevents_time64 */
    {417, TIMEOUT_SOCKET, 0},      /* recvmmsg_time64 */
    {420, TIMEOUT_TIMESPEC, 3},    /* semtimedop_time64 */
    {421, TIMEOUT_TIMESPEC, 2},    /* rt_sigtimedwait_time64 */
    {426, TIMEOUT_URING, 4},       /* io_uring_enter */
    {441, TIMEOUT_TIMESPEC, 3},    /* epoll_pwait2 */
};

/* Of those that can be resumed. */
static inline int has_wide_times(uint64_t nr) { return nr == 407 || nr == 422; }

static inline enum resumable resumable_32(uint64_t nr) {
  switch (nr) {
    case 0: /* restart_syscall */
      return RESUME_AGAIN;
    case 162: /* nanosleep */
      return RESUME_SLEEP;
    case 267: /* clock_nanosleep */
    case 407: /* clock_nanosleep_time64 */
      return RESUME_CLOCK_SLEEP;
    case 240: /* futex */
    case 422: /* futex_time64 */
      return RESUME_FUTEX;
  }
  return RESUME_NO;
}

static inline int syscall_needs_watching_32(uint64_t nr) {
  switch (nr) {
    case 1:   /* exit */
    case 2:   /* fork */
    case 11:  /* execve */
    case 119: /* sigreturn */
    case 120: /* clone */
    case 173: /* rt_sigreturn */
    case 190: /* vfork */
    case 252: /* exit_group */
    case 358: /* execveat */
    case 435: /* clone3 */
      return 1;
  }
  return 0;
}

#endif
