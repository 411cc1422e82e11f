/* See family.h. Everything here fails by ending the victim with a message: a test must not go on with less. */
#define _GNU_SOURCE
#include "family.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static sem_t started;
static pid_t started_tid;
static int release_fd;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

pid_t fork_with_link(FILE **link)
{
	int ends[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		fail("socketpair");
	child = fork();
	if (child < 0)
		fail("fork");
	close(ends[child == 0]);
	*link = fdopen(ends[child != 0], "r+");
	if (!*link)
		fail("fdopen");
	return child;
}

pid_t make_zombie(void)
{
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child == 0)
		_exit(0);
	return child;
}

static void announce(void)
{
	started_tid = (pid_t)syscall(SYS_gettid);
	sem_post(&started);
}

static void *sleep_for_ever(void *unused)
{
	announce();
	for (;;)
		pause();
	return unused;
}

/* The child shares our memory and our stack: it may do no more than this. */
static void *wait_in_vfork(void *unused)
{
	char byte;

	announce();
	if (vfork() == 0) {
		while (read(release_fd, &byte, 1) < 0)
			;
		_exit(0);
	}
	return sleep_for_ever(unused);
}

static pid_t start(void *(*body)(void *))
{
	pthread_t thread;

	if (sem_init(&started, 0, 0) || pthread_create(&thread, NULL, body, NULL))
		fail("pthread_create");
	while (sem_wait(&started))
		;
	return started_tid;
}

pid_t start_sleeper(void)
{
	return start(sleep_for_ever);
}

pid_t start_unstoppable(int release)
{
	release_fd = release;
	return start(wait_in_vfork);
}
