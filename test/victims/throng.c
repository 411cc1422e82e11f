/*
 * A process of many threads: `throng THREADS HAMMERING [leaderless]`. HAMMERING of them do nothing but read the clock,
 * the others sleep. With `leaderless` the main thread has exited, and another one answers.
 *
 * `judge OFFSET` has every thread, the sleepers woken for it, read the wall clock once: {"threads", "true", "skewed",
 * "wrong"} counts what they read; skewed is true plus OFFSET ns. `leave` ends a half of the sleepers. The end of stdin
 * ends the program.
 */
#define _GNU_SOURCE
#include "witness.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STACK (16 * 1024) /* the smallest there is: ten thousand of them must fit */

static int threads, hammering;
static atomic_uint rounds; /* of judgement; sleepers wait for it to change */
static _Atomic int64_t offset;
static atomic_int leaving;
static atomic_uint counts[3]; /* by testimony */
static sem_t testified;

static void testify(void)
{
	atomic_fetch_add(&counts[witness(atomic_load(&offset))], 1);
	sem_post(&testified);
}

static void *sleep_through(void *unused)
{
	unsigned seen = 0;

	for (;;) {
		while (atomic_load(&rounds) == seen)
			syscall(SYS_futex, &rounds, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
		seen = atomic_load(&rounds);
		if (atomic_fetch_sub(&leaving, 1) > 0) {
			sem_post(&testified);
			return unused;
		}
		atomic_fetch_add(&leaving, 1);
		testify();
	}
}

static void *hammer(void *unused)
{
	unsigned seen = 0;
	struct timespec ts;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &ts);
		if (atomic_load(&rounds) == seen)
			continue;
		seen = atomic_load(&rounds);
		testify();
	}
	return unused;
}

static void start(void)
{
	pthread_attr_t small;
	pthread_t thread;
	int error = 0;

	sem_init(&testified, 0, 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < threads && !error; i++)
		error = pthread_create(&thread, &small, i < hammering ? hammer : sleep_through, NULL);
	if (error) {
		fprintf(stderr, "pthread_create: %s\n", strerror(error));
		exit(1);
	}
}

static void call_round(void)
{
	atomic_fetch_add(&rounds, 1);
	syscall(SYS_futex, &rounds, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	for (int i = 0; i < threads; i++)
		while (sem_wait(&testified))
			;
}

static void judge(int64_t skew)
{
	for (int i = 0; i < 3; i++)
		atomic_store(&counts[i], 0);
	atomic_store(&offset, skew);
	call_round();
	printf("{\"threads\":%d,\"true\":%u,\"skewed\":%u,\"wrong\":%u}\n", threads, counts[TRUE_TIME],
		counts[SKEWED], counts[WRONG]);
}

static void leave(void)
{
	int gone = (threads - hammering) / 2;

	atomic_store(&leaving, gone);
	call_round();
	threads -= gone;
	printf("{\"threads\":%d}\n", threads);
}

static void *serve(void *unused)
{
	char line[64];

	printf("{\"pid\":%d}\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "judge ", 6) == 0)
			judge(strtoll(line + 6, NULL, 10));
		else if (strcmp(line, "leave\n") == 0)
			leave();
		else
			printf("{\"error\":\"unknown command\"}\n");
	}
	exit(0);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t server;

	if (argc < 3) {
		fprintf(stderr, "usage: throng THREADS HAMMERING [leaderless]\n");
		return 1;
	}
	threads = atoi(argv[1]);
	hammering = atoi(argv[2]);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	start();
	if (argc == 3)
		serve(NULL);
	if (pthread_create(&server, NULL, serve, NULL))
		return 1;
	pthread_exit(NULL);
}
