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
static FILE *parent; /* the connection to our parent, once we are the child of answer_fork() */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/*
 * The child goes on with the caller's dialog and gets 0 and a connection to its parent in *link; the parent gets the
 * connection to its child, on which it takes its commands from now on.
 */
static pid_t fork_with_link(FILE **link)
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

void answer_fork(void (*serve)(FILE *in, FILE *out), FILE *out)
{
	FILE *link;

	fflush(NULL);
	if (fork_with_link(&link) != 0) {
		serve(link, link);
		exit(0);
	}
	parent = link;
	fprintf(out, "{\"pid\":%d}\n", getpid());
}

void answer_for_parent(const char *command, FILE *out)
{
	char *line = NULL;
	size_t size = 0;

	if (!parent) {
		fprintf(out, "{\"error\":\"no parent to ask\"}\n");
		return;
	}
	fprintf(parent, "%s\n", command);
	fflush(parent);
	fputs(getline(&line, &size, parent) > 0 ? line : "{\"error\":\"the parent is gone\"}\n", out);
	free(line);
}

void answer_leave(FILE *out)
{
	if (parent)
		fclose(parent);
	parent = NULL;
	fprintf(out, "{\"pid\":%d}\n", getpid());
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
