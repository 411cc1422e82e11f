/*
 * A process that stands inside a function of the vDSO: `stepper FUNCTION STEPS [HANDLER]`. The program starts a
 * child, single-steps it into clock_gettime, gettimeofday or time and STEPS instructions further, and lets go of it
 * there, stopped as by Ctrl-Z. With a HANDLER a signal interrupts it there, and it is stopped in the handler: only a
 * signal frame on its stack leads back. `handler` is a plain one; `deep` has 200 KiB of stack of its own; `nested` is
 * itself interrupted by one on an alternate stack. One line tells the child's pid and how many bytes of the function
 * lie behind it.
 *
 * A line on stdin lets the child go on; another line then tells what it read, between two true times. The
 * end of stdin ends both.
 */
#define _GNU_SOURCE
#include "truth.h"
#include "vdso.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static struct timespec by_clock_gettime(const struct vdso *vdso)
{
	struct timespec ts = {0, 0};

	vdso->clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

static struct timespec by_gettimeofday(const struct vdso *vdso)
{
	struct timeval tv = {0, 0};

	vdso->gettimeofday(&tv, NULL);
	return (struct timespec){tv.tv_sec, tv.tv_usec * 1000};
}

static struct timespec by_time(const struct vdso *vdso)
{
	return (struct timespec){vdso->time(NULL), 0};
}

static const struct subject {
	const char *name;
	struct timespec (*read)(const struct vdso *vdso);
	int from; /* time() counts the seconds of the coarse clock */
	long unit;
} subjects[] = {
	{"clock_gettime", by_clock_gettime, CLOCK_REALTIME, 1},
	{"gettimeofday", by_gettimeofday, CLOCK_REALTIME, 1000},
	{"time", by_time, CLOCK_REALTIME_COARSE, 1000000000},
};

static const struct subject *find_subject(const char *name)
{
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		if (strcmp(subjects[i].name, name) == 0)
			return &subjects[i];
	fprintf(stderr, "usage: stepper clock_gettime|gettimeofday|time STEPS [handler|deep|nested]\n");
	exit(1);
}

static uintptr_t address_of(const struct vdso *vdso, const struct subject *subject)
{
	if (subject->read == by_clock_gettime)
		return (uintptr_t)vdso->clock_gettime;
	return subject->read == by_time ? (uintptr_t)vdso->time : (uintptr_t)vdso->gettimeofday;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void stop_here(int signal)
{
	(void)signal;
	raise(SIGSTOP);
}

static void stop_deep(int signal)
{
	volatile char much[200 * 1024];

	much[0] = much[sizeof(much) - 1] = (char)signal;
	raise(SIGSTOP);
	much[0] = much[sizeof(much) - 1];
}

static void stop_nested(int signal)
{
	(void)signal;
	raise(SIGUSR2);
}

/* SIGUSR1 is the signal that interrupts. */
static void install_handler(const char *handler)
{
	static char alternate[64 * 1024];
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction action = {.sa_handler = stop_here, .sa_flags = SA_ONSTACK};

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR2, &action, NULL);
	signal(SIGUSR1, strcmp(handler, "deep") == 0 ? stop_deep
		: strcmp(handler, "nested") == 0 ? stop_nested : stop_here);
}

static void run_child(const struct vdso *vdso, const struct subject *subject, const char *handler)
{
	struct timespec before, value, after;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		fail("PTRACE_TRACEME");
	install_handler(handler);
	raise(SIGSTOP);
	true_clock(subject->from, &before);
	value = subject->read(vdso);
	true_clock(CLOCK_REALTIME, &after);
	printf("{\"name\":\"%s\",\"unit\":%ld,\"rc\":0,\"errno\":0,\"before\":[%lld,%lld],\"value\":[%lld,%lld],"
	       "\"after\":[%lld,%lld]}\n",
		subject->name, subject->unit, (long long)before.tv_sec, (long long)before.tv_nsec,
		(long long)value.tv_sec, (long long)value.tv_nsec, (long long)after.tv_sec,
		(long long)after.tv_nsec);
	exit(0);
}

static uintptr_t program_counter(pid_t child)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, child, 0, &registers))
		fail("PTRACE_GETREGS");
	return registers.rip;
}

static void step(pid_t child)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) || waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		fail("PTRACE_SINGLESTEP");
}

/* Into the function, so many steps further, and left there, stopped. */
static uintptr_t leave_inside(pid_t child, uintptr_t function, int steps, int signal)
{
	uintptr_t at;
	int status;

	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		fail("waitpid");
	while (program_counter(child) != function)
		step(child);
	while (steps-- > 0)
		step(child);
	at = program_counter(child);
	if (ptrace(PTRACE_DETACH, child, 0, signal) || waitpid(child, &status, WUNTRACED) != child)
		fail("PTRACE_DETACH");
	return at - function;
}

int main(int argc, char **argv)
{
	const struct subject *subject = find_subject(argc == 3 || argc == 4 ? argv[1] : "");
	struct vdso vdso = find_vdso();
	pid_t child = fork();
	uintptr_t offset;
	int status;

	if (child == 0)
		run_child(&vdso, subject, argc == 4 ? argv[3] : "");
	offset = leave_inside(child, address_of(&vdso, subject), atoi(argv[2]), argc == 4 ? SIGUSR1 : SIGSTOP);
	printf("{\"pid\":%d,\"offset\":%lu}\n", child, (unsigned long)offset);
	fflush(stdout);
	if (getchar() == EOF)
		return 0;
	kill(child, SIGCONT);
	if (waitpid(child, &status, 0) != child || status != 0) {
		fprintf(stderr, "the child ended with status 0x%x\n", (unsigned)status);
		return 1;
	}
	while (getchar() != EOF)
		;
	return 0;
}
