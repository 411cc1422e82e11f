/* One reading of the wall clock, judged at once: is it the true time, or the true time plus a known offset? */
#ifndef TIMESKEW_VICTIM_WITNESS_H
#define TIMESKEW_VICTIM_WITNESS_H

#include "truth.h"

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC INT64_C(1000000000)

enum testimony { WRONG, TRUE_TIME, SKEWED };

static inline int64_t nanoseconds(const struct timespec *ts)
{
	return ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

static inline enum testimony witness(int64_t offset)
{
	struct timespec before, value, after;
	int64_t reading;

	true_clock(CLOCK_REALTIME, &before);
	if (clock_gettime(CLOCK_REALTIME, &value) || (uint64_t)value.tv_nsec >= (uint64_t)NSEC_PER_SEC)
		return WRONG;
	true_clock(CLOCK_REALTIME, &after);
	reading = nanoseconds(&value);
	if (nanoseconds(&before) <= reading && reading <= nanoseconds(&after))
		return TRUE_TIME;
	reading -= offset;
	return nanoseconds(&before) <= reading && reading <= nanoseconds(&after) ? SKEWED : WRONG;
}

#endif
