/*
 * The true time, whatever timeskew has done to this process. It covers the vDSO and those system calls that it can prove:
 * an instruction before the `syscall` (`svc`), in the same straight line, makes way for a jump. Here the `syscall` is all
 * that its straight line has: only a branch gets there, and what stands before it is never run. On arm64 a branch to the `svc`
 * makes way, too, but for one whose target is in a register. 32-bit programs make their calls by the vDSO, but for those who
 * use `int $0x80` themselves.
 */
#ifndef TIMESKEW_VICTIM_TRUTH_H
#define TIMESKEW_VICTIM_TRUTH_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

/* As clock_gettime, but returns -errno. Async-signal-safe. One such place in each program will do. */
static __attribute__((noipa, unused)) int true_clock(long id, struct timespec *ts)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("jmp 1f\n\t"
			 "ud2\n"
			 "1:\tsyscall"
			 : "=a"(result)
			 : "a"((long)SYS_clock_gettime), "D"(id), "S"(ts)
			 : "rcx", "r11", "cc", "memory");
	return (int)result;
#elif defined(__aarch64__)
	register long x0 __asm__("x0") = id;
	register struct timespec *x1 __asm__("x1") = ts;
	register long x8 __asm__("x8") = SYS_clock_gettime;

	__asm__ volatile("adr x16, 1f\n\t"
			 "br x16\n\t"
			 "udf #0\n"
			 "1:\tsvc #0"
			 : "+r"(x0)
			 : "r"(x1), "r"(x8)
			 : "x16", "cc", "memory");
	return (int)x0;
#else
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(SYS_clock_gettime), "b"(id), "c"(ts) : "memory");
	return (int)result;
#endif
}

/* In ns. */
static inline int64_t true_time(long id)
{
	struct timespec ts;

	true_clock(id, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

#endif
