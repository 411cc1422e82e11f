/*
 * A program that reads its clocks by system calls only: by libc's syscall(), and by its own in assembly, of which some
 * can be proved to be safe to patch, and others cannot. The only command is `read`, answered as by clocks.c. The end of
 * stdin ends the program.
 */
#define _GNU_SOURCE
#include "truth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef long (*reader)(int id, struct timespec *value);

/* ---- by syscall() --------------------------------------------------------------------------------------------- */

static long by_clock_gettime(int id, struct timespec *value)
{
	return syscall(SYS_clock_gettime, id, value);
}

static long by_gettimeofday(int id, struct timespec *value)
{
	struct timeval tv;
	long rc = syscall(SYS_gettimeofday, &tv, NULL);

	(void)id;
	*value = (struct timespec){tv.tv_sec, tv.tv_usec * 1000};
	return rc;
}

static long by_time(int id, struct timespec *value)
{
	(void)id;
	*value = (struct timespec){syscall(SYS_time, NULL), 0};
	return 0;
}

static long by_time_stored(int id, struct timespec *value)
{
	time_t stored = 0, returned = syscall(SYS_time, &stored);

	(void)id;
	*value = (struct timespec){stored, 0};
	return returned == stored ? 0 : -1;
}

/* ---- by assembly ------------------------------------------------------------------------------------------------ */

/* The usual pair. */
static __attribute__((noipa)) long bare_clock_gettime(int id, struct timespec *value)
{
	long result;

	__asm__ volatile("movl $228, %%eax\n\tsyscall"
			 : "=a"(result)
			 : "D"((long)id), "S"(value)
			 : "rcx", "r11", "memory");
	return result;
}

/* With other instructions in between. */
static __attribute__((noipa)) long spread_clock_gettime(int id, struct timespec *value)
{
	long result;

	__asm__ volatile("movl $228, %%eax\n\tmovslq %[id], %%rdi\n\tmovq %[value], %%rsi\n\tsyscall"
			 : "=&a"(result)
			 : [id] "r"(id), [value] "r"(value)
			 : "rcx", "r11", "rdi", "rsi", "memory");
	return result;
}

static __attribute__((noipa)) long bare_time(int id, struct timespec *value)
{
	long result;

	(void)id;
	__asm__ volatile("movl $201, %%eax\n\tsyscall" : "=a"(result) : "D"(NULL) : "rcx", "r11", "memory");
	*value = (struct timespec){result, 0};
	return 0;
}

/* The number is loaded behind a label: who jumps there would find half a jump. */
static __attribute__((noipa)) long branched_clock_gettime(int id, struct timespec *value)
{
	long result;

	__asm__ volatile("movl $228, %%eax\n\t"
			 "testl %%edi, %%edi\n\t"
			 "js 1f\n\t"
			 "nop\n"
			 "1:\tsyscall"
			 : "=a"(result)
			 : "D"((long)id), "S"(value)
			 : "rcx", "r11", "cc", "memory");
	return result;
}

/* `from` and `to` are the clocks that bound the reading: time() counts the seconds of the coarse clock. */
static const struct subject {
	const char *name;
	reader read;
	int from, to;
	long unit; /* granularity, ns */
} subjects[] = {
	{"syscall(SYS_clock_gettime, CLOCK_REALTIME)", by_clock_gettime, CLOCK_REALTIME, CLOCK_REALTIME, 1},
	{"syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE)", by_clock_gettime, CLOCK_REALTIME_COARSE,
		CLOCK_REALTIME_COARSE, 1},
	{"syscall(SYS_clock_gettime, CLOCK_MONOTONIC)", by_clock_gettime, CLOCK_MONOTONIC, CLOCK_MONOTONIC, 1},
	{"syscall(SYS_clock_gettime, CLOCK_BOOTTIME)", by_clock_gettime, CLOCK_BOOTTIME, CLOCK_BOOTTIME, 1},
	{"syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID)", by_clock_gettime, CLOCK_THREAD_CPUTIME_ID,
		CLOCK_THREAD_CPUTIME_ID, 1},
	{"syscall(SYS_gettimeofday)", by_gettimeofday, CLOCK_REALTIME, CLOCK_REALTIME, 1000},
	{"syscall(SYS_time)", by_time, CLOCK_REALTIME_COARSE, CLOCK_REALTIME, 1000000000},
	{"syscall(SYS_time, &t)", by_time_stored, CLOCK_REALTIME_COARSE, CLOCK_REALTIME, 1000000000},
	{"bare_clock_gettime(CLOCK_REALTIME)", bare_clock_gettime, CLOCK_REALTIME, CLOCK_REALTIME, 1},
	{"bare_clock_gettime(CLOCK_MONOTONIC)", bare_clock_gettime, CLOCK_MONOTONIC, CLOCK_MONOTONIC, 1},
	{"spread_clock_gettime(CLOCK_REALTIME)", spread_clock_gettime, CLOCK_REALTIME, CLOCK_REALTIME, 1},
	{"bare_time()", bare_time, CLOCK_REALTIME_COARSE, CLOCK_REALTIME, 1000000000},
	{"branched_clock_gettime(CLOCK_REALTIME)", branched_clock_gettime, CLOCK_REALTIME, CLOCK_REALTIME, 1},
};

static void print_timespec(const char *name, const struct timespec *ts)
{
	printf(",\"%s\":[%lld,%lld]", name, (long long)ts->tv_sec, (long long)ts->tv_nsec);
}

static void print_reading(const struct subject *subject)
{
	struct timespec before, value, after;
	long rc;

	true_clock(subject->from, &before);
	rc = subject->read(subject->from, &value);
	true_clock(subject->to, &after);
	printf("{\"name\":\"%s\",\"unit\":%ld,\"rc\":%ld,\"errno\":%d", subject->name, subject->unit, rc, rc ? errno : 0);
	print_timespec("before", &before);
	print_timespec("value", &value);
	print_timespec("after", &after);
	printf("}");
}

int main(void)
{
	char line[64];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	setvbuf(stdout, NULL, _IOLBF, 1 << 14);
	printf("{\"pid\":%d}\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		printf("{\"readings\":[");
		for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
			printf("%s", i ? "," : "");
			print_reading(&subjects[i]);
		}
		printf("]}\n");
	}
	return 0;
}
