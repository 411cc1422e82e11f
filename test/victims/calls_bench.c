/* What a call costs: plainly, and through a thunk with all that can happen there. */
#define _GNU_SOURCE
#include "calls.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#define CALLS 20000
#define BATCHES 40

static uint32_t word;
static struct timespec elsewhere[2 * TS_PAGE / sizeof(struct timespec)]; /* not on a page of the stack */
#define deadline elsewhere[TS_PAGE / sizeof(struct timespec)]

/* The best of many batches, in ns; what it costs to come to the site is the same for all. */
static double cost(unsigned free, long number, const uint64_t *arguments)
{
	double best = 1e9;

	caller.check_stack = 0;
	caller.free = free;
	make_call(&caller, number, arguments);
	for (int batch = 0; batch < BATCHES; batch++) {
		int64_t began = true_now(CLOCK_THREAD_CPUTIME_ID), took;

		for (int i = 0; i < CALLS; i++)
			run_machine(&caller.machine);
		took = true_now(CLOCK_THREAD_CPUTIME_ID) - began;
		if ((double)took / CALLS < best)
			best = (double)took / CALLS;
	}
	return best;
}

static void measure(const char *name, const struct world *in, long number, const uint64_t *arguments)
{
	double plain;

	set_world(in);
	plain = cost(PLAIN, number, arguments);
	tell("\"%s\":{\"plain\":%.1f,\"free\":%.1f,\"wrapped\":%.1f},", name, plain, cost(ALL_FREE, number, arguments),
		cost(0, number, arguments));
}

void bench(void)
{
	static const struct world neutral = {.multiplier = 1, .divisor = 1};
	static const struct world skewed = {.selected = 3, .offset = 600 * SECOND, .multiplier = 1, .divisor = 1};
	static const struct world fast = {.selected = 3, .offset = 600 * SECOND, .multiplier = 2, .divisor = 1};
	const uint64_t wait[ARGUMENTS] = {P(&word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 1, P(&deadline), 0, ~0u};
	struct timespec *on_stack = (struct timespec *)(caller.stack + sizeof(caller.stack)) - 2;
	const uint64_t wait_usual[ARGUMENTS] = {P(&word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 1, P(on_stack), 0, ~0u};
	const uint64_t wake[ARGUMENTS] = {P(&word), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1};
	const uint64_t read[ARGUMENTS] = {CLOCK_REALTIME, P(&deadline)};

	caller.misaligned = 64;
	*on_stack = deadline = as_timespec(true_now(CLOCK_MONOTONIC) + 100000 * SECOND);
	measure("getppid", &skewed, SYS_getppid, ARGS(0));
	measure("futex wait, neutral", &neutral, SYS_futex, wait);
	measure("futex wake, skewed", &skewed, SYS_futex, wake);
	measure("futex wait, skewed", &skewed, SYS_futex, wait);
	measure("futex wait, skewed, deadline on the stack", &skewed, SYS_futex, wait_usual);
	measure("futex wait, at a rate", &fast, SYS_futex, wait);
	measure("clock_gettime, neutral", &neutral, SYS_clock_gettime, read);
	measure("clock_gettime, skewed", &skewed, SYS_clock_gettime, read);
	tell("\"unit\":\"ns\"");
}
