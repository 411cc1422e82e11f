/* Kinds of wait for waits.c: reading, writing and opening what is no socket. */
#include "waits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>

#define PIPE_SIZE 4096
#define MUCH (4 * PIPE_SIZE)

static void read_byte(struct job *job)
{
	char byte = 0;

	CALL(job, SYS_read, job->fd, &byte, 1);
	exactly(job, byte);
}

static void read_number(struct job *job)
{
	uint64_t number = 0;

	CALL(job, SYS_read, job->fd, &number, sizeof(number));
	exactly(job, (long long)number);
}

static void splice_(struct job *job)
{
	int ends[2];

	need(pipe2(ends, O_CLOEXEC), "pipe");
	CALL(job, SYS_splice, job->fd, NULL, ends[1], NULL, 1, 0);
}

static void make_small_pipe(struct job *job)
{
	make_pipe(job);
	need(fcntl(job->peer, F_SETPIPE_SZ, PIPE_SIZE), "F_SETPIPE_SZ");
}

static void write_much(struct job *job)
{
	static const char much[MUCH];

	CALL(job, SYS_write, job->peer, much, MUCH);
}

static void drain_pipe(struct job *job)
{
	char bytes[PIPE_SIZE];

	for (ssize_t left = MUCH, got; left > 0; left -= got)
		if ((got = read(job->fd, bytes, sizeof(bytes))) <= 0)
			break;
}

static void make_eventfd(struct job *job)
{
	job->fd = (int)need(eventfd(0, EFD_CLOEXEC), "eventfd");
}

static void wake_eventfd(struct job *job)
{
	uint64_t number = 9;

	if (write(job->fd, &number, sizeof(number)) != sizeof(number))
		abort();
}

static void make_timerfd(struct job *job)
{
	job->fd = (int)need(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create");
}

static void read_timerfd(struct job *job)
{
	struct itimerspec once = {.it_value = timespec_of(ASKED)};

	timerfd_settime(job->fd, 0, &once, NULL);
	read_number(job);
}

static void make_signalfd(struct job *job)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, WAKE_SIGNAL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	job->fd = (int)need(signalfd(-1, &set, SFD_CLOEXEC), "signalfd");
}

static void read_signalfd(struct job *job)
{
	struct signalfd_siginfo info = {0};

	CALL(job, SYS_read, job->fd, &info, sizeof(info));
	exactly(job, info.ssi_signo);
	exactly(job, info.ssi_int);
}

static void make_inotify(struct job *job)
{
	char path[] = "/tmp/waits-XXXXXX";

	job->peer = (int)need(mkstemp(path), "mkstemp");
	job->fd = (int)need(inotify_init1(IN_CLOEXEC), "inotify_init1");
	need(inotify_add_watch(job->fd, path, IN_MODIFY), "inotify_add_watch");
	unlink(path);
}

static void read_inotify(struct job *job)
{
	struct inotify_event event = {0};

	CALL(job, SYS_read, job->fd, &event, sizeof(event));
	exactly(job, event.mask);
}

/* fd: the terminal, peer: who types. */
static void make_terminal(struct job *job, const struct termios *settings)
{
	char name[64];

	job->peer = (int)need(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");
	need(grantpt(job->peer), "grantpt");
	need(unlockpt(job->peer), "unlockpt");
	need(ptsname_r(job->peer, name, sizeof(name)) ? -1 : 0, "ptsname_r");
	job->fd = (int)need(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), name);
	if (settings)
		need(tcsetattr(job->fd, TCSANOW, settings), "tcsetattr");
}

static void make_line_terminal(struct job *job)
{
	make_terminal(job, NULL);
}

/* A read ends after twenty tenths of a second. */
static void make_timed_terminal(struct job *job)
{
	struct termios raw = {.c_cflag = CS8 | CREAD, .c_cc = {[VMIN] = 0, [VTIME] = 10 * ASKED / SECOND}};

	make_terminal(job, &raw);
}

static void type_line(struct job *job)
{
	if (write(job->peer, "x\n", 2) != 2)
		abort();
}

static void make_fifo(struct job *job)
{
	char folder[] = "/tmp/waits-XXXXXX", path[sizeof(folder) + 8];

	need(mkdtemp(folder) ? 0 : -1, "mkdtemp");
	snprintf(path, sizeof(path), "%s/fifo", folder);
	need(mkfifo(path, 0600), "mkfifo");
	job->fd = (int)need(open(path, O_PATH | O_CLOEXEC), "open");
	unlink(path);
	rmdir(folder);
}

static void open_fifo(struct job *job)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", job->fd);
	CALL(job, SYS_openat, AT_FDCWD, path, O_RDONLY);
	job->out->result = job->out->result >= 0;
}

static void open_other_end(struct job *job)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", job->fd);
	if (open(path, O_WRONLY) < 0)
		abort();
}

const struct kind file_kinds[] = {
	{.name = "read of a pipe", .prepare = make_pipe, .wait = read_byte, .wake = wake_by_byte},
	{.name = "splice of a pipe", .prepare = make_pipe, .wait = splice_, .wake = wake_by_byte},
	{.name = "read of an eventfd", .prepare = make_eventfd, .wait = read_number, .wake = wake_eventfd},
	{.name = "read of a timerfd", .prepare = make_timerfd, .wait = read_timerfd},
	{.name = "read of a signalfd", .prepare = make_signalfd, .wait = read_signalfd, .wake = wake_by_signal},
	{.name = "read of inotify", .prepare = make_inotify, .wait = read_inotify, .wake = wake_by_byte},
	{.name = "read of a terminal", .prepare = make_line_terminal, .wait = read_byte, .wake = type_line},
	{.name = "read of a terminal, timed", .prepare = make_timed_terminal, .wait = read_byte},
	{.name = "open of a fifo", .prepare = make_fifo, .wait = open_fifo, .wake = open_other_end},
	{.name = "write to a pipe, half done", .prepare = make_small_pipe, .wait = write_much, .wake = drain_pipe},
	{0},
};
