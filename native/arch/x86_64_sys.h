/* x86_64_sys.h - how the helper itself makes system calls on x86-64. */
#ifndef TIMESKEW_X86_64_SYS_H
#define TIMESKEW_X86_64_SYS_H

#define TS_O_DIRECTORY 0x10000

enum {
  NR_read = 0,
  NR_write = 1,
  NR_close = 3,
  NR_mmap = 9,
  NR_munmap = 11,
  NR_rt_sigaction = 13,
  NR_rt_sigprocmask = 14,
  NR_pread64 = 17,
  NR_pwrite64 = 18,
  NR_mremap = 25,
  NR_nanosleep = 35,
  NR_getpid = 39,
  NR_wait4 = 61,
  NR_flock = 73,
  NR_ptrace = 101,
  NR_sched_setscheduler = 144,
  NR_sched_getscheduler = 145,
  NR_prctl = 157,
  NR_gettid = 186,
  NR_futex = 202,
  NR_sched_setaffinity = 203,
  NR_getdents64 = 217,
  NR_timer_create = 222,
  NR_timer_settime = 223,
  NR_timer_delete = 226,
  NR_clock_gettime = 228,
  NR_tgkill = 234,
  NR_waitid = 247,
  NR_openat = 257,
  NR_readlinkat = 267,
  NR_pipe2 = 293,
  NR_process_vm_readv = 310,
  NR_process_vm_writev = 311,
};

/* What starts programs (start.c, enter.c, await.c). */
enum {
  NR_clone = 56,
  NR_execve = 59,
  NR_exit = 60,
  NR_kill = 62,
  NR_fcntl = 72,
  NR_chdir = 80,
  NR_fchdir = 81,
  NR_setsid = 112,
  NR_setgroups = 116,
  NR_setresuid = 117,
  NR_setresgid = 119,
  NR_rt_sigqueueinfo = 129,
  NR_chroot = 161,
  NR_exit_group = 231,
  NR_faccessat = 269,
  NR_ppoll = 271,
  NR_dup3 = 292,
  NR_prlimit64 = 302,
  NR_setns = 308,
  NR_pidfd_open = 434,
  NR_close_range = 436,
};

static inline void cpu_relax(void) { __asm__ volatile("pause"); }

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
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
  register long r10 __asm__("r10") = (long)tid;
  register long r8 __asm__("r8") = 0;
  long result;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "pop %%rax\n\t"
      "pop %%rdi\n\t"
      "call *%%rax\n\t"
      "mov $60, %%eax\n\t" /* exit(0) of this thread */
      "xor %%edi, %%edi\n\t"
      "syscall\n"
      "1:"
      : "=a"(result)
      : "a"(56L), "D"(flags), "S"(top), "d"(tid), "r"(r10), "r"(r8)
      : "rcx", "r11", "memory");
  return result;
}

/* fork(2), as the kernel knows it: 0 in the child, which has a copy of this memory and of this thread. */
static inline long sys_fork(unsigned long flags) { return sys6(NR_clone, (long)flags, 0, 0, 0, 0, 0); }

/* Where a signal handler returns to (SA_RESTORER): rt_sigreturn. */
__attribute__((naked, unused)) static void signal_return(void) { __asm__("mov $15, %eax\n\tsyscall"); }

#endif
