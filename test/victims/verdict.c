/* See verdict.h. */
#define _GNU_SOURCE
#include "truth.h"
#include "verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static int64_t offsets[MAX_OFFSETS];
static int offset_count = 1;
static _Atomic unsigned epoch;

void verdict_offsets(int count, char **arguments)
{
	for (int i = 0; i < count && offset_count < MAX_OFFSETS; i++)
		offsets[offset_count++] = strtoll(arguments[i], NULL, 10);
}

void verdict_violation(struct verdict *verdict, const char *format, ...)
{
	uint64_t index = atomic_fetch_add(&verdict->violations, 1);
	va_list arguments;

	if (index >= KEPT)
		return;
	va_start(arguments, format);
	vsnprintf(verdict->kept[index], sizeof(verdict->kept[0]), format, arguments);
	va_end(arguments);
}

static void judge_wall(struct verdict *verdict, _Atomic uint64_t *seen, const char *name, int64_t unit, int64_t before,
	int64_t value)
{
	int64_t after = true_time(CLOCK_REALTIME);

	for (int i = 0; i < offset_count; i++) {
		if (value < before + offsets[i] - (unit - 1) || value > after + offsets[i])
			continue;
		atomic_fetch_add(&seen[i], 1);
		return;
	}
	verdict_violation(verdict, "%s is no permitted time: %" PRId64 " ns from the truth", name, value - before);
}

void verdict_read(struct verdict *verdict)
{
	struct timespec ts;
	struct timeval tv;
	_Atomic uint64_t *seen = verdict->seen[atomic_load(&epoch) % 2];
	int64_t before = true_time(CLOCK_REALTIME), value;

	clock_gettime(CLOCK_REALTIME, &ts);
	judge_wall(verdict, seen, "CLOCK_REALTIME", 1, before, ts.tv_sec * SECOND + ts.tv_nsec);
	before = true_time(CLOCK_REALTIME);
	gettimeofday(&tv, NULL);
	judge_wall(verdict, seen, "gettimeofday", 1000, before, tv.tv_sec * SECOND + tv.tv_usec * 1000);
	before = true_time(CLOCK_MONOTONIC);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	value = ts.tv_sec * SECOND + ts.tv_nsec;
	if (value < before || value > true_time(CLOCK_MONOTONIC))
		verdict_violation(verdict, "CLOCK_MONOTONIC is %" PRId64 " ns from the truth", value - before);
	atomic_fetch_add(&verdict->readings, 3);
}

void verdict_new_epoch(struct verdict *verdicts, int threads)
{
	unsigned next = atomic_load(&epoch) + 1;

	for (int i = 0; i < threads; i++)
		for (int j = 0; j < MAX_OFFSETS; j++)
			atomic_store(&verdicts[i].seen[next % 2][j], 0);
	atomic_store(&epoch, next);
}

void verdict_report(const struct verdict *verdicts, int threads)
{
	uint64_t readings = 0, violations = 0, interrupted = 0;
	const char *separator = "";

	for (int i = 0; i < threads; i++) {
		readings += atomic_load(&verdicts[i].readings);
		violations += atomic_load(&verdicts[i].violations);
		interrupted += atomic_load(&verdicts[i].interrupted);
	}
	printf("{\"threads\":%d,\"readings\":%" PRIu64 ",\"seen\":{", threads, readings);
	for (int i = 0; i < offset_count; i++) {
		uint64_t seen = 0;

		for (int j = 0; j < threads; j++)
			seen += atomic_load(&verdicts[j].seen[atomic_load(&epoch) % 2][i]);
		printf("%s\"%" PRId64 "\":%" PRIu64, i ? "," : "", offsets[i], seen);
	}
	printf("},\"interrupted\":%" PRIu64 ",\"violations\":%" PRIu64 ",\"first\":[", interrupted, violations);
	for (int i = 0; i < threads; i++)
		for (int j = 0; j < KEPT && verdicts[i].kept[j][0]; j++, separator = ",")
			printf("%s\"%s\"", separator, verdicts[i].kept[j]);
	printf("]}\n");
	fflush(stdout);
}
