/*
 * A process that makes it hard to be skewed: `hostile KIND`; the kinds are in hostile-*.c, test/README.md lists them.
 *
 * Each line on stdin is answered by one line of JSON; the end of stdin ends the program:
 *
 *     read       its clocks, each between two true times where the kind lets it know them
 *     forbidden  does what it may not do, and tells what came of it, if it is still there to tell
 *     tighten    makes it worse
 *
 * Nothing here but read() and write() is called once the process is what it is: some kinds allow no more.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "truth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct vdso clocks;
volatile int delivered;
char **arguments;

static char output[4096];
static size_t output_size;

_Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- /proc/self/maps ---------------------------------------------------------------------------------------- */

static struct range parse_range(const char *line)
{
	struct range range = {0};
	char r = '-', w = '-', x = '-';
	int at = 0;

	sscanf(line, "%lx-%lx %c%c%c%*c %*s %*s %*s %n", &range.start, &range.end, &r, &w, &x, &at);
	range.protection = (r == 'r' ? PROT_READ : 0) | (w == 'w' ? PROT_WRITE : 0) | (x == 'x' ? PROT_EXEC : 0);
	snprintf(range.name, sizeof(range.name), "%.31s", line + at);
	range.name[strcspn(range.name, "\n")] = '\0';
	return range;
}

size_t read_ranges(struct range *ranges, size_t most)
{
	static char text[65536];
	size_t count = 0, have = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("/proc/self/maps");
	while ((got = read(fd, text + have, sizeof(text) - 1 - have)) > 0) {
		char *line = text, *end;

		have += (size_t)got;
		text[have] = '\0';
		for (; (end = strchr(line, '\n')) && count < most; line = end + 1)
			ranges[count++] = parse_range(line);
		have -= (size_t)(line - text);
		memmove(text, line, have);
	}
	close(fd);
	return count;
}

struct range find_range(const char *name)
{
	static struct range ranges[512];
	size_t count = read_ranges(ranges, sizeof(ranges) / sizeof(ranges[0]));

	for (size_t i = 0; i < count; i++)
		if (strncmp(ranges[i].name, name, strlen(name)) == 0)
			return ranges[i];
	fprintf(stderr, "no %s in this process\n", name);
	exit(1);
}

/* ---- answers ------------------------------------------------------------------------------------------------ */

static void say(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	output_size += (size_t)vsnprintf(output + output_size, sizeof(output) - output_size, format, values);
	va_end(values);
}

static void send_line(void)
{
	say("\n");
	if (write(STDOUT_FILENO, output, output_size) != (ssize_t)output_size)
		_exit(1);
	output_size = 0;
}

/* `from` and `to` are the clocks that bound the reading: time() counts the seconds of the coarse clock. */
static const struct subject {
	const char *name;
	enum { CLOCK, TIMEOFDAY, SECONDS } function;
	int id, from, to;
	long unit;
	int quick; /* needs no time stamp counter */
} subjects[] = {
	{"CLOCK_REALTIME", CLOCK, CLOCK_REALTIME, CLOCK_REALTIME, CLOCK_REALTIME, 1, 0},
	{"CLOCK_MONOTONIC", CLOCK, CLOCK_MONOTONIC, CLOCK_MONOTONIC, CLOCK_MONOTONIC, 1, 0},
	{"CLOCK_REALTIME_COARSE", CLOCK, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_COARSE, CLOCK_REALTIME, 1, 1},
	{"gettimeofday", TIMEOFDAY, 0, CLOCK_REALTIME, CLOCK_REALTIME, 1000, 0},
	{"time", SECONDS, 0, CLOCK_REALTIME_COARSE, CLOCK_REALTIME, 1000000000, 1},
};

static int read_clock(const struct kind *kind, const struct subject *subject, struct timespec *value)
{
	struct timeval tv = {0, 0};
	int rc;

	if (kind->broken && subject->function == CLOCK)
		return (int)syscall(SYS_clock_gettime, subject->id, value);
	switch (subject->function) {
	case TIMEOFDAY:
		rc = kind->broken ? (int)syscall(SYS_gettimeofday, &tv, NULL) : clocks.gettimeofday(&tv, NULL);
		*value = (struct timespec){tv.tv_sec, tv.tv_usec * 1000};
		return rc;
	case SECONDS:
		value->tv_sec = kind->broken ? syscall(SYS_time, NULL) : clocks.time(NULL);
		return 0;
	default:
		return clocks.clock_gettime(subject->id, value);
	}
}

static void say_time(const char *name, const struct timespec *ts)
{
	say(",\"%s\":[%lld,%lld]", name, (long long)ts->tv_sec, (long long)ts->tv_nsec);
}

static void answer_read(const struct kind *kind)
{
	const char *separator = "";

	say("{\"readings\":[");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const struct subject *subject = &subjects[i];
		struct timespec before, value = {0, 0}, after;
		int rc;

		if (kind->coarse && !subject->quick)
			continue;
		if (!kind->blind)
			true_clock(subject->from, &before);
		rc = read_clock(kind, subject, &value);
		if (!kind->blind)
			true_clock(subject->to, &after);
		say("%s{\"name\":\"%s\",\"unit\":%ld,\"rc\":%d,\"errno\":0", separator, subject->name, subject->unit, rc);
		say_time("value", &value);
		if (!kind->blind) {
			say_time("before", &before);
			say_time("after", &after);
		}
		say("}");
		separator = ",";
	}
	say("]}");
}

static void answer_act(long (*act)(void))
{
	long rc;

	if (!act) {
		say("{\"error\":\"nothing to do\"}");
		return;
	}
	errno = 0;
	delivered = 0;
	rc = act();
	say("{\"rc\":%ld,\"errno\":%d,\"delivered\":%d}", rc, errno, delivered);
}

static void answer(const struct kind *kind, const char *command)
{
	if (strcmp(command, "read") == 0)
		answer_read(kind);
	else if (strcmp(command, "forbidden") == 0)
		answer_act(kind->forbidden);
	else if (strcmp(command, "tighten") == 0)
		answer_act(kind->tighten);
	else
		say("{\"error\":\"unknown command\"}");
	send_line();
}

static void serve(const struct kind *kind)
{
	static char line[128];
	size_t size = 0;

	while (read(STDIN_FILENO, line + size, 1) == 1) {
		if (line[size] != '\n') {
			size += size < sizeof(line) - 1;
			continue;
		}
		line[size] = '\0';
		size = 0;
		answer(kind, line);
	}
}

static const struct kind *find_kind(const char *name)
{
	const struct kind *const families[] = {seccomp_kinds, memory_kinds, vdso_kinds, process_kinds};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (const struct kind *kind = families[i]; kind->name; kind++)
			if (strcmp(kind->name, name) == 0)
				return kind;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct kind *kind = argc == 2 ? find_kind(argv[1]) : NULL;

	if (!kind) {
		fprintf(stderr, "usage: hostile KIND\n");
		return 1;
	}
	arguments = argv;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	clocks = find_vdso();
	say("{\"pid\":%d}", getpid()); /* getpid(): not once it is forbidden */
	if (kind->prepare)
		kind->prepare();
	send_line();
	serve(kind);
	syscall(SYS_exit, 0);
	return 0;
}
