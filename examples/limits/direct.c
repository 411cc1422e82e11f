/* The wall clock, read in three ways; how far each is off, by a CLOCK_MONOTONIC that is right. */
#define _GNU_SOURCE
#include "limits.h"

#include <sys/syscall.h>
#include <unistd.h>

/*
 * A system call of the program's own, of which timeskew cannot prove that it may be rewritten: on x86-64, a branch leads to
 * the instruction behind the one that would make room for a jump; on arm64, it is reached by an address in a register.
 */
static __attribute__((noipa)) void own_clock_gettime(clockid_t id, struct timespec *ts)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("movl $228, %%eax\n\t"
			 "testl %%edi, %%edi\n\t"
			 "jns 1f\n\t"
			 "nop\n"
			 "1:\tsyscall"
			 : "=a"(result)
			 : "D"((long)id), "S"(ts)
			 : "rcx", "r11", "cc", "memory");
#elif defined(__aarch64__)
	register long x0 __asm__("x0") = id;
	register struct timespec *x1 __asm__("x1") = ts;

	__asm__ volatile("mov x8, #113\n\tadr x16, 1f\n\tbr x16\n\tudf #0\n1:\tsvc #0"
			 : "+r"(x0)
			 : "r"(x1)
			 : "x8", "x16", "memory");
#endif
}

static double by_syscall(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts);
	return to_seconds(&ts);
}

static double by_own_call(void)
{
	struct timespec ts;

	own_clock_gettime(CLOCK_REALTIME, &ts);
	return to_seconds(&ts);
}

int main(void)
{
	char line[16];
	double origin = wall() - steady();

	begin();
	while (asked(line, sizeof(line))) {
		printf("clock_gettime(): %.3f s\n", rounded(wall() - steady() - origin));
		printf("syscall(SYS_clock_gettime): %.3f s\n", rounded(by_syscall() - steady() - origin));
		printf("own instruction: %.3f s\n", rounded(by_own_call() - steady() - origin));
		answered();
	}
	return 0;
}
