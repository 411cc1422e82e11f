/*
 * What the programs of this folder share: their clocks, and how they are asked. Each prints "ready", and answers every
 * line on stdin with some lines and an empty one. The end of stdin ends it.
 */
#ifndef TIMESKEW_LIMITS_H
#define TIMESKEW_LIMITS_H

#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

static inline double to_seconds(const struct timespec *ts)
{
	return (double)ts->tv_sec + (double)ts->tv_nsec * 1e-9;
}

/* In seconds. */
static inline double read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return to_seconds(&ts);
}

static inline double wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

/* The truth about durations, where only the wall clock is skewed. */
static inline double steady(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static inline struct timespec to_timespec(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds};

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	return ts;
}

/* To the millisecond; never -0. */
static inline double rounded(double seconds)
{
	return (double)(long long)(seconds * 1e3 + (seconds < 0 ? -0.5 : 0.5)) / 1e3;
}

/* What a program has to do before it can be asked. Where Yama lets only ancestors trace it, it permits everybody. */
static inline void begin(void)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	setvbuf(stdout, NULL, _IOFBF, 1 << 14);
	puts("ready");
	fflush(stdout);
}

/* The next line, in `line`; 0 at the end of stdin. */
static inline int asked(char *line, int size)
{
	return fgets(line, size, stdin) != NULL;
}

static inline void answered(void)
{
	puts("");
	fflush(stdout);
}

#endif
