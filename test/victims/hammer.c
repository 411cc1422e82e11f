/*
 * A victim whose threads do nothing but read clocks: `hammer THREADS OFFSET…`. A reading of the wall clock
 * must be true, or true plus one of the offsets (in ns); one of CLOCK_MONOTONIC must be true. Everything else
 * is a violation: it is counted, and the first ones are kept in words.
 *
 * The one command on stdin is `settle`: waits until every thread has finished a batch of readings that it
 * began after the command, and answers with one line of JSON: what those batches saw, and what has gone
 * wrong since the start. The end of stdin ends the program.
 */
#define _GNU_SOURCE
#include "judge.h"
#include "truth.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define ROUNDS 1000 /* enough for the batch's own system calls to be a few percent of its time */
#define KEPT 4
#define STACK (64 * 1024)

enum subject { REALTIME, MONOTONIC, COARSE, TIMEOFDAY, SECONDS, SUBJECTS };

static const struct {
	const char *name;
	int64_t granularity;
	int from, to; /* the true clocks that bound it: time() counts the seconds of the coarse clock */
} subjects[SUBJECTS] = {
	[REALTIME] = {"CLOCK_REALTIME", 1, CLOCK_REALTIME, CLOCK_REALTIME},
	[MONOTONIC] = {"CLOCK_MONOTONIC", 1, CLOCK_MONOTONIC, CLOCK_MONOTONIC},
	[COARSE] = {"CLOCK_REALTIME_COARSE", 1, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_COARSE},
	[TIMEOFDAY] = {"gettimeofday", 1000, CLOCK_REALTIME, CLOCK_REALTIME},
	[SECONDS] = {"time", SECOND, CLOCK_REALTIME_COARSE, CLOCK_REALTIME},
};

struct worker {
	_Alignas(64) pthread_t thread;
	_Atomic uint64_t readings, violations;
	unsigned answered; /* the last `settle` that this thread has answered */
	uint64_t seen[MAX_OFFSETS]; /* wall clock readings of the batch that answered it, by offset */
	char kept[KEPT][160];
};

static int64_t offsets[MAX_OFFSETS]; /* descending, 0 among them */
static int offset_count = 1;
static atomic_uint settles;
static sem_t answers;

static void violate(struct worker *worker, enum subject subject, const char *what, int64_t value, int64_t truth)
{
	uint64_t index = atomic_fetch_add_explicit(&worker->violations, 1, memory_order_relaxed);

	if (index < KEPT)
		snprintf(worker->kept[index], sizeof(worker->kept[0]), "%s %s: %lld, %lld ns from the truth",
			subjects[subject].name, what, (long long)value, (long long)(value - truth));
}

/* One reading in ns; its fraction of a second is checked here, because the sum would hide a wrong one. */
static inline int64_t take(struct worker *worker, enum subject subject)
{
	struct timespec ts = {0, 0};
	struct timeval tv;

	switch (subject) {
	case TIMEOFDAY:
		gettimeofday(&tv, NULL);
		ts = (struct timespec){tv.tv_sec, tv.tv_usec * 1000};
		break;
	case SECONDS:
		ts.tv_sec = time(NULL);
		break;
	default:
		clock_gettime(subjects[subject].from, &ts);
	}
	if ((uint64_t)ts.tv_nsec >= (uint64_t)SECOND)
		violate(worker, subject, "has a fraction beyond a second", ts.tv_nsec, 0);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static void begin(struct judge *judges)
{
	for (int i = 0; i < SUBJECTS; i++) {
		judges[i].offsets = i == MONOTONIC ? 1 : offset_count;
		memcpy(judges[i].offset, i == MONOTONIC ? (int64_t[MAX_OFFSETS]){0} : offsets, sizeof(offsets));
		judge_start(&judges[i], true_time(subjects[i].from), subjects[i].granularity);
	}
}

static void end(struct worker *worker, const struct judge *judges)
{
	for (int i = 0; i < SUBJECTS; i++) {
		int64_t truth = true_time(subjects[i].to);
		int late = judge_end(&judges[i], truth);

		if (late >= 0)
			violate(worker, i, "was ahead of the end of its batch",
				judges[i].start + judges[i].offset[late] + judges[i].latest[late], truth);
	}
}

static inline void read_and_judge(struct worker *worker, struct judge *judges, enum subject subject)
{
	int64_t value = take(worker, subject);

	if (!judge_reading(&judges[subject], value))
		violate(worker, subject, "is no permitted time", value, judges[subject].start);
}

static void answer(struct worker *worker, unsigned settle, const struct judge *judges)
{
	for (int i = 0; i < offset_count; i++) {
		worker->seen[i] = 0;
		for (int subject = 0; subject < SUBJECTS; subject++)
			if (subject != MONOTONIC)
				worker->seen[i] += judges[subject].count[i];
	}
	worker->answered = settle;
	sem_post(&answers);
}

static void *hammer(void *argument)
{
	struct worker *worker = argument;
	struct judge judges[SUBJECTS];

	for (;;) {
		unsigned settle = atomic_load(&settles);

		begin(judges);
		for (int round = 0; round < ROUNDS; round++) {
			read_and_judge(worker, judges, REALTIME);
			read_and_judge(worker, judges, MONOTONIC);
			read_and_judge(worker, judges, COARSE);
			read_and_judge(worker, judges, TIMEOFDAY);
			read_and_judge(worker, judges, SECONDS);
		}
		end(worker, judges);
		atomic_fetch_add_explicit(&worker->readings, ROUNDS * SUBJECTS, memory_order_relaxed);
		if (settle != worker->answered)
			answer(worker, settle, judges);
	}
	return NULL;
}

static void settle(struct worker *workers, int threads)
{
	atomic_fetch_add(&settles, 1);
	for (int i = 0; i < threads; i++)
		while (sem_wait(&answers))
			;
	for (int i = 1; i < threads; i++)
		for (int j = 0; j < offset_count; j++)
			workers[0].seen[j] += workers[i].seen[j];
}

static void report(struct worker *workers, int threads)
{
	uint64_t readings = 0, violations = 0;
	const char *separator = "";

	for (int i = 0; i < threads; i++) {
		readings += atomic_load(&workers[i].readings);
		violations += atomic_load(&workers[i].violations);
	}
	printf("{\"threads\":%d,\"readings\":%llu,\"seen\":{", threads, (unsigned long long)readings);
	for (int i = 0; i < offset_count; i++)
		printf("%s\"%lld\":%llu", i ? "," : "", (long long)offsets[i],
			(unsigned long long)workers[0].seen[i]);
	printf("},\"violations\":%llu,\"first\":[", (unsigned long long)violations);
	for (int i = 0; i < threads; i++)
		for (int j = 0; j < KEPT && workers[i].kept[j][0]; j++, separator = ",")
			printf("%s\"%s\"", separator, workers[i].kept[j]);
	printf("]}\n");
	fflush(stdout);
}

static int descending(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a < b) - (a > b);
}

static void read_offsets(int count, char **arguments)
{
	if (count > MAX_OFFSETS - 1)
		count = MAX_OFFSETS - 1;
	for (int i = 0; i < count; i++)
		offsets[offset_count++] = strtoll(arguments[i], NULL, 10);
	qsort(offsets, (size_t)offset_count, sizeof(offsets[0]), descending);
}

static struct worker *start(int threads)
{
	struct worker *workers = aligned_alloc(64, (size_t)threads * sizeof(*workers));
	pthread_attr_t small;

	if (!workers)
		return NULL;
	memset(workers, 0, (size_t)threads * sizeof(*workers));
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	sem_init(&answers, 0, 0);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&workers[i].thread, &small, hammer, &workers[i]))
			return NULL;
	return workers;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 0;
	struct worker *workers;
	char line[64];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	read_offsets(argc - 2, argv + 2);
	workers = threads > 0 ? start(threads) : NULL;
	if (!workers) {
		fprintf(stderr, "usage: hammer THREADS OFFSET…\n");
		return 1;
	}
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		settle(workers, threads);
		report(workers, threads);
	}
	return 0;
}
