/*
 * Times calls that wait, and raw readings of the clock: `waits`. Each line on stdin, "CALL CALLS BATCHES", is answered by
 * one line of JSON, {"cpuNs", "wallNs"}: nanoseconds per call, the medians of so many batches of so many calls. The
 * calls are the rows of `functions` below. The end of stdin ends the program.
 *
 * CPU time is that of both threads, so that neither being preempted nor sleeping counts. All runs on one processor:
 * then a thread that waits hands over to the other one, and nothing depends on how fast an idle processor wakes up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_BATCHES 1000
#define SECOND INT64_C(1000000000)
#define NAP 50000 /* ns */
#define DAY 86400 /* s */

static sem_t ping, pong;
static struct timespec far; /* a deadline that never comes */
static uint32_t word;

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static void *answer(void *unused)
{
	(void)unused;
	for (;;) {
		check(sem_wait(&ping), "sem_wait");
		check(sem_post(&pong), "sem_post");
	}
	return NULL;
}

/* The other thread is woken, answers, and wakes us: we sleep in a futex with an absolute deadline. */
static void pair(void)
{
	check(sem_post(&ping), "sem_post");
	check(sem_timedwait(&pong, &far), "sem_timedwait");
}

/* The kernel reads the deadline, and returns at once because the word has another value: nothing but the call. */
static void mismatch(void)
{
	int op = FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME;

	check(syscall(SYS_futex, &word, op, 1, &far, NULL, FUTEX_BITSET_MATCH_ANY) != -1 || errno != EAGAIN, "futex");
}

static void nap(void)
{
	int64_t end = nanoseconds(CLOCK_REALTIME) + NAP;
	struct timespec deadline = {end / SECOND, end % SECOND};

	check((errno = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &deadline, NULL)) != 0, "clock_nanosleep");
}

static void raw(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
}

static const struct function {
	const char *name;
	void (*call)(void);
} functions[] = {{"pair", pair}, {"mismatch", mismatch}, {"nap", nap}, {"raw", raw}};

static const struct function *find(const char *name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(values[0]), ascending);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void measure(const struct function *function, long calls, int batches)
{
	double cpu[MAX_BATCHES], wall[MAX_BATCHES];

	/* By the clock as it is now: it may have been skewed since. */
	far = (struct timespec){nanoseconds(CLOCK_REALTIME) / SECOND + DAY, 0};
	for (int i = 0; i < batches; i++) {
		int64_t began = nanoseconds(CLOCK_MONOTONIC), used = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);

		for (long n = 0; n < calls; n++)
			function->call();
		cpu[i] = (double)(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - used) / (double)calls;
		wall[i] = (double)(nanoseconds(CLOCK_MONOTONIC) - began) / (double)calls;
	}
	printf("{\"cpuNs\": %.3f, \"wallNs\": %.3f}\n", median(cpu, batches), median(wall, batches));
}

static void stay_on_one_processor(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	check(cpu < 0, "sched_getcpu");
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

int main(void)
{
	char line[128], name[32];
	pthread_t other;
	long calls;
	int batches;

	/* The tracer of a command line is no ancestor of ours: Yama's scope 1 wants it permitted. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	stay_on_one_processor();
	check(sem_init(&ping, 0, 0) || sem_init(&pong, 0, 0), "sem_init");
	check((errno = pthread_create(&other, NULL, answer, NULL)) != 0, "pthread_create");
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		const struct function *function;

		if (sscanf(line, "%31s %ld %d", name, &calls, &batches) != 3 || !(function = find(name)) ||
			calls < 1 || batches < 1 || batches > MAX_BATCHES) {
			fprintf(stderr, "waits: not a command: %s", line);
			return 2;
		}
		measure(function, calls, batches);
	}
	return 0;
}
