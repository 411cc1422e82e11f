/*
 * System calls that a program makes by itself, in assembly, for deadlines_futex.c. 32-bit programs have none here: an
 * `int $0x80` of their own is not covered.
 */
#ifndef TIMESKEW_VICTIM_DEADLINES_BARE_H
#define TIMESKEW_VICTIM_DEADLINES_BARE_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#define ANY_BIT 0xffffffffu

#if defined(__x86_64__)
#define HAS_BARE 1
#define CLOBBERED "rcx", "r11", "memory"

/* Nobody looks at the registers afterwards. */
static __attribute__((noipa)) long bare_futex(uint32_t *word, long operation, long value, const struct timespec *timeout)
{
	register const struct timespec *r10 __asm__("r10") = timeout;
	register void *r8 __asm__("r8") = NULL;
	register long r9 __asm__("r9") = ANY_BIT;
	long result;

	__asm__ volatile("movl $202, %%eax\n\tsyscall"
			 : "=a"(result)
			 : "D"(word), "S"(operation), "d"(value), "r"(r10), "r"(r8), "r"(r9)
			 : CLOBBERED);
	return result;
}

/* The program goes on with the registers: EIO if one of them is another one afterwards. */
static __attribute__((noipa)) int watched_futex(uint32_t *word, long operation, const struct timespec *timeout)
{
	register const struct timespec *r10 __asm__("r10") = timeout;
	register void *r8 __asm__("r8") = NULL;
	register long r9 __asm__("r9") = ANY_BIT;
	uint32_t *rdi = word;
	long rsi = operation, rdx = 0, result;

	__asm__ volatile("movl $202, %%eax\n\tsyscall"
			 : "=a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
			 :
			 : CLOBBERED);
	if (rdi != word || rsi != operation || rdx || r10 != timeout || r8 || r9 != ANY_BIT)
		return EIO;
	return (int)-result;
}

/*
 * The compiler sees that this function leaves its parameters' registers alone, and lets its caller go on with them
 * (-fipa-ra), although a call may destroy them by all conventions.
 */
static __attribute__((noinline, noclone)) long lent_sleep(long clock, long flags, const struct timespec *until)
{
	register struct timespec *r10 __asm__("r10") = NULL;
	long result;

	__asm__ volatile("movl $230, %%eax\n\tsyscall"
			 : "=a"(result)
			 : "D"(clock), "S"(flags), "d"(until), "r"(r10)
			 : CLOBBERED);
	return result;
}

#elif defined(__aarch64__)
#define HAS_BARE 1

/* The same; the first argument's register is the result's. */
static __attribute__((noipa)) long bare_futex(uint32_t *word, long operation, long value, const struct timespec *timeout)
{
	register long x0 __asm__("x0") = (long)word;
	register long x1 __asm__("x1") = operation;
	register long x2 __asm__("x2") = value;
	register const struct timespec *x3 __asm__("x3") = timeout;
	register void *x4 __asm__("x4") = NULL;
	register long x5 __asm__("x5") = ANY_BIT;

	__asm__ volatile("mov x8, #98\n\tsvc #0"
			 : "+r"(x0)
			 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "x8", "memory");
	return x0;
}

static __attribute__((noipa)) int watched_futex(uint32_t *word, long operation, const struct timespec *timeout)
{
	register long x0 __asm__("x0") = (long)word;
	register long x1 __asm__("x1") = operation;
	register long x2 __asm__("x2") = 0;
	register const struct timespec *x3 __asm__("x3") = timeout;
	register void *x4 __asm__("x4") = NULL;
	register long x5 __asm__("x5") = ANY_BIT;

	__asm__ volatile("mov x8, #98\n\tsvc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5)
			 :
			 : "x8", "memory");
	if (x1 != operation || x2 || x3 != timeout || x4 || x5 != ANY_BIT)
		return EIO;
	return (int)-x0;
}

static __attribute__((noinline, noclone)) long lent_sleep(long clock, long flags, const struct timespec *until)
{
	register long x0 __asm__("x0") = clock;
	register long x1 __asm__("x1") = flags;
	register const struct timespec *x2 __asm__("x2") = until;
	register void *x3 __asm__("x3") = NULL;

	__asm__ volatile("mov x8, #115\n\tsvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3) : "x8", "memory");
	return x0;
}
#else
#define HAS_BARE 0
#endif

#endif
