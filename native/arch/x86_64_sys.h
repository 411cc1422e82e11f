/* x86_64_sys.h - how the helper itself makes system calls on x86-64. */
#ifndef TIMESKEW_X86_64_SYS_H
#define TIMESKEW_X86_64_SYS_H

#define TS_O_DIRECTORY 0x10000

enum {
  NR_read = 0,
  NR_close = 3,
  NR_mmap = 9,
  NR_munmap = 11,
  NR_pread64 = 17,
  NR_pwrite64 = 18,
  NR_mremap = 25,
  NR_nanosleep = 35,
  NR_wait4 = 61,
  NR_flock = 73,
  NR_ptrace = 101,
  NR_sched_setscheduler = 144,
  NR_sched_getscheduler = 145,
  NR_prctl = 157,
  NR_getdents64 = 217,
  NR_clock_gettime = 228,
  NR_waitid = 247,
  NR_openat = 257,
  NR_process_vm_readv = 310,
  NR_process_vm_writev = 311,
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

#endif
