/*
 * Reads each clock by each function there is. The true time (truth.h) is read before and after, so the difference
 * between a reading and the truth is known within this bracket, and exactly for the coarse clocks, which stand still
 * between two ticks.
 */
#define _GNU_SOURCE
#include "readings.h"

#include "truth.h"
#include "vdso.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#ifndef CLOCK_REALTIME_ALARM
#define CLOCK_REALTIME_ALARM 8
#define CLOCK_BOOTTIME_ALARM 9
#define CLOCK_TAI 11
#endif

struct reading {
	int rc, error;
	struct timespec before, value, after;
};

typedef int (*reader)(int id, struct timespec *value);

static int by_clock_gettime(int id, struct timespec *value)
{
	return clock_gettime(id, value);
}

static int by_timespec_get(int id, struct timespec *value)
{
	(void)id;
	return timespec_get(value, TIME_UTC) == TIME_UTC ? 0 : -1;
}

static int by_gettimeofday(int id, struct timespec *value)
{
	struct timeval tv;
	int rc = gettimeofday(&tv, NULL);

	(void)id;
	*value = (struct timespec){tv.tv_sec, tv.tv_usec * 1000};
	return rc;
}

static int by_time(int id, struct timespec *value)
{
	(void)id;
	*value = (struct timespec){time(NULL), 0};
	return 0;
}

/* time(&t) says the same thing twice. */
static int by_time_stored(int id, struct timespec *value)
{
	time_t stored = 0, returned = time(&stored);

	(void)id;
	*value = (struct timespec){stored, 0};
	return returned == stored ? 0 : -1;
}

/* A kernel that was started with vdso=0 maps none. */
static int lacks_vdso(void)
{
	if (has_vdso())
		return 0;
	errno = ENOSYS;
	return 1;
}

static int by_vdso_clock_gettime(int id, struct timespec *value)
{
	return lacks_vdso() ? -1 : find_vdso().clock_gettime(id, value);
}

static int by_vdso_gettimeofday(int id, struct timespec *value)
{
	struct timeval tv = {0, 0};
	int rc = lacks_vdso() ? -1 : find_vdso().gettimeofday(&tv, NULL);

	(void)id;
	*value = (struct timespec){tv.tv_sec, tv.tv_usec * 1000};
	return rc;
}

/* ENOSYS where the vDSO has no such function. */
static int by_vdso_time(int id, struct timespec *value)
{
	struct vdso vdso = has_vdso() ? find_vdso() : (struct vdso){0};

	(void)id;
	errno = ENOSYS;
	*value = (struct timespec){vdso.time ? vdso.time(NULL) : 0, 0};
	return vdso.time ? 0 : -1;
}

/* `from` and `to` are the clocks that bound the reading: time() counts the seconds of the coarse clock. */
static const struct subject {
	const char *name;
	reader read;
	int from, to;
	long unit; /* granularity, ns */
} subjects[] = {
	{"CLOCK_REALTIME", by_clock_gettime, CLOCK_REALTIME, CLOCK_REALTIME, 1},
	{"CLOCK_MONOTONIC", by_clock_gettime, CLOCK_MONOTONIC, CLOCK_MONOTONIC, 1},
	{"CLOCK_PROCESS_CPUTIME_ID", by_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, CLOCK_PROCESS_CPUTIME_ID, 1},
	{"CLOCK_THREAD_CPUTIME_ID", by_clock_gettime, CLOCK_THREAD_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, 1},
	{"CLOCK_MONOTONIC_RAW", by_clock_gettime, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_RAW, 1},
	{"CLOCK_REALTIME_COARSE", by_clock_gettime, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_COARSE, 1},
	{"CLOCK_MONOTONIC_COARSE", by_clock_gettime, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_COARSE, 1},
	{"CLOCK_BOOTTIME", by_clock_gettime, CLOCK_BOOTTIME, CLOCK_BOOTTIME, 1},
	{"CLOCK_REALTIME_ALARM", by_clock_gettime, CLOCK_REALTIME_ALARM, CLOCK_REALTIME_ALARM, 1},
	{"CLOCK_BOOTTIME_ALARM", by_clock_gettime, CLOCK_BOOTTIME_ALARM, CLOCK_BOOTTIME_ALARM, 1},
	{"10", by_clock_gettime, 10, 10, 1}, /* CLOCK_SGI_CYCLE, gone from Linux */
	{"CLOCK_TAI", by_clock_gettime, CLOCK_TAI, CLOCK_TAI, 1},
	{"timespec_get", by_timespec_get, CLOCK_REALTIME, CLOCK_REALTIME, 1},
	{"gettimeofday", by_gettimeofday, CLOCK_REALTIME, CLOCK_REALTIME, 1000},
	{"time", by_time, CLOCK_REALTIME_COARSE, CLOCK_REALTIME, 1000000000},
	{"time(&t)", by_time_stored, CLOCK_REALTIME_COARSE, CLOCK_REALTIME, 1000000000},
	{"__vdso_clock_gettime", by_vdso_clock_gettime, CLOCK_REALTIME, CLOCK_REALTIME, 1},
	{"__vdso_gettimeofday", by_vdso_gettimeofday, CLOCK_REALTIME, CLOCK_REALTIME, 1000},
	{"__vdso_time", by_vdso_time, CLOCK_REALTIME_COARSE, CLOCK_REALTIME, 1000000000},
};

static int is_coarse(int id)
{
	return id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE;
}

static struct reading read_once(const struct subject *subject)
{
	struct reading reading;

	memset(&reading, 0, sizeof(reading));
	true_clock(subject->from, &reading.before);
	errno = 0;
	reading.rc = subject->read(subject->from, &reading.value);
	reading.error = errno;
	true_clock(subject->to, &reading.after);
	return reading;
}

/* A coarse clock that ticked while it was being read is read again. */
static struct reading read_subject(const struct subject *subject)
{
	struct reading reading;

	do
		reading = read_once(subject);
	while (is_coarse(subject->to) && memcmp(&reading.before, &reading.after, sizeof(reading.after)));
	return reading;
}

static void print_timespec(FILE *out, const char *name, const struct timespec *ts)
{
	fprintf(out, ",\"%s\":[%lld,%lld]", name, (long long)ts->tv_sec, (long long)ts->tv_nsec);
}

void print_readings(FILE *out)
{
	size_t count = sizeof(subjects) / sizeof(subjects[0]);

	fprintf(out, "{\"pid\":%d,\"readings\":[", getpid());
	for (size_t i = 0; i < count; i++) {
		struct reading reading = read_subject(&subjects[i]);

		fprintf(out, "%s{\"name\":\"%s\",\"unit\":%ld,\"rc\":%d,\"errno\":%d", i ? "," : "",
			subjects[i].name, subjects[i].unit, reading.rc, reading.error);
		print_timespec(out, "before", &reading.before);
		print_timespec(out, "value", &reading.value);
		print_timespec(out, "after", &reading.after);
		fprintf(out, "}");
	}
	fprintf(out, "]}\n");
}
