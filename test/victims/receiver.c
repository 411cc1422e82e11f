/*
 * Takes the numbered signals of sender.c in all the ways there are, and knows whether one was lost, came twice, came
 * out of order, or with another siginfo than it was sent with: `receiver threads|single`. With `single` one thread does
 * everything. The first line of stdout is {"pid", "tally", "channels": [{"name", "tid"}]}: tid 0 if
 * the process is to be sent to; the tally is the path of a file, struct tally.
 *
 *   from PID   the sender's pid, before the first signal; {}
 *   report     {"channels": [{"received", "lost", "again", "wrong", "first"}]}
 *
 * The end of stdin ends it.
 */
#define _GNU_SOURCE
#include "channels.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND 1000000L

enum { COMPUTING, COMPUTING_THREAD, WAITING, STACK, BLOCKED, SIGNALFD, SIGNALFD_THREAD, SIGWAIT, SIGWAIT_THREAD };

static struct channel {
	const char *name;
	int directed; /* at its thread, else at the process */
	pid_t tid;
	_Atomic uint64_t next, received, lost, again, wrong;
	char first[120];
} channels[CHANNELS] = {
	[COMPUTING] = {.name = "handler"},
	[COMPUTING_THREAD] = {.name = "handler, to a thread", .directed = 1},
	[WAITING] = {.name = "handler that interrupts waits"},
	[STACK] = {.name = "handler on an alternate stack, to a thread", .directed = 1},
	[BLOCKED] = {.name = "handler, now and then blocked, to a thread", .directed = 1},
	[SIGNALFD] = {.name = "signalfd"},
	[SIGNALFD_THREAD] = {.name = "signalfd, to a thread", .directed = 1},
	[SIGWAIT] = {.name = "sigwaitinfo"},
	[SIGWAIT_THREAD] = {.name = "sigwaitinfo, to a thread", .directed = 1},
};

static pid_t sender;
static struct tally *tally;
static int tally_fd;
static _Thread_local char *own_stack;

#define STACK_SIZE (64 * 1024)

static pid_t gettid_(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static sigset_t set_of(int first, int last)
{
	sigset_t set;

	sigemptyset(&set);
	for (int i = first; i <= last; i++)
		sigaddset(&set, channel_signal(i));
	return set;
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

static void complain(struct channel *channel, const char *what, unsigned long long found, unsigned long long expected)
{
	if (!channel->first[0])
		snprintf(channel->first, sizeof(channel->first), "%s %llu, expected %llu", what, found, expected);
}

/* One thread at a time takes the signals of a channel. */
static void take(int signal, int code, pid_t pid, uid_t uid, uint64_t value)
{
	int index = signal - channel_signal(0);
	struct channel *channel = &channels[index];
	uint64_t number = value & ((UINT64_C(1) << NUMBER_BITS) - 1), next = channel->next;

	channel->received++;
	atomic_fetch_add(&tally->taken, 1);
	if (code != SI_QUEUE || pid != sender || uid != getuid() || value >> NUMBER_BITS != (uint64_t)index) {
		channel->wrong++;
		complain(channel, "came with code", (unsigned)code, (unsigned)SI_QUEUE);
		return;
	}
	if (number < next) {
		channel->again++;
		complain(channel, "came again: number", number, next);
		return;
	}
	if (number > next) {
		channel->lost += number - next;
		complain(channel, "came early: number", number, next);
	}
	channel->next = number + 1;
}

static void handle(int signal, siginfo_t *info, void *context)
{
	int saved = errno;
	struct timespec ts;
	char here;

	(void)context;
	clock_gettime(CLOCK_REALTIME, &ts);
	if (signal == channel_signal(STACK) && (&here < own_stack || &here >= own_stack + STACK_SIZE)) {
		channels[STACK].wrong++;
		complain(&channels[STACK], "ran on another stack", 0, 0);
	}
	take(signal, info->si_code, info->si_pid, info->si_uid, (uint64_t)(uintptr_t)info->si_value.sival_ptr);
	errno = saved;
}

/* ---- the ways to take a signal ------------------------------------------------------------------------------- */

static void install_handlers(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};

	for (int i = COMPUTING; i <= BLOCKED; i++) {
		action.sa_flags = SA_SIGINFO | (i == STACK ? SA_ONSTACK : 0);
		sigaction(channel_signal(i), &action, NULL);
	}
}

static void use_own_stack(void)
{
	stack_t stack = {.ss_size = STACK_SIZE};

	own_stack = malloc(STACK_SIZE);
	stack.ss_sp = own_stack;
	sigaltstack(&stack, NULL);
}

static void unblock(int first, int last)
{
	sigset_t set = set_of(first, last);

	for (int i = first; i <= last; i++)
		channels[i].tid = gettid_();
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void compute(void)
{
	struct timespec ts;

	for (int i = 0; i < 1000; i++)
		clock_gettime(i & 1 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &ts);
}

/* Busy for a while, and then not: a program that never sleeps would cost a whole processor. */
static void compute_and_rest(void)
{
	struct timespec rest = {0, MILLISECOND / 4};

	compute();
	nanosleep(&rest, NULL);
}

static void wait_a_little(int milliseconds)
{
	static _Thread_local int epoll = -1;
	struct epoll_event event;

	if (epoll < 0)
		epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_wait(epoll, &event, 1, milliseconds);
}

static void block_and_unblock(void)
{
	sigset_t set = set_of(BLOCKED, BLOCKED);
	struct timespec rest = {0, 2 * MILLISECOND};

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	nanosleep(&rest, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int open_signalfd(int flags)
{
	sigset_t set = set_of(SIGNALFD, SIGNALFD_THREAD);

	return signalfd(-1, &set, SFD_CLOEXEC | flags);
}

/* Whether there were any. */
static int read_signalfd(int fd)
{
	struct signalfd_siginfo infos[8];
	ssize_t size = read(fd, infos, sizeof(infos));

	for (ssize_t i = 0; i < size / (ssize_t)sizeof(infos[0]); i++)
		take((int)infos[i].ssi_signo, infos[i].ssi_code, (pid_t)infos[i].ssi_pid, infos[i].ssi_uid,
			infos[i].ssi_ptr);
	return size > 0;
}

/* Whether there was one. */
static int await_signal(const struct timespec *timeout)
{
	sigset_t set = set_of(SIGWAIT, SIGWAIT_THREAD);
	siginfo_t info;
	int signal = timeout ? sigtimedwait(&set, &info, timeout) : sigwaitinfo(&set, &info);

	if (signal > 0)
		take(signal, info.si_code, info.si_pid, info.si_uid, (uint64_t)(uintptr_t)info.si_value.sival_ptr);
	return signal > 0;
}

/* ---- each in a thread of its own ------------------------------------------------------------------------------- */

static pthread_barrier_t ready;

static void *computing(void *unused)
{
	unblock(COMPUTING, COMPUTING_THREAD);
	pthread_barrier_wait(&ready);
	for (;;)
		compute_and_rest();
	return unused;
}

static void *waiting(void *unused)
{
	unblock(WAITING, WAITING);
	pthread_barrier_wait(&ready);
	for (;;)
		wait_a_little(-1);
	return unused;
}

static void *on_stack(void *unused)
{
	use_own_stack();
	unblock(STACK, STACK);
	pthread_barrier_wait(&ready);
	for (;;)
		compute_and_rest();
	return unused;
}

static void *blocking(void *unused)
{
	unblock(BLOCKED, BLOCKED);
	pthread_barrier_wait(&ready);
	for (;;)
		block_and_unblock();
	return unused;
}

static void *reading(void *unused)
{
	int fd = open_signalfd(0);

	channels[SIGNALFD].tid = channels[SIGNALFD_THREAD].tid = gettid_();
	pthread_barrier_wait(&ready);
	for (;;)
		read_signalfd(fd);
	return unused;
}

static void *awaiting(void *unused)
{
	channels[SIGWAIT].tid = channels[SIGWAIT_THREAD].tid = gettid_();
	pthread_barrier_wait(&ready);
	for (;;)
		await_signal(NULL);
	return unused;
}

/* ---- the dialog -------------------------------------------------------------------------------------------------- */

static void report(void)
{
	printf("{\"channels\":[");
	for (int i = 0; i < CHANNELS; i++) {
		const struct channel *c = &channels[i];

		printf("%s{\"received\":%llu,\"lost\":%llu,\"again\":%llu,\"wrong\":%llu,\"first\":\"%s\"}", i ? "," : "",
			(unsigned long long)c->received, (unsigned long long)c->lost, (unsigned long long)c->again,
			(unsigned long long)c->wrong, c->first);
	}
	printf("]}\n");
	fflush(stdout);
}

static void greet(void)
{
	printf("{\"pid\":%d,\"tally\":\"/proc/%d/fd/%d\",\"channels\":[", getpid(), getpid(), tally_fd);
	for (int i = 0; i < CHANNELS; i++)
		printf("%s{\"name\":\"%s\",\"tid\":%d}", i ? "," : "", channels[i].name,
			channels[i].directed ? channels[i].tid : 0);
	printf("]}\n");
	fflush(stdout);
}

/* Handlers may interrupt the read: stdio would take that for the end. */
static void obey(void)
{
	static char line[64];
	static size_t length;
	char c;
	ssize_t got = read(STDIN_FILENO, &c, 1);

	if (got == 0)
		exit(0);
	if (got < 0)
		return;
	if (c != '\n') {
		if (length < sizeof(line) - 1)
			line[length++] = c;
		return;
	}
	line[length] = '\0';
	length = 0;
	if (strncmp(line, "from ", 5) == 0) {
		sender = atoi(line + 5);
		printf("{}\n");
		fflush(stdout);
	} else {
		report();
	}
}

static void open_tally(void)
{
	tally_fd = memfd_create("tally", MFD_CLOEXEC);
	tally = MAP_FAILED;
	if (tally_fd >= 0 && ftruncate(tally_fd, sizeof(*tally)) == 0)
		tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED, tally_fd, 0);
	if (tally == MAP_FAILED) {
		perror("tally");
		exit(1);
	}
}

static void live_in_threads(void)
{
	void *(*const bodies[])(void *) = {computing, waiting, on_stack, blocking, reading, awaiting};
	const unsigned count = sizeof(bodies) / sizeof(bodies[0]);
	pthread_t thread;

	pthread_barrier_init(&ready, NULL, count + 1);
	for (unsigned i = 0; i < count; i++)
		pthread_create(&thread, NULL, bodies[i], NULL);
	pthread_barrier_wait(&ready);
	greet();
	for (;;)
		obey();
}

static void live_in_one_thread(void)
{
	struct timespec shortly = {0, MILLISECOND / 4}, now = {0, 0};
	struct pollfd input = {STDIN_FILENO, POLLIN, 0};
	int fd = open_signalfd(SFD_NONBLOCK);

	for (int i = 0; i < CHANNELS; i++)
		channels[i].tid = gettid_();
	use_own_stack();
	unblock(COMPUTING, BLOCKED);
	greet();
	for (;;) {
		compute();
		wait_a_little(1);
		block_and_unblock();
		while (read_signalfd(fd))
			;
		for (await_signal(&shortly); await_signal(&now);)
			;
		while (poll(&input, 1, 0) > 0)
			obey();
	}
}

int main(int argc, char **argv)
{
	sigset_t all = set_of(0, CHANNELS - 1);

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	sigprocmask(SIG_BLOCK, &all, NULL);
	open_tally();
	install_handlers();
	if (argc == 2 && strcmp(argv[1], "threads") == 0)
		live_in_threads();
	if (argc == 2 && strcmp(argv[1], "single") == 0)
		live_in_one_thread();
	fprintf(stderr, "usage: receiver threads|single\n");
	return 1;
}
