/* What the parts of calls32.c share. */
#ifndef TIMESKEW_VICTIM_CALLS32_H
#define TIMESKEW_VICTIM_CALLS32_H

#include <stdint.h>

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
#define P(pointer) ((uint32_t)(uintptr_t)(pointer))
#define FD (uint32_t)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is being looked at, and what is wrong with it. */
void looking_at(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check(int right, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Of what is late: the machine may be busy. */
extern int most_tries;

/* __kernel_vsyscall, and the payload's way there. */
extern void *original, *ours;

/* The result of a call; what it has done to registers is judged. */
long call_by(void *via, uint32_t number, const uint32_t arguments[6]);

#define ARGS(...) ((const uint32_t[6]){__VA_ARGS__})
#define CALL(number, ...) call_by(ours, number, ARGS(__VA_ARGS__))
#define TRUE_CALL(number, ...) call_by(original, number, ARGS(__VA_ARGS__))

/* By system calls: the truth, and what the program reads; ns. */
int64_t true_now(int clock);
int64_t fake_now(int clock);

/* The wall clock is off; with a rate other than 1, CLOCK_MONOTONIC goes on at it from now on, too. */
#define RATE 8
void set_world(int64_t rate);

struct time32 {
	int32_t sec, nsec;
};
/* What a program has as padding may hold anything. */
struct time64 {
	int64_t sec;
	int32_t nsec, padding;
};
/* One or two, in either form. */
union time {
	struct time32 narrow[2];
	struct time64 wide[2];
};
void put(union time *time, int wide, int i, int64_t ns);
int64_t get(const union time *time, int wide, int i);

/* The end of memory: there is none behind. */
uint8_t *edge(void);

/* calls32_waits.c */
void try_waits(void);
/* calls32_timers.c */
void try_timers(void);

#endif
