/*
 * sys.h - raw system calls and the few kernel definitions that the helper needs. No libc: one helper file serves
 * glibc and musl, and nothing here touches errno or takes a lock while a target is stopped.
 * Every wrapper answers as the kernel does: a result, or -errno.
 */
#ifndef TIMESKEW_SYS_H
#define TIMESKEW_SYS_H

#include <stddef.h>
#include <stdint.h>

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define ENOSYS 38
#define ETIMEDOUT 110
#define ESTALE 116
#define ECANCELED 125

#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

#define PTRACE_PEEKDATA 2
#define PTRACE_POKEDATA 5
#define PTRACE_CONT 7
#define PTRACE_DETACH 17
#define PTRACE_SYSCALL 24
#define PTRACE_SETOPTIONS 0x4200
#define PTRACE_GETSIGINFO 0x4202
#define PTRACE_GETREGSET 0x4204
#define PTRACE_SETREGSET 0x4205
#define PTRACE_GETEVENTMSG 0x4201
#define PTRACE_SEIZE 0x4206
#define PTRACE_INTERRUPT 0x4207
#define PTRACE_LISTEN 0x4208
#define PTRACE_GETSIGMASK 0x420a
#define PTRACE_SETSIGMASK 0x420b
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f

#define PTRACE_O_TRACESYSGOOD 1ul
#define PTRACE_O_TRACEFORK 2ul
#define PTRACE_O_TRACEVFORK 4ul
#define PTRACE_O_TRACECLONE 8ul
#define PTRACE_O_TRACEEXEC 16ul
#define PTRACE_O_SUSPEND_SECCOMP (1ul << 21)
#define PTRACE_EVENT_EXEC 4
#define PTRACE_EVENT_STOP 128
#define NT_PRSTATUS 1

#define SIGTRAP 5
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2
#define CLONE_A_THREAD 0x350f00ul /* VM FS FILES SIGHAND THREAD SYSVSEM PARENT_SETTID CHILD_CLEARTID */
#define CLONE_A_PROCESS 0x500ul    /* VM FILES; tells nobody of its end */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define WNOHANG 1
#define WSTOPPED 2
#define WEXITED 4
#define WNOWAIT 0x1000000
#define P_ALL 0
#define P_PID 1
#define CLD_DUMPED 3
#define WALL_THREADS 0x40000000 /* __WALL */
#define WOWN_TRACEES 0x20000000 /* __WNOTHREAD */

#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_PRIVATE 2
#define MAP_ANONYMOUS 0x20
#define MAP_FIXED_NOREPLACE 0x100000
#define MREMAP_MAYMOVE 1

#define PAGE 4096

#define AT_FDCWD (-100)
#define O_RDONLY 0
#define O_RDWR 2
#define O_DIRECTORY_PORTABLE TS_O_DIRECTORY /* differs between machines */
#define O_CLOEXEC 0x80000
#define O_NONBLOCK 0x800
#define LOCK_EX 2
#define LOCK_NB 4
#define CLOCK_MONOTONIC 1
#define PR_SET_NAME 15
#define PR_SET_TIMERSLACK 29
#define PR_GET_TIMERSLACK 30
#define SCHED_OTHER 0
#define SCHED_FIFO 1

struct iovec {
  void *base;
  size_t length;
};
struct timespec {
  int64_t sec;
  int64_t nsec;
};

#ifdef TS_HOOKED
#define sys6 kernel_sys6
#endif
#include "arch/arch_sys.h"
#ifdef TS_HOOKED
/* A build for tests: every system call of the helper passes through test/fault, which makes some of them fail. */
#undef sys6
long sys6(long nr, long a, long b, long c, long d, long e, long f);
#endif

static inline long sys_ptrace(long request, int tid, uintptr_t address, uintptr_t data) {
  return sys6(NR_ptrace, request, tid, (long)address, (long)data, 0, 0);
}
static inline long sys_wait4(int tid, int *status, int options) {
  return sys6(NR_wait4, tid, (long)status, options, 0, 0, 0);
}
/* The start of a siginfo_t as waitid fills it. */
struct child_event {
  int signo, error, code, padding, pid, uid, status;
  uint8_t rest[100];
};
/* The start of a siginfo_t as an instruction's fault fills it. */
struct fault_info {
  int signo, error, code, padding;
  uint64_t address;
  uint8_t rest[104];
};
static inline long sys_waitid(int tid, struct child_event *event, int options) {
  return sys6(NR_waitid, P_PID, tid, (long)event, options, 0, 0);
}
/* Of anybody whom this very thread traces, and no other thread of ours. */
static inline long sys_waitid_any(struct child_event *event, int options) {
  return sys6(NR_waitid, P_ALL, 0, (long)event, options | WALL_THREADS | WOWN_TRACEES, 0, 0);
}
static inline long sys_openat(int at, const char *path, int flags) {
  return sys6(NR_openat, at, (long)path, flags, 0, 0, 0);
}
static inline long sys_close(int fd) { return sys6(NR_close, fd, 0, 0, 0, 0, 0); }
static inline long sys_flock(int fd, int how) { return sys6(NR_flock, fd, how, 0, 0, 0, 0); }
static inline long sys_read(int fd, void *into, size_t n) { return sys6(NR_read, fd, (long)into, (long)n, 0, 0, 0); }
static inline long sys_pread(int fd, void *into, size_t n, uint64_t at) {
  return sys6(NR_pread64, fd, (long)into, (long)n, (long)at, 0, 0);
}
static inline long sys_pwrite(int fd, const void *from, size_t n, uint64_t at) {
  return sys6(NR_pwrite64, fd, (long)from, (long)n, (long)at, 0, 0);
}
static inline long sys_getdents64(int fd, void *into, size_t n) {
  return sys6(NR_getdents64, fd, (long)into, (long)n, 0, 0, 0);
}
static inline long sys_process_vm(long nr, int pid, void *local, uint64_t remote, size_t n) {
  struct iovec here = {local, n}, there = {(void *)(uintptr_t)remote, n};
  return sys6(nr, pid, (long)&here, 1, (long)&there, 1, 0);
}
static inline long sys_write(int fd, const void *from, size_t n) {
  return sys6(NR_write, fd, (long)from, (long)n, 0, 0, 0);
}
static inline void *sys_allocate(size_t n) {
  long at = sys6(NR_mmap, 0, (long)n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at < 0 && at > -4096 ? NULL : (void *)at;
}
static inline void *sys_reallocate(void *old, size_t old_n, size_t n) {
  long at = sys6(NR_mremap, (long)old, (long)old_n, (long)n, MREMAP_MAYMOVE, 0, 0);
  return at < 0 && at > -4096 ? NULL : (void *)at;
}
static inline void sys_free(void *at, size_t n) { (void)sys6(NR_munmap, (long)at, (long)n, 0, 0, 0, 0); }
static inline void sys_sleep_ns(int64_t ns) {
  struct timespec t = {ns / 1000000000, ns % 1000000000};
  (void)sys6(NR_nanosleep, (long)&t, 0, 0, 0, 0, 0);
}
/* Nanoseconds of the helper's own CLOCK_MONOTONIC, for deadlines and pauses; a syscall, so never a patched vDSO. */
static inline uint64_t sys_now(void) {
  struct timespec t = {0, 0};
  (void)sys6(NR_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0, 0, 0);
  return (uint64_t)t.sec * 1000000000u + (uint64_t)t.nsec;
}

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static inline int within_a_page(uint64_t address, uint64_t n) { return address % PAGE + n <= PAGE; }
static inline void copy_bytes(void *to, const void *from, size_t n) {
  for (size_t i = 0; i < n; i++) ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
}
static inline int same_bytes(const void *a, const void *b, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i]) return 0;
  return 1;
}

#endif
