/*
 * A process that lives in a container: `resident FOLDER NAME…`. There is one process for each name, the first of them the
 * parent of the others, and each listens on a Unix socket of this name in the folder. A line on a connection is answered
 * as clocks.c answers `read`, with the `pid` as it is inside.
 *
 * Without arguments it only waits. It ends at SIGTERM, which the kernel keeps from a namespace's first process unless it
 * has a handler, and the children end with their parent.
 */
#define _GNU_SOURCE
#include "readings.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void end(int signal)
{
	(void)signal;
	_exit(0);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Whoever finds the socket can connect: it appears under its name when it listens already. */
static int listen_at(const char *folder, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char final[sizeof(address.sun_path)];
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(final, sizeof(final), "%s/%s", folder, name);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.%s", folder, name);
	unlink(address.sun_path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 16))
		fail(address.sun_path);
	if (rename(address.sun_path, final))
		fail(final);
	return listener;
}

static void answer(int connection)
{
	FILE *in = fdopen(connection, "r"), *out = fdopen(dup(connection), "w");
	char line[64];

	if (!in || !out)
		fail("fdopen");
	while (fgets(line, sizeof(line), in)) {
		print_readings(out);
		fflush(out);
	}
	fclose(in);
	fclose(out);
}

static void serve(const char *folder, const char *name)
{
	int listener = listen_at(folder, name), connection;

	for (;;) {
		connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection >= 0)
			answer(connection);
	}
}

static void start(const char *folder, const char *name)
{
	pid_t parent = getpid(), child = fork();

	if (child < 0)
		fail("fork");
	if (child > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(0);
	serve(folder, name);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = end};

	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 3; i < argc; i++)
		start(argv[1], argv[i]);
	if (argc > 2)
		serve(argv[1], argv[2]);
	for (;;)
		pause();
}
