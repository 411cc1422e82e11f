/*
 * A program with a thread that executes code of the other kind: 32-bit code in a 64-bit program, or 64-bit code in a
 * 32-bit one. Its code is where both reach it (-no-pie). The end of stdin ends it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>

#ifdef __x86_64__
#define OTHER "push $0x23; push $1f; lretq; .code32; 1: pause; jmp 1b; .code64"
#else
#define OTHER "ljmp $0x33, $1f; .code64; 1: pause; jmp 1b; .code32"
#endif

static void *go_there(void *unused)
{
	(void)unused;
	__asm__ volatile(OTHER);
	return NULL;
}

int main(void)
{
	pthread_t thread;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (pthread_create(&thread, NULL, go_there, NULL))
		return 1;
	printf("{\"ready\":true}\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
