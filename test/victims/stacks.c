/*
 * A process with odd stacks: `stacks KIND [ARGUMENT]`.
 *
 *     alternate       a timer's handler, on an alternate stack of the smallest size that does, reads the clock all the time;
 *                     the main thread reads it, too (linked with -z now: the dynamic linker would need more stack)
 *     wild SP         the one thread spins with this stack pointer (hexadecimal; "guard": at a page that cannot be read,
 *                     "edge": at the last word of a mapping), and makes a system call now and then to see whether a line
 *                     has come
 *
 * `judge OFFSET` is answered with {"true", "skewed", "wrong"}: readings of the wall clock since the last time; skewed is
 * true plus OFFSET ns. With `alternate` those of the handler, some hundreds of them; with `wild` a single one.
 *
 * `measure` is answered with the fewest bytes of stack that each function of the vDSO works on, {"CLOCK_REALTIME": …}, found
 * by calling it on ever larger stacks above a guard page, each in a forked child. The end of stdin ends the program.
 */
#define _GNU_SOURCE
#include "vdso.h"
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

#define PAGE 4096
#define HANDLER_NEEDS 512 /* beyond the signal's frame: the handler's own frames, and libc's and the vDSO's */
#define TIMER_US 200
#define ENOUGH 300

static struct vdso vdso;
static _Atomic int64_t offset;
static atomic_uint counts[3]; /* by testimony */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static char *map_guarded(size_t size)
{
	char *at = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || mprotect(at + PAGE, size, PROT_READ | PROT_WRITE))
		fail("mmap");
	return at + PAGE;
}

static void begin(int64_t skew)
{
	for (int i = 0; i < 3; i++)
		atomic_store(&counts[i], 0);
	atomic_store(&offset, skew);
}

static void print_counts(void)
{
	printf("{\"true\":%u,\"skewed\":%u,\"wrong\":%u}\n", counts[TRUE_TIME], counts[SKEWED], counts[WRONG]);
}

/* ---- alternate ---------------------------------------------------------------------------------------------- */

static atomic_uint handled;

static void on_alarm(int number)
{
	int error = errno;

	(void)number;
	atomic_fetch_add(&counts[witness(atomic_load(&offset))], 1);
	atomic_fetch_add(&handled, 1);
	errno = error;
}

static void use_alternate_stack(void)
{
	unsigned long frame = getauxval(AT_MINSIGSTKSZ);
	size_t size = (frame ? frame : MINSIGSTKSZ) + HANDLER_NEEDS;
	size_t pages = (size + PAGE - 1) / PAGE * PAGE;
	/* Its lowest byte is right above a guard page. */
	stack_t stack = {.ss_sp = map_guarded(pages), .ss_size = size};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK | SA_RESTART};
	struct itimerval timer = {{0, TIMER_US}, {0, TIMER_US}};

	if (sigaltstack(&stack, NULL) || sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &timer, NULL))
		fail("sigaltstack");
}

static void judge_handlers(int64_t skew)
{
	unsigned first;
	struct timespec ts;

	begin(skew);
	first = atomic_load(&handled);
	while (atomic_load(&handled) - first < ENOUGH)
		clock_gettime(CLOCK_REALTIME, &ts); /* what the handlers interrupt */
	print_counts();
}

/* ---- wild --------------------------------------------------------------------------------------------------- */

static uintptr_t wild;

static uintptr_t wild_pointer(const char *text)
{
	char *page = map_guarded(PAGE);

	if (strcmp(text, "guard") == 0)
		return (uintptr_t)page - 256;
	if (strcmp(text, "edge") == 0)
		return (uintptr_t)page + PAGE - 8;
	return strtoull(text, NULL, 16);
}

/* Spins until a byte can be read from stdin; answers it, or 0 at the end of stdin. Uses no stack from there to there. */
static char spin(void)
{
	static char byte;
	long result;

	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	__asm__ volatile("mov %%rsp, %%r12\n\t"
			 "mov %[wild], %%rsp\n"
			 "1:\n\t"
			 "mov $1000000, %%ecx\n"
			 "2:\n\t"
			 "dec %%ecx\n\t"
			 "jnz 2b\n\t"
			 "xor %%eax, %%eax\n\t" /* read(0, &byte, 1) */
			 "xor %%edi, %%edi\n\t"
			 "mov %[byte], %%rsi\n\t"
			 "mov $1, %%edx\n\t"
			 "syscall\n\t"
			 "cmp $-11, %%rax\n\t" /* EAGAIN */
			 "je 1b\n\t"
			 "mov %%r12, %%rsp"
			 : "=&a"(result)
			 : [wild] "r"(wild), [byte] "r"(&byte)
			 : "rcx", "rdx", "rdi", "rsi", "r11", "r12", "cc", "memory");
	fcntl(STDIN_FILENO, F_SETFL, 0);
	return result == 1 ? byte : 0;
}

static void judge_once(int64_t skew)
{
	begin(skew);
	counts[witness(skew)]++;
	print_counts();
}

/* ---- measure ------------------------------------------------------------------------------------------------- */

/* Calls function(first, second) with the stack pointer at `top`, where the return address is pushed. */
static long call_on(void *function, long first, void *second, char *top)
{
	long result;

	__asm__ volatile("mov %%rsp, %%r12\n\t"
			 "mov %[top], %%rsp\n\t"
			 "call *%[function]\n\t"
			 "mov %%r12, %%rsp"
			 : "=a"(result), "+D"(first), "+S"(second)
			 : [top] "r"(top), [function] "b"(function)
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
	return result;
}

static int works_on(void *function, long first, void *second, char *stack, long bytes)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		_exit(call_on(function, first, second, stack + bytes) < 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		fail("fork");
	return status == 0;
}

static void measure(void)
{
	static struct timespec result;
	const struct {
		const char *name;
		void *function;
		long first;
		void *second;
	} calls[] = {
		{"CLOCK_REALTIME", (void *)vdso.clock_gettime, CLOCK_REALTIME, &result},
		{"CLOCK_MONOTONIC", (void *)vdso.clock_gettime, CLOCK_MONOTONIC, &result},
		{"CLOCK_REALTIME_COARSE", (void *)vdso.clock_gettime, CLOCK_REALTIME_COARSE, &result},
		{"CLOCK_THREAD_CPUTIME_ID", (void *)vdso.clock_gettime, CLOCK_THREAD_CPUTIME_ID, &result},
		{"gettimeofday", (void *)vdso.gettimeofday, (long)&result, NULL},
		{"time", (void *)vdso.time, (long)&result, NULL},
	};
	char *stack = map_guarded(PAGE);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		long low = 0, high = PAGE / 16; /* in 16 bytes: low does not work, high does */

		while (high - low > 1) {
			long middle = (low + high) / 2;

			if (works_on(calls[i].function, calls[i].first, calls[i].second, stack, middle * 16))
				high = middle;
			else
				low = middle;
		}
		printf("%s\"%s\":%ld", i ? "," : "{", calls[i].name, high * 16);
	}
	printf("}\n");
	munmap(stack - PAGE, 3 * PAGE);
}

/* ---- the dialog --------------------------------------------------------------------------------------------- */

/* The next line of stdin, without stdio, which would read ahead. */
static int next_line(char *line, size_t size)
{
	size_t length = 0;

	if (wild && (line[length++] = spin()) == 0)
		return 0;
	while (length < size - 1) {
		ssize_t got = read(STDIN_FILENO, line + length, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (line[length] == '\n')
			break;
		length++;
	}
	line[length] = '\0';
	return 1;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	char line[64];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	vdso = find_vdso();
	if (strcmp(kind, "alternate") == 0)
		use_alternate_stack();
	else if (strcmp(kind, "wild") == 0 && argc == 3)
		wild = wild_pointer(argv[2]);
	printf("{\"pid\":%d}\n", getpid());
	while (next_line(line, sizeof(line))) {
		if (strcmp(line, "measure") == 0)
			measure();
		else if (strncmp(line, "judge ", 6) == 0 && strcmp(kind, "alternate") == 0)
			judge_handlers(strtoll(line + 6, NULL, 10));
		else if (strncmp(line, "judge ", 6) == 0)
			judge_once(strtoll(line + 6, NULL, 10));
		else
			printf("{\"error\":\"unknown command\"}\n");
	}
	return 0;
}
