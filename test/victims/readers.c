/*
 * A victim whose threads make one system call after the other, and know what each must answer: `readers OFFSET…`. Each
 * thread reads a file of consecutive numbers, one by one, to its end, over and over; a call that is made twice, or not
 * at all, shows as a number that is missing, or that comes again. Once in each pass it reads the clock.
 *
 * The one command on stdin is `settle`: waits until each thread has made a whole pass that began after the command, and
 * answers as hammer.c does. The end of stdin ends the program.
 */
#define _GNU_SOURCE
#include "verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define READERS 4
#define NUMBERS 1000

struct reader {
	pthread_t thread;
	struct verdict *verdict;
	int file;
	_Atomic unsigned passes;
};

static struct reader readers[READERS];
static struct verdict verdicts[READERS];

static void read_to_the_end(struct reader *reader)
{
	uint32_t expected = 0, number;
	ssize_t got;

	while ((got = read(reader->file, &number, sizeof(number))) == sizeof(number)) {
		if (number != expected)
			verdict_violation(reader->verdict, "read %" PRIu32 " where %" PRIu32 " was due", number, expected);
		expected = number + 1;
	}
	if (got)
		verdict_violation(reader->verdict, "a read answered %zd (%s)", got, got < 0 ? strerror(errno) : "short");
	else if (expected != NUMBERS)
		verdict_violation(reader->verdict, "the end came at %" PRIu32 " of %d", expected, NUMBERS);
}

static void *read_over_and_over(void *argument)
{
	struct reader *reader = argument;

	for (;;) {
		off_t start = lseek(reader->file, 0, SEEK_SET);

		if (start)
			verdict_violation(reader->verdict, "the start is at %jd", (intmax_t)start);
		verdict_read(reader->verdict);
		read_to_the_end(reader);
		atomic_fetch_add(&reader->passes, 1);
	}
	return NULL;
}

/* A position of its own in the file for each. */
static int open_again(int file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return open(path, O_RDONLY);
}

static int write_numbers(void)
{
	uint32_t numbers[NUMBERS];
	int file = memfd_create("numbers", 0);

	for (uint32_t i = 0; i < NUMBERS; i++)
		numbers[i] = i;
	return write(file, numbers, sizeof(numbers)) == sizeof(numbers) ? file : -1;
}

static int start(void)
{
	int file = write_numbers();

	for (int i = 0; i < READERS && file >= 0; i++) {
		readers[i].verdict = &verdicts[i];
		readers[i].file = open_again(file);
		if (readers[i].file < 0 || pthread_create(&readers[i].thread, NULL, read_over_and_over, &readers[i]))
			return -1;
	}
	return file;
}

static void settle(void)
{
	verdict_new_epoch(verdicts, READERS);
	for (int i = 0; i < READERS; i++) {
		unsigned passes = atomic_load(&readers[i].passes);

		while (atomic_load(&readers[i].passes) - passes < 2)
			usleep(200);
	}
}

int main(int argc, char **argv)
{
	char line[64];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	verdict_offsets(argc - 1, argv + 1);
	if (start() < 0) {
		perror("readers");
		return 1;
	}
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		settle();
		verdict_report(verdicts, READERS);
	}
	return 0;
}
