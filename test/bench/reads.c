/*
 * Times reads of the clock: `reads [percall]`, with whose word it rewrites its own vDSO first (percall.h). Each line on
 * stdin, "FUNCTION CALLS BATCHES", is answered by one line of JSON, {"min", "median"}: nanoseconds per read, over so many
 * batches of so many calls. The functions are the rows of `functions` below. The end of stdin ends the program.
 *
 * A batch is timed by this thread's CPU time, so that being preempted does not count, and by a system call that
 * timeskew cannot touch; about 0.3 µs of it is in the batch. Several of us, measured in turns, all stay on the same
 * processor, the last one that we may use: processors differ, and the first has the most interrupts.
 */
#define _GNU_SOURCE
#include "../victims/truth.h"
#include "percall.h"

#include <sched.h>
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

/* Loops of its own for each function: an indirect call would be part of what is measured. */
#define LOOP(name, read) \
	static void name(long calls) \
	{ \
		while (calls-- > 0) \
			read; \
	}
#define CLOCK(name, id) \
	LOOP(name, clock_gettime(id, &ts)) \
	LOOP(name##_syscall, syscall(SYS_clock_gettime, id, &ts))

CLOCK(realtime, CLOCK_REALTIME)
CLOCK(monotonic, CLOCK_MONOTONIC)
CLOCK(boottime, CLOCK_BOOTTIME)
CLOCK(tai, CLOCK_TAI)
CLOCK(realtime_coarse, CLOCK_REALTIME_COARSE)
CLOCK(monotonic_coarse, CLOCK_MONOTONIC_COARSE)
LOOP(timeofday, gettimeofday(&tv, NULL))
LOOP(timeofday_syscall, syscall(SYS_gettimeofday, &tv, NULL))
LOOP(seconds, time(NULL))
LOOP(seconds_syscall, syscall(SYS_time, NULL))
LOOP(resolution, clock_getres(CLOCK_REALTIME, &ts))
LOOP(resolution_syscall, syscall(SYS_clock_getres, CLOCK_REALTIME, &ts))

#define BOTH(name, loop) {name, loop}, {name "-syscall", loop##_syscall}

static const struct function {
	const char *name;
	void (*loop)(long calls);
} functions[] = {
	BOTH("realtime", realtime),
	BOTH("monotonic", monotonic),
	BOTH("boottime", boottime),
	BOTH("tai", tai),
	BOTH("realtime-coarse", realtime_coarse),
	BOTH("monotonic-coarse", monotonic_coarse),
	BOTH("gettimeofday", timeofday),
	BOTH("time", seconds),
	BOTH("clock_getres", resolution),
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

static void stay_on_the_last_processor(void)
{
	cpu_set_t set;
	int last = CPU_SETSIZE;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return; /* more processors than the set holds */
	while (--last > 0 && !CPU_ISSET(last, &set))
		;
	CPU_ZERO(&set);
	CPU_SET(last, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	char line[128], name[32];
	long calls;
	int batches;

	/* The tracer of a command line is no ancestor of ours: Yama's scope 1 wants it permitted. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	stay_on_the_last_processor();
	if (argc == 2 && strcmp(argv[1], "percall") == 0 && patch_with_system_calls() < 0)
		return 1;
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
