/*
 * Queues real-time signals with numbered values: `sender PID TALLY TID…`, one thread id per channel, 0 for those that
 * are directed at the process. It keeps few of them queued, by the receiver's tally. Commands on stdin, each answered with one line of JSON:
 *
 *   start      sends round robin, two to each channel every 100 µs, until told otherwise
 *   stop       stops, and answers how many went to each channel: {"sent": [N…]}
 *   skip N     leaves out the next number of channel N
 *   double N   sends the last number of channel N again
 *   plain N    sends a signal of channel N by kill(), without a value
 */
#define _GNU_SOURCE
#include "channels.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BURST (2 * CHANNELS)
#define PAUSE_US 100
#define MOST_QUEUED 500

static pid_t target;
static const struct tally *tally;
static pid_t threads[CHANNELS];
static uint64_t sent[CHANNELS];
static atomic_int wanted, busy;

static void send_number(int channel, uint64_t number)
{
	siginfo_t info;
	long result;

	do {
		memset(&info, 0, sizeof(info));
		info.si_signo = channel_signal(channel);
		info.si_code = SI_QUEUE;
		info.si_pid = getpid();
		info.si_uid = getuid();
		info.si_value.sival_ptr = channel_value(channel, number);
		result = threads[channel]
			? syscall(SYS_rt_tgsigqueueinfo, target, threads[channel], info.si_signo, &info)
			: syscall(SYS_rt_sigqueueinfo, target, info.si_signo, &info);
		if (result && errno == EAGAIN) /* the queue is full */
			usleep(PAUSE_US);
	} while (result && errno == EAGAIN);
	if (result) {
		perror("sigqueue");
		exit(1);
	}
}

static uint64_t count_sent(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < CHANNELS; i++)
		sum += sent[i];
	return sum;
}

static void *send_on(void *unused)
{
	(void)unused;
	for (;;) {
		if (!atomic_load(&wanted)) {
			atomic_store(&busy, 0);
			usleep(PAUSE_US);
			continue;
		}
		atomic_store(&busy, 1);
		if (count_sent() > tally->taken + MOST_QUEUED) {
			usleep(PAUSE_US);
			continue;
		}
		for (int i = 0; i < BURST; i++)
			send_number(i % CHANNELS, sent[i % CHANNELS]++);
		usleep(PAUSE_US);
	}
	return NULL;
}

/* Goes on, or stops, and has done so: never in the middle of a round. */
static void set_busy(int value)
{
	atomic_store(&wanted, value);
	while (atomic_load(&busy) != value)
		usleep(PAUSE_US);
}

static void report(void)
{
	printf("{\"sent\":[");
	for (int i = 0; i < CHANNELS; i++)
		printf("%s%llu", i ? "," : "", (unsigned long long)sent[i]);
	printf("]}\n");
}

static void obey(char *line)
{
	int channel = 0;

	if (strcmp(line, "start\n") == 0)
		set_busy(1);
	else if (strcmp(line, "stop\n") == 0)
		set_busy(0);
	else if (sscanf(line, "skip %d", &channel) == 1)
		sent[channel]++;
	else if (sscanf(line, "double %d", &channel) == 1)
		send_number(channel, sent[channel] - 1);
	else if (sscanf(line, "plain %d", &channel) == 1)
		kill(target, channel_signal(channel));
	report();
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[64];

	int fd = argc == 3 + CHANNELS ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0) {
		fprintf(stderr, "usage: sender PID TALLY TID…\n");
		return 1;
	}
	target = atoi(argv[1]);
	tally = mmap(NULL, sizeof(*tally), PROT_READ, MAP_SHARED, fd, 0);
	if (tally == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (int i = 0; i < CHANNELS; i++)
		threads[i] = atoi(argv[3 + i]);
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	setvbuf(stdout, NULL, _IOLBF, 4096);
	pthread_create(&thread, NULL, send_on, NULL);
	printf("{\"pid\":%d}\n", getpid());
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
