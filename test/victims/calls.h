/*
 * A program that has the payload in its own memory, as timeskew would put it there, and makes system calls through
 * thunks that it builds by itself. What comes of each call is compared with what must come of it.
 */
#ifndef TIMESKEW_VICTIM_CALLS_H
#define TIMESKEW_VICTIM_CALLS_H

#include "../../native/payload/params.h"
#include "calls_machine.h"

#include <stdint.h>
#include <time.h>

#define SECOND 1000000000ll
#define MILLISECOND 1000000ll
#define ARGUMENTS 6
#define ALL_FREE 63u
#define FOREVER INT64_MAX

/* What the program sees: settings as a slot has them, the offset in ns, the rate as a quotient. */
struct world {
	uint64_t selected;
	int64_t offset;
	uint64_t multiplier, divisor; /* fake time per true time; 0 per one: the clock stands still */
	int as_profile; /* even at the rate 1 */
	int64_t start[TS_FAMILIES];
};

extern struct ts_params *params;
extern struct world world;

/* ---- calls_load.c ------------------------------------------------------------------------------------------ */

/* Maps the payload's file and builds the thunks; ends the program with a message if that fails. */
void load_payload(const char *file);

/* Puts settings in force as the tool does: fills the idle slot, flips the index. A rate begins now. */
void set_world(const struct world *next);
int is_profile(const struct world *world);
enum ts_family family_of(int clock);

/* calls_machine.c: where a call is made: with the argument registers in `free` declared to be free, or without a thunk. */
#define PLAIN 64u
uint64_t site_of(unsigned free);
void build_sites(uint64_t ts_enter);

/* ---- calls_machine.c --------------------------------------------------------------------------------------- */

/* Which registers may change, how the stack lies; and what it came to. One for each thread. */
struct caller {
	unsigned free;
	unsigned misaligned; /* bytes */
	unsigned check_stack; /* no signal handler may run meanwhile */
	unsigned deepest;     /* bytes of stack below the caller's */
	uint64_t changed;     /* bit n: argument n was changed */
	uint64_t argument[ARGUMENTS];
	struct machine machine;
	uint8_t stack[16384] __attribute__((aligned(16)));
};

/* A system call; what it has done to registers and to the stack beside is judged. */
long make_call(struct caller *caller, long number, const uint64_t arguments[ARGUMENTS]);

/* Whether the register of an argument has the result behind the call. */
int is_hidden(unsigned argument);

#define ARGS(...) ((const uint64_t[ARGUMENTS]){__VA_ARGS__})
#define P(pointer) ((uint64_t)(uintptr_t)(pointer))

/* ---- calls.c ----------------------------------------------------------------------------------------------- */

/* The case that is being looked at, and what is wrong with it. */
void looking_at(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check(int right, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* More of "found", in JSON. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* By system calls of its own: the truth, and what the program would read. */
int64_t true_now(int clock);
int64_t fake_now(int clock);
int is_selected(int clock);

/* What a clock shows that truly reads `time`. */
int64_t fake_time(int clock, int64_t time);

/*
 * How long the program's clock takes for a span of its time, and how much of its time a span takes; exact but for a
 * nanosecond. For a clock that stands still, time passes as it truly does.
 */
int64_t true_ahead(int clock, int64_t fake);
int64_t fake_ahead(int clock, int64_t span);

/* The same of durations, which are CLOCK_MONOTONIC's. */
int64_t true_span(int64_t fake);
int64_t fake_span(int64_t span);

/* Whether durations are not what they are said to be. */
int at_a_rate(void);

struct timespec as_timespec(int64_t ns);

/* What `call` does must take that long, in true time; what is late is tried again, what is early is wrong. */
struct measured {
	int64_t least, most;
	long (*call)(void *context);
	void *context;
};
long in_time(const struct measured *measured);

/* The end of a caller's worth of memory: there is none behind. */
uint8_t *edge(void);

/* An address that no memory is at, and one whose second half has none behind it. */
void *bad_pointer(void);
void *half_pointer(void);

extern struct caller caller;

void try_deadlines(void);
void try_durations(void);
void try_rests(void);
void try_timers(void);
void try_intervals(void);
void try_clocks(void);
void storm(void);
void bench(void);

#endif
