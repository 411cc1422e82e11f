/*
 * Processes that wait for ever, each in another system call that anything at all may interrupt, and ignore signals:
 * SIGUSR1 and SIGTSTP because they said so, SIGCHLD, SIGWINCH, SIGURG and SIGCONT because everybody does. They have a handler of
 * SIGUSR2. The first line is {"pid", "waiting": [{"pid", "call"}]}; any other is answered by {"interrupted": [N…],
 * "handled": [N…]}: how often each call has ended with EINTR, and each handler has run. The end of stdin ends all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CALLS 3

static struct counts {
	atomic_uint ready, interrupted, handled;
} *counts, *own;

static void handle(int signal)
{
	(void)signal;
	atomic_fetch_add(&own->handled, 1);
}

/* ---- the calls ----------------------------------------------------------------------------------------------------- */

static int wait_epoll(void)
{
	static int epoll = -1;
	struct epoll_event event;

	if (epoll < 0)
		epoll = epoll_create1(0);
	return epoll_wait(epoll, &event, 1, 600000);
}

static int wait_receive(void)
{
	static int ends[2] = {-1, -1};
	const struct timeval patience = {600, 0};
	char byte;

	if (ends[0] < 0) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
		setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	}
	return (int)recv(ends[0], &byte, 1, 0);
}

static int wait_signal(void)
{
	const struct timespec patience = {600, 0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	return sigtimedwait(&set, NULL, &patience);
}

static const struct {
	const char *name;
	int (*wait)(void);
} calls[CALLS] = {
	{"epoll_wait", wait_epoll},
	{"recv", wait_receive},
	{"sigtimedwait", wait_signal},
};

/* ---- the processes --------------------------------------------------------------------------------------------------- */

static _Noreturn void wait_in(int index)
{
	struct sigaction action = {.sa_handler = handle};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	own = &counts[index];
	sigaction(SIGUSR2, &action, NULL);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	for (;;) {
		atomic_store(&own->ready, 1);
		if (calls[index].wait() < 0 && errno == EINTR)
			atomic_fetch_add(&own->interrupted, 1);
		else
			exit(1);
	}
}

static void report(void)
{
	printf("{\"interrupted\":[");
	for (int i = 0; i < CALLS; i++)
		printf("%s%u", i ? "," : "", counts[i].interrupted);
	printf("],\"handled\":[");
	for (int i = 0; i < CALLS; i++)
		printf("%s%u", i ? "," : "", counts[i].handled);
	printf("]}\n");
}

int main(void)
{
	pid_t pids[CALLS];

	counts = mmap(NULL, CALLS * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < CALLS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			wait_in(i);
		while (!atomic_load(&counts[i].ready))
			usleep(100);
	}
	setvbuf(stdout, NULL, _IOLBF, 4096);
	printf("{\"pid\":%d,\"waiting\":[", getpid());
	for (int i = 0; i < CALLS; i++)
		printf("%s{\"pid\":%d,\"call\":\"%s\"}", i ? "," : "", pids[i], calls[i].name);
	printf("]}\n");
	for (int c; (c = getchar()) != EOF;)
		if (c == '\n')
			report();
	return 0;
}
