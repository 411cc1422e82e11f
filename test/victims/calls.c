/*
 * The payload's translation of system calls, tried out: `calls PAYLOAD PART [STEP]`. Prints one line of JSON: {"checks",
 * "deepest": bytes of stack used, "failed", "failures": [the first ones]}, and for `storm` and `bench` what they
 * found in "found". The parts are in calls_*.c; all but these two are tried in many worlds at once, or in each STEPth of
 * them, each a process of its own.
 */
#define _GNU_SOURCE
#include "calls.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT 20
#define AT_ONCE 24 /* they sleep */
#define TRIES 8
#define NEVER (1ll << 62) /* ns ahead: a clock that takes longer than that does not get there */

struct shared {
	_Atomic uint64_t checks, failed;
	_Atomic unsigned deepest;
	char failures[KEPT][400];
	char found[1000];
};

static struct shared *shared;
static __thread char looked_at[200];

struct caller caller = {.check_stack = 1};

void looking_at(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(looked_at, sizeof(looked_at), format, list);
	va_end(list);
}

void check(int right, const char *format, ...)
{
	uint64_t number;
	char *kept;
	int length;
	va_list list;

	shared->checks++;
	if (right)
		return;
	number = shared->failed++;
	if (number >= KEPT)
		return;
	kept = shared->failures[number];
	length = snprintf(kept, 300, "selected %#lx, offset %ld, rate %lu/%lu, free %u: %s: ", world.selected, world.offset,
		world.multiplier, world.divisor, caller.free, looked_at);
	va_start(list, format);
	vsnprintf(kept + length, sizeof(shared->failures[0]) - (size_t)length, format, list);
	va_end(list);
}

void tell(const char *format, ...)
{
	size_t length = strlen(shared->found);
	va_list list;

	va_start(list, format);
	vsnprintf(shared->found + length, sizeof(shared->found) - length, format, list);
	va_end(list);
}

/* ---- times --------------------------------------------------------------------------------------------------- */

int64_t true_now(int clock)
{
	struct timespec now = {0, 0};

	syscall(SYS_clock_gettime, clock, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

int is_selected(int clock)
{
	return clock >= 0 && clock < 32 && world.selected >> clock & 1;
}

static int64_t floor_of(__int128 value, int64_t by)
{
	return (int64_t)(value / by - (value % by < 0));
}

int64_t fake_time(int clock, int64_t time)
{
	int64_t gained = (int64_t)world.multiplier - (int64_t)world.divisor, sum = time;

	if (!is_selected(clock))
		return time;
	sum += world.offset + floor_of((__int128)(time - world.start[family_of(clock)]) * gained, (int64_t)world.divisor);
	return sum < 0 && is_profile(&world) ? 0 : sum;
}

int64_t fake_now(int clock)
{
	return fake_time(clock, true_now(clock));
}

int64_t true_ahead(int clock, int64_t fake)
{
	__int128 span = (__int128)fake * (int64_t)world.divisor;

	if (!is_selected(clock) || !world.multiplier || span / (int64_t)world.multiplier > NEVER)
		return fake;
	return (int64_t)(span / (int64_t)world.multiplier);
}

int64_t fake_ahead(int clock, int64_t span)
{
	if (!is_selected(clock) || !world.multiplier)
		return span;
	return (int64_t)((__int128)span * (int64_t)world.multiplier / (int64_t)world.divisor);
}

int64_t true_span(int64_t fake)
{
	return true_ahead(CLOCK_MONOTONIC, fake);
}

int64_t fake_span(int64_t span)
{
	return fake_ahead(CLOCK_MONOTONIC, span);
}

int at_a_rate(void)
{
	return is_selected(CLOCK_MONOTONIC) && world.multiplier != world.divisor;
}

struct timespec as_timespec(int64_t ns)
{
	return (struct timespec){ns / SECOND, ns % SECOND};
}

long in_time(const struct measured *measured)
{
	int64_t took = 0;
	long result = 0;

	for (int i = 0; i < TRIES; i++) {
		int64_t before = true_now(CLOCK_MONOTONIC);

		result = measured->call(measured->context);
		took = true_now(CLOCK_MONOTONIC) - before;
		if (took <= measured->most)
			break;
	}
	check(took >= measured->least, "took %ld ns, less than %ld (result %ld)", took, measured->least, result);
	check(took <= measured->most, "took %ld ns, more than %ld (result %ld)", took, measured->most, result);
	return result;
}

/* ---- pointers ------------------------------------------------------------------------------------------------ */

#define BELOW_EDGE (8 * TS_PAGE)

uint8_t *edge(void)
{
	static uint8_t *pages;

	if (!pages) {
		pages = mmap(NULL, BELOW_EDGE + TS_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(pages + BELOW_EDGE, TS_PAGE, PROT_NONE);
	}
	return pages + BELOW_EDGE;
}

void *bad_pointer(void)
{
	return edge() + 64;
}

void *half_pointer(void)
{
	return edge() - 8;
}

/* ---- worlds -------------------------------------------------------------------------------------------------- */

#define REALTIMES (1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_REALTIME_ALARM | 1u << CLOCK_TAI)
#define PROCESSOR_TIMES (1u << CLOCK_PROCESS_CPUTIME_ID | 1u << CLOCK_THREAD_CPUTIME_ID)
#define MONOTONICS (1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_COARSE | 1u << CLOCK_BOOTTIME | PROCESSOR_TIMES)
#define FUNCTIONS (TS_SELECT_GETTIMEOFDAY | TS_SELECT_TIME)

static const uint64_t selections[] = {0, REALTIMES | FUNCTIONS, MONOTONICS, REALTIMES | MONOTONICS | FUNCTIONS};
static const int64_t offsets[] = {-600 * SECOND, 600 * SECOND, 250 * MILLISECOND, -1750 * MILLISECOND - 1};
static const uint64_t rates[][2] = {{1, 1}, {1, 2}, {2, 1}, {37, 10}, {0, 1}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void in_every_world(void (*part)(void), unsigned step)
{
	int running = 0;

	for (unsigned i = 0; i < COUNT(selections) * COUNT(offsets) * COUNT(rates); i += step) {
		const uint64_t *rate = rates[i % COUNT(rates)];
		struct world next = {.selected = selections[i / COUNT(rates) / COUNT(offsets)],
			.offset = offsets[i / COUNT(rates) % COUNT(offsets)], .multiplier = rate[0], .divisor = rate[1]};
		int status;

		if (is_profile(&next))
			next.selected &= ~(uint64_t)PROCESSOR_TIMES; /* these have constant offsets only */
		if (running == AT_ONCE) {
			wait(&status);
			check(status == 0, "a world ended with status %d", status);
			running--;
		}
		running++;
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		set_world(&next);
		part();
		if (caller.deepest > shared->deepest)
			shared->deepest = caller.deepest;
		_exit(0);
	}
	for (int status; running > 0 && wait(&status) > 0; running--)
		check(status == 0, "a world ended with status %d", status);
}

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar(*text);
	putchar('"');
}

static void report(void)
{
	uint64_t kept = shared->failed < KEPT ? shared->failed : KEPT;

	printf("{\"checks\":%lu,\"deepest\":%u,\"found\":{%s},\"failed\":%lu,\"failures\":[", shared->checks,
		shared->deepest, shared->found, shared->failed);
	for (uint64_t i = 0; i < kept; i++) {
		if (i)
			putchar(',');
		print_string(shared->failures[i]);
	}
	printf("]}\n");
}

int main(int argc, char **argv)
{
	static const struct part {
		const char *name;
		void (*try)(void);
		int alone;
	} parts[] = {
		{"deadlines", try_deadlines, 0}, {"durations", try_durations, 0}, {"rests", try_rests, 0},
		{"timers", try_timers, 0},       {"intervals", try_intervals, 0}, {"clocks", try_clocks, 0},
		{"storm", storm, 1},             {"bench", bench, 1},
	};

	if (argc < 3)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	load_payload(argv[1]);
	for (unsigned i = 0; i < COUNT(parts); i++) {
		if (strcmp(parts[i].name, argv[2]))
			continue;
		if (parts[i].alone)
			parts[i].try();
		else
			in_every_world(parts[i].try, argc > 3 ? (unsigned)atoi(argv[3]) : 1);
		report();
		return 0;
	}
	return 2;
}
