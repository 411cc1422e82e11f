/* A library with a system call of its own: it sleeps until a time of the wall clock. */
#include <sys/syscall.h>
#include <time.h>

void sleep_until(const struct timespec *deadline)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = 0;
	long result;

	__asm__ volatile("movl $230, %%eax\n\tsyscall"
			 : "=a"(result)
			 : "D"((long)CLOCK_REALTIME), "S"((long)TIMER_ABSTIME), "d"(deadline), "r"(r10)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x0 __asm__("x0") = CLOCK_REALTIME;
	register long x1 __asm__("x1") = TIMER_ABSTIME;
	register const struct timespec *x2 __asm__("x2") = deadline;
	register long x3 __asm__("x3") = 0;

	__asm__ volatile("mov x8, #115\n\tsvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3) : "x8", "memory");
#endif
}

double library_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}
