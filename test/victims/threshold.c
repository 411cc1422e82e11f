/*
 * `threshold EXECS COMMAND...`: starts a command, and stops it (as SIGSTOP does, traced by nobody) before the first
 * instruction of the EXECS-th program that it becomes. It is loaded at the same addresses each time. The first line is
 * {"pid"}. Then, on stdin:
 *
 *     go          lets it go on
 *     gate ADDR   traces it through its system calls, and stops it in that which it makes right before that address (hex);
 *                 {"gate": registers of it, or false: it has ended, "calls": how many were seen before}
 *
 * Any other line is passed on to the command, which shares stdout. At the end of stdin so does the command's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

static pid_t child;

static void fail(const char *what)
{
	perror(what);
	if (child > 0)
		kill(child, SIGKILL);
	exit(1);
}

static int wait_for_stop(void)
{
	int status;

	while (waitpid(child, &status, __WALL) < 0)
		if (errno != EINTR)
			fail("waitpid");
	return status;
}

static void become(char **command, int input)
{
	personality(ADDR_NO_RANDOMIZE);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* where Yama is in force */
	if (dup2(input, 0) < 0 || ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(126);
	execvp(command[0], command);
	_exit(127);
}

/* Each execve of a traced process raises SIGTRAP. */
static void stop_at_exec(int execs)
{
	while (execs-- > 0) {
		int status = wait_for_stop();

		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			fail("no exec");
		if (ptrace(execs ? PTRACE_CONT : PTRACE_DETACH, child, 0, execs ? 0 : SIGSTOP))
			fail("after exec");
	}
}

static void trace_to(uint64_t gate)
{
	struct user_regs_struct regs;
	unsigned calls = 0;

	if (ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD) || kill(child, SIGCONT))
		fail("seize");
	for (;;) {
		int status = wait_for_stop();
		int signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;

		if (!WIFSTOPPED(status)) {
			printf("{\"gate\":false,\"calls\":%u}\n", calls);
			return;
		}
		if (signal == SYSCALL_STOP) {
			calls++;
			if (ptrace(PTRACE_GETREGS, child, 0, &regs))
				fail("registers");
			if (regs.rip == gate)
				break;
		}
		/* Stops of the tracer's own, and of job control, are no signals to hand on. */
		int handed_on = signal == SYSCALL_STOP || status >> 16 ? 0 : signal;

		if (ptrace(PTRACE_SYSCALL, child, 0, handed_on))
			fail("go on");
	}
	if (ptrace(PTRACE_DETACH, child, 0, SIGSTOP))
		fail("detach");
	printf("{\"gate\":{\"call\":%lld,\"argument\":%lld},\"calls\":%u}\n", (long long)regs.orig_rax, (long long)regs.rdi,
	       calls);
}

int main(int argc, char **argv)
{
	char line[256];
	int input[2];

	if (argc < 3 || pipe2(input, O_CLOEXEC) || (child = fork()) < 0)
		fail("threshold EXECS COMMAND...");
	if (!child)
		become(argv + 2, input[0]);
	close(input[0]);
	stop_at_exec(atoi(argv[1]));
	printf("{\"pid\":%d}\n", (int)child);
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		if (!strcmp(line, "go\n")) {
			kill(child, SIGCONT);
		} else if (!strncmp(line, "gate ", 5)) {
			trace_to(strtoull(line + 5, NULL, 16));
			fflush(stdout);
		} else if (write(input[1], line, strlen(line)) < 0) {
			fail("pass on");
		}
	}
	close(input[1]);
	kill(child, SIGCONT);
	while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
		;
	return 0;
}
