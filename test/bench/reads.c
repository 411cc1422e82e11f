/*
 * Times reads of the clock: `reads`. Each line on stdin, "FUNCTION CALLS BATCHES", is answered by one line of
 * JSON, {"min", "median"}: nanoseconds per read, over so many batches of so many calls. The functions are the
 * rows of `functions` below. The end of stdin ends the program.
 *
 * A batch is timed by this thread's CPU time, so that being preempted does not count, and by a system call that
 * timeskew cannot touch; about 0.3 µs of it is in the batch.
 */
#define _GNU_SOURCE
#include "../victims/truth.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MAX_BATCHES 1000

static struct timespec ts;
static struct timeval tv;

/* A loop of its own for each function: an indirect call would be part of what is measured. */
#define LOOP(name, read) \
	static void name(long calls) \
	{ \
		while (calls-- > 0) \
			read; \
	}

LOOP(realtime, clock_gettime(CLOCK_REALTIME, &ts))
LOOP(monotonic, clock_gettime(CLOCK_MONOTONIC, &ts))
LOOP(coarse, clock_gettime(CLOCK_REALTIME_COARSE, &ts))
LOOP(timeofday, gettimeofday(&tv, NULL))
LOOP(seconds, time(NULL))
LOOP(realtime_syscall, syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts))
LOOP(monotonic_syscall, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts))
LOOP(coarse_syscall, syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &ts))
LOOP(timeofday_syscall, syscall(SYS_gettimeofday, &tv, NULL))
LOOP(seconds_syscall, syscall(SYS_time, NULL))

static const struct function {
	const char *name;
	void (*loop)(long calls);
} functions[] = {
	{"realtime", realtime},
	{"monotonic", monotonic},
	{"coarse", coarse},
	{"gettimeofday", timeofday},
	{"time", seconds},
	{"realtime-syscall", realtime_syscall},
	{"monotonic-syscall", monotonic_syscall},
	{"coarse-syscall", coarse_syscall},
	{"gettimeofday-syscall", timeofday_syscall},
	{"time-syscall", seconds_syscall},
};

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

static void measure(const struct function *function, long calls, int batches)
{
	double ns[MAX_BATCHES];

	for (int i = 0; i < batches; i++) {
		int64_t start = true_time(CLOCK_THREAD_CPUTIME_ID);

		function->loop(calls);
		ns[i] = (double)(true_time(CLOCK_THREAD_CPUTIME_ID) - start) / (double)calls;
	}
	qsort(ns, (size_t)batches, sizeof(ns[0]), ascending);
	printf("{\"min\": %.3f, \"median\": %.3f}\n", ns[0], (ns[(batches - 1) / 2] + ns[batches / 2]) / 2);
}

int main(void)
{
	char line[128], name[32];
	long calls;
	int batches;

	/* The tracer of a command line is no ancestor of ours: Yama's scope 1 wants it permitted. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		const struct function *function;

		if (sscanf(line, "%31s %ld %d", name, &calls, &batches) != 3 || !(function = find(name)) ||
			calls < 1 || batches < 1 || batches > MAX_BATCHES) {
			fprintf(stderr, "reads: not a command: %s", line);
			return 2;
		}
		measure(function, calls, batches);
	}
	return 0;
}
