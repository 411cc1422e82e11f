/*
 * A library, for LD_PRELOAD and for dlopen. What its constructor does, SLOW names: "reads" a byte from stdin, after it has
 * said so ({"constructing"}); starts a thread that "counts", a number a millisecond.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

unsigned slow_count;

/* Until the wall clock says so; by a system call of the library's own. An errno. */
int slow_wait(const struct timespec *until)
{
	uint32_t word = 0;
	long result;
	register const struct timespec *r10 __asm__("r10") = until;
	register void *r8 __asm__("r8") = NULL;
	register long r9 __asm__("r9") = FUTEX_BITSET_MATCH_ANY;

	__asm__ volatile("movl %1, %%eax\n\tsyscall"
			 : "=&a"(result)
			 : "i"(SYS_futex), "D"(&word), "S"((long)(FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)),
			   "d"(0L), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return (int)-result;
}

static void *count(void *unused)
{
	const struct timespec millisecond = {0, 1000000};

	(void)unused;
	for (;;) {
		__atomic_fetch_add(&slow_count, 1, __ATOMIC_RELAXED);
		nanosleep(&millisecond, NULL);
	}
	return NULL;
}

__attribute__((constructor)) static void construct(void)
{
	static const char begun[] = "{\"constructing\":true}\n";
	const char *slow = getenv("SLOW");
	pthread_t thread;
	char byte;

	if (slow && !strcmp(slow, "reads") && (write(1, begun, sizeof begun - 1) < 0 || read(0, &byte, 1) < 0))
		_exit(1);
	if (slow && !strcmp(slow, "counts") && pthread_create(&thread, NULL, count, NULL))
		_exit(1);
}
