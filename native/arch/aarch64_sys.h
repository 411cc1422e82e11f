/* aarch64_sys.h - how the helper itself makes system calls on arm64. */
#ifndef TIMESKEW_AARCH64_SYS_H
#define TIMESKEW_AARCH64_SYS_H

#define TS_O_DIRECTORY 0x4000

enum {
  NR_flock = 32,
  NR_openat = 56,
  NR_close = 57,
  NR_pipe2 = 59,
  NR_getdents64 = 61,
  NR_read = 63,
  NR_write = 64,
  NR_pread64 = 67,
  NR_pwrite64 = 68,
  NR_readlinkat = 78,
  NR_waitid = 95,
  NR_futex = 98,
  NR_nanosleep = 101,
  NR_timer_create = 107,
  NR_timer_settime = 110,
  NR_timer_delete = 111,
  NR_clock_gettime = 113,
  NR_ptrace = 117,
  NR_sched_setscheduler = 119,
  NR_sched_getscheduler = 120,
  NR_sched_setaffinity = 122,
  NR_tgkill = 131,
  NR_rt_sigaction = 134,
  NR_rt_sigprocmask = 135,
  NR_prctl = 167,
  NR_getpid = 172,
  NR_gettid = 178,
  NR_munmap = 215,
  NR_mremap = 216,
  NR_mmap = 222,
  NR_wait4 = 260,
  NR_process_vm_readv = 270,
  NR_process_vm_writev = 271,
};

/* What starts programs (start.c, enter.c, await.c). */
enum {
  NR_dup3 = 24,
  NR_fcntl = 25,
  NR_faccessat = 48,
  NR_chdir = 49,
  NR_fchdir = 50,
  NR_chroot = 51,
  NR_ppoll = 73,
  NR_exit = 93,
  NR_exit_group = 94,
  NR_kill = 129,
  NR_rt_sigqueueinfo = 138,
  NR_setresuid = 147,
  NR_setresgid = 149,
  NR_setsid = 157,
  NR_setgroups = 159,
  NR_clone = 220,
  NR_execve = 221,
  NR_prlimit64 = 261,
  NR_setns = 268,
  NR_pidfd_open = 434,
  NR_close_range = 436,
};

static inline void cpu_relax(void) { __asm__ volatile("yield"); }

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = nr;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

/*
 * clone(2) of a thread that runs run(context) on a stack of its own and ends: the new thread's id, or -errno. The
 * word at `tid` holds that id until the thread's memory is no longer used (CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID).
 */
static inline long sys_clone_thread(unsigned long flags, void *stack_top, int *tid, void (*run)(void *),
                                    void *context) {
  void **top = stack_top;
  *--top = context;
  *--top = (void *)run;
  register long x8 __asm__("x8") = NR_clone;
  register long x0 __asm__("x0") = (long)flags;
  register long x1 __asm__("x1") = (long)top;
  register long x2 __asm__("x2") = (long)tid;
  register long x3 __asm__("x3") = 0; /* no thread-local storage of its own */
  register long x4 __asm__("x4") = (long)tid;
  __asm__ volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x30, xzr\n\t"
      "ldp x1, x0, [sp], #16\n\t"
      "blr x1\n\t"
      "mov x8, %[exit]\n\t" /* exit(0) of this thread */
      "mov x0, xzr\n\t"
      "svc #0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [exit] "i"(NR_exit)
      : "memory");
  return x0;
}

/* fork(2), as the kernel knows it: 0 in the child, which has a copy of this memory and of this thread. */
static inline long sys_fork(unsigned long flags) { return sys6(NR_clone, (long)flags, 0, 0, 0, 0, 0); }

/* Where a signal handler returns to (SA_RESTORER): rt_sigreturn. */
__attribute__((visibility("hidden"))) void signal_return(void);
__asm__(
    ".pushsection .text\n\t"
    ".p2align 2\n"
    "signal_return:\n\t" /* local: each file has its own */
    "mov x8, #139\n\t"
    "svc #0\n\t"
    ".popsection");

#endif
