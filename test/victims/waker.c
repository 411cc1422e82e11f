/*
 * Threads that wake up in the middle of a clock function's first instructions: `waker THREADS OFFSET`. Each thread steps
 * through the entry of the vDSO's clock_gettime by the trap flag, and its handler sleeps above each instruction, so that
 * it spends nearly all its time asleep, and whenever it wakes up goes on between two of these instructions. Each
 * reading must be the true time, or the true time plus OFFSET (in ns). The main thread runs all the time.
 *
 * Any line on stdin is answered by {"readings", "skewed", "violations"}; after "rest" the threads only sleep. The end of
 * stdin ends it.
 */
#define _GNU_SOURCE
#include "truth.h"
#include "vdso.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define TRAP_FLAG 0x100
/* Bytes of the function in which a thread dawdles. */
#define ENTRY 8
#define STACK (64 * 1024)

static struct vdso vdso;
static int64_t offset;
static _Atomic uint64_t readings, skewed, violations;
static _Atomic int resting;

static void doze(long ns)
{
	struct timespec ts = {0, ns};

	syscall(SYS_nanosleep, &ts, NULL);
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t at = (uintptr_t)registers[REG_RIP] - (uintptr_t)vdso.clock_gettime;
	static _Thread_local int entered;

	(void)signal;
	(void)info;
	if (at < ENTRY) {
		entered = 1;
		doze(200000);
	} else if (entered) {
		entered = 0;
		registers[REG_EFL] &= ~TRAP_FLAG; /* the rest at full speed */
	}
}

static void *wake_up(void *unused)
{
	(void)unused;
	for (;;) {
		struct timespec ts;
		int64_t before, value, after;

		while (resting)
			doze(1000000);
		before = true_time(CLOCK_REALTIME);
		__asm__ volatile("pushfq; orl %0, (%%rsp); popfq" : : "i"(TRAP_FLAG) : "memory", "cc");
		vdso.clock_gettime(CLOCK_REALTIME, &ts);
		__asm__ volatile("pushfq; andl %0, (%%rsp); popfq" : : "i"(~TRAP_FLAG) : "memory", "cc");
		after = true_time(CLOCK_REALTIME);
		value = ts.tv_sec * SECOND + ts.tv_nsec;
		readings++;
		if (value >= before && value <= after)
			continue;
		if (value >= before + offset && value <= after + offset)
			skewed++;
		else
			violations++;
	}
	return NULL;
}

static void *answer(void *unused)
{
	char line[64];

	(void)unused;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "rest\n") == 0)
			resting = 1;
		printf("{\"readings\":%llu,\"skewed\":%llu,\"violations\":%llu}\n", (unsigned long long)readings,
			(unsigned long long)skewed, (unsigned long long)violations);
		fflush(stdout);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	pthread_attr_t attributes;
	pthread_t thread;

	if (argc != 3) {
		fputs("usage: waker THREADS OFFSET\n", stderr);
		return 2;
	}
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	vdso = find_vdso();
	offset = atoll(argv[2]);
	sigaction(SIGTRAP, &action, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	for (int i = atoi(argv[1]); i > 0; i--)
		pthread_create(&thread, &attributes, wake_up, NULL);
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	pthread_create(&thread, NULL, answer, NULL);
	for (volatile unsigned long turns = 0;; turns++)
		;
}
