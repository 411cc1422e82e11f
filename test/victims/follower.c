/*
 * Threads that read one clock all the time, and know the latest time that any of them has read: `follower CLOCK THREADS`,
 * CLOCK as its number. A reading that is earlier than what a thread had read before it began is a step back. Commands on
 * stdin, each answered with one line of JSON; a triple is the truth before a reading, the reading, and the truth after it,
 * in ns, as strings:
 *
 *   settle            every thread has read since: {"readings", "back", "first"}; `back` counts the steps back since the
 *                     start, `first` holds the first ones: what had been read before, and a triple
 *   series COUNT NS   the main thread reads, once in so many ns of the true time: {"readings": [triple, ...]}
 *   ending            the main thread reads until its clock is off, and then until it says the truth: {"last", "first"}:
 *                     triples of its last reading that was off, and its first that was not
 *
 * The end of stdin ends it.
 */
#define _GNU_SOURCE
#include "truth.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define BATCH 1000
#define KEPT 4
#define MOST_READINGS 100000
#define STACK (64 * 1024)

struct triple {
	int64_t before, value, after;
};

struct step {
	int64_t latest;
	struct triple reading;
};

static clockid_t clock_id;
static _Alignas(64) _Atomic int64_t latest;
static _Alignas(64) _Atomic uint64_t readings;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows; steps back are rare, or should be */
static uint64_t back;
static struct step kept[KEPT];
static atomic_uint settles;
static sem_t answers;
static struct triple series[MOST_READINGS];

static inline int64_t read_clock(void)
{
	struct timespec ts;

	clock_gettime(clock_id, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static struct triple read_between(void)
{
	struct triple reading;

	reading.before = true_time(clock_id);
	reading.value = read_clock();
	reading.after = true_time(clock_id);
	return reading;
}

static int is_true(const struct triple *reading)
{
	return reading->before <= reading->value && reading->value <= reading->after;
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

static void note_step(int64_t before, struct triple reading)
{
	pthread_mutex_lock(&lock);
	if (back < KEPT)
		kept[back] = (struct step){before, reading};
	back++;
	pthread_mutex_unlock(&lock);
}

/* What is published was read before it was published, and is loaded before the clock is read. */
static inline void follow(int64_t before)
{
	int64_t seen = atomic_load(&latest), value = read_clock();

	if (value < seen)
		note_step(seen, (struct triple){before, value, true_time(clock_id)});
	while (value > seen && !atomic_compare_exchange_weak(&latest, &seen, value))
		;
}

static void *follow_for_ever(void *unused)
{
	unsigned answered = 0;

	for (;;) {
		unsigned settle = atomic_load(&settles);
		int64_t before = true_time(clock_id);

		for (int i = 0; i < BATCH; i++)
			follow(before);
		atomic_fetch_add(&readings, BATCH);
		if (settle != answered) {
			answered = settle;
			sem_post(&answers);
		}
	}
	return unused;
}

static int start(int threads)
{
	pthread_attr_t small;
	pthread_t thread;

	atomic_store(&latest, INT64_MIN);
	sem_init(&answers, 0, 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread, &small, follow_for_ever, NULL))
			return -1;
	return 0;
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

static void print_triple(const struct triple *reading)
{
	printf("[\"%lld\",\"%lld\",\"%lld\"]", (long long)reading->before, (long long)reading->value,
		(long long)reading->after);
}

static void settle(int threads)
{
	atomic_fetch_add(&settles, 1);
	for (int i = 0; i < threads; i++)
		while (sem_wait(&answers))
			;
	pthread_mutex_lock(&lock);
	printf("{\"readings\":%llu,\"back\":%llu,\"first\":[", (unsigned long long)atomic_load(&readings),
		(unsigned long long)back);
	for (uint64_t i = 0; i < back && i < KEPT; i++) {
		printf("%s{\"latest\":\"%lld\",\"reading\":", i ? "," : "", (long long)kept[i].latest);
		print_triple(&kept[i].reading);
		printf("}");
	}
	printf("]}\n");
	pthread_mutex_unlock(&lock);
}

static void read_series(long count, int64_t period)
{
	int64_t next = true_time(CLOCK_MONOTONIC);

	if (count > MOST_READINGS)
		count = MOST_READINGS;
	for (long i = 0; i < count; i++, next += period) {
		while (true_time(CLOCK_MONOTONIC) < next)
			;
		series[i] = read_between();
	}
	printf("{\"readings\":[");
	for (long i = 0; i < count; i++) {
		printf("%s", i ? "," : "");
		print_triple(&series[i]);
	}
	printf("]}\n");
}

static void await_ending(void)
{
	struct triple last, now;

	do
		last = read_between();
	while (is_true(&last));
	while (now = read_between(), !is_true(&now))
		last = now;
	printf("{\"last\":");
	print_triple(&last);
	printf(",\"first\":");
	print_triple(&now);
	printf("}\n");
}

int main(int argc, char **argv)
{
	int threads = argc == 3 ? atoi(argv[2]) : -1;
	char line[128];
	long count;
	long long period;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	clock_id = argc == 3 ? atoi(argv[1]) : 0;
	if (threads < 0 || start(threads)) {
		fprintf(stderr, "usage: follower CLOCK THREADS\n");
		return 1;
	}
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "series %ld %lld", &count, &period) == 2)
			read_series(count, period);
		else if (strcmp(line, "ending\n") == 0)
			await_ending();
		else
			settle(threads);
		fflush(stdout);
	}
	return 0;
}
