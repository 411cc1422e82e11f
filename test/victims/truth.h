/*
 * The true time, whatever timeskew has done to this process. It covers the vDSO and those system calls that it can prove:
 * a five-byte instruction before the `syscall`, in the same straight line, makes way for a jump. Here the `syscall` is
 * all that its straight line has: only a branch gets there, and what stands before it is never run.
 */
#ifndef TIMESKEW_VICTIM_TRUTH_H
#define TIMESKEW_VICTIM_TRUTH_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

/* As clock_gettime, but returns -errno. Async-signal-safe. One such place in each program will do. */
static __attribute__((noipa, unused)) int true_clock(long id, struct timespec *ts)
{
	long result;

	__asm__ volatile("jmp 1f\n\t"
			 "ud2\n"
			 "1:\tsyscall"
			 : "=a"(result)
			 : "a"((long)SYS_clock_gettime), "D"(id), "S"(ts)
			 : "rcx", "r11", "cc", "memory");
	return (int)result;
}

/* In ns. */
static inline int64_t true_time(long id)
{
	struct timespec ts;

	true_clock(id, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

#endif
