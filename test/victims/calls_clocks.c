/* Clocks that are read by a system call: skewed like those that the vDSO reads, and as particular about pointers. */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

static int64_t floor_to(int64_t ns, int64_t unit)
{
	return ns - ((ns % unit) + unit) % unit;
}

static void check_between(int64_t earliest, int64_t value, int64_t latest, int64_t unit)
{
	check(value >= floor_to(earliest, unit), "it is %ld ns early", earliest - value);
	check(value <= floor_to(latest, unit), "it is %ld ns late", value - latest);
}

/* What a function of its own shows, which may be selected without the clock that it reads. */
static int64_t shown_by(uint64_t selected, int clock, int64_t time)
{
	return world.selected & selected ? fake_time(clock, time) : time;
}

/* Arguments that the calls do not have are in registers, too. */
#define TWO(first, second) ARGS(first, second, 3333, 4444, 5555, 6666)

/* What the kernel says without us. */
static long plainly(long number, uint64_t first, uint64_t second)
{
	unsigned free = caller.free;
	long result;

	caller.free = PLAIN;
	result = make_call(&caller, number, TWO(first, second));
	caller.free = free;
	return result;
}

static void try_same(const char *name, long number, uint64_t first, uint64_t second)
{
	long expected = plainly(number, first, second), result;

	looking_at("%s", name);
	result = make_call(&caller, number, TWO(first, second));
	check(result == expected && expected < 0, "the result is %ld, without us it is %ld", result, expected);
	check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
}

static void *constant_page(void)
{
	static void *page;

	if (!page)
		page = mmap(NULL, TS_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page;
}

static void try_clock(int id)
{
	struct timespec now = {-1, -1};
	uint64_t number = (uint64_t)id & 0xffffffff;
	long expected = plainly(SYS_clock_gettime, number, P(&now)), result;
	int64_t before, after;

	now = (struct timespec){-1, -1};
	before = true_now(id);
	looking_at("clock_gettime(%d)", id);
	result = make_call(&caller, SYS_clock_gettime, TWO(number | (id & 1 ? 0xabcdull << 32 : 0), P(&now)));
	after = true_now(id);
	check(result == expected, "the result is %ld, without us it is %ld", result, expected);
	check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
	if (result == 0) {
		check(now.tv_nsec >= 0 && now.tv_nsec < SECOND, "%ld ns", now.tv_nsec);
		check_between(fake_time(id, before), now.tv_sec * SECOND + now.tv_nsec, fake_time(id, after), 1);
	} else {
		check(now.tv_sec == -1 && now.tv_nsec == -1, "it was written to");
	}
	try_same("clock_gettime, NULL", SYS_clock_gettime, number, 0);
	try_same("clock_gettime, bad pointer", SYS_clock_gettime, number, P(bad_pointer()));
	try_same("clock_gettime, half a timespec", SYS_clock_gettime, number, P(half_pointer()));
	try_same("clock_gettime, constant memory", SYS_clock_gettime, number, P(constant_page()));
}

static void try_timeofday(void)
{
	struct timeval now = {-1, -1};
	struct timezone zone = {-1, -1};
	int64_t before = shown_by(TS_SELECT_GETTIMEOFDAY, CLOCK_REALTIME, true_now(CLOCK_REALTIME)), after;
	long result;

	looking_at("gettimeofday");
	result = make_call(&caller, SYS_gettimeofday, TWO(P(&now), P(&zone)));
	after = shown_by(TS_SELECT_GETTIMEOFDAY, CLOCK_REALTIME, true_now(CLOCK_REALTIME));
	check(result == 0 && caller.changed == 0, "the result is %ld", result);
	check_between(before, now.tv_sec * SECOND + now.tv_usec * 1000, after, 1000);
	check(zone.tz_minuteswest != -1, "there is no time zone");
	zone.tz_minuteswest = -1;
	check(make_call(&caller, SYS_gettimeofday, TWO(0, P(&zone))) == 0, "without a timeval it fails");
	check(zone.tz_minuteswest != -1, "there is no time zone");
	check(make_call(&caller, SYS_gettimeofday, TWO(0, 0)) == 0, "without anything it fails");
	check(make_call(&caller, SYS_gettimeofday, TWO(P(&now), 0)) == 0, "without a time zone it fails");
	try_same("gettimeofday, bad pointer", SYS_gettimeofday, P(bad_pointer()), 0);
	try_same("gettimeofday, half a timeval", SYS_gettimeofday, P(half_pointer()), 0);
	try_same("gettimeofday, constant memory", SYS_gettimeofday, P(constant_page()), 0);
	try_same("gettimeofday, bad time zone", SYS_gettimeofday, P(&now), P(bad_pointer()));
}

#ifdef SYS_time
/* The seconds of the coarse clock. */
static int64_t coarse_now(void)
{
	return shown_by(TS_SELECT_TIME, CLOCK_REALTIME_COARSE, true_now(CLOCK_REALTIME_COARSE));
}

static void try_time(void)
{
	int64_t before = coarse_now(), stored = -1;
	long result;

	looking_at("time");
	result = make_call(&caller, SYS_time, TWO(P(&stored), 2222));
	check(result == stored && caller.changed == 0, "%ld is returned, %ld stored", result, stored);
	check_between(before, result * SECOND, coarse_now(), SECOND);
	before = coarse_now();
	result = make_call(&caller, SYS_time, TWO(0, 2222));
	check_between(before, result * SECOND, coarse_now(), SECOND);
	try_same("time, bad pointer", SYS_time, P(bad_pointer()), 0);
	try_same("time, constant memory", SYS_time, P(constant_page()), 0);
}
#endif

void try_clocks(void)
{
	static const unsigned free[] = {0, ALL_FREE};

	for (unsigned i = 0; i < 2; i++) {
		caller.free = free[i];
		for (int id = -14; id < 70; id++) {
			caller.misaligned = (unsigned)id % 16;
			try_clock(id);
		}
		for (int times = 0; times < 50; times++) {
			try_timeofday();
#ifdef SYS_time
			try_time();
#endif
		}
	}
}
