/*
 * Each call runs in a forked child, which records how it ended in memory shared with its parent: what it
 * returned or which fault it took, at which address, and which words of the buffer it wrote. The outcomes of
 * a patched process must be, word for word, those of the same process before it was patched.
 */
#define _GNU_SOURCE
#include "edges.h"

#include "vdso.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define UNTOUCHED 0xa5a5a5a5u /* no part of a plausible time has this value */
#define MISALIGNED 516 /* by half a word, so that no word mixes written bytes with untouched ones */
#define SECOND_BUFFER 1024
#define STRADDLING (PAGE - 8) /* the seconds fit into the page, the rest does not */

/* One page that can be written, one that cannot be touched, one that can only be read, one for the child. */
static struct arena {
	unsigned char buffer[PAGE], guard[PAGE], constant[PAGE];
	struct record {
		int returned;
		long rc;
		int error, signal, code;
		uintptr_t address;
	} record;
} *arena;

enum function { CLOCK_GETTIME, GETTIMEOFDAY, TIME };

struct call {
	enum function function;
	int by_libc;
	long id; /* clock_gettime only */
	uintptr_t first, second;
};

static struct vdso vdso;
static int edges_printed;

static void make_arena(void)
{
	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || mprotect(arena->guard, PAGE, PROT_NONE) ||
	    mprotect(arena->constant, PAGE, PROT_READ)) {
		perror("edges: no memory");
		exit(1);
	}
	vdso = find_vdso();
}

/* An address as text that does not depend on where the arena lies. */
static const char *describe(uintptr_t address)
{
	static char text[4][32];
	static int turn;
	char *buffer = text[turn++ % 4];
	uintptr_t base = (uintptr_t)arena;

	if (address == 0)
		return "NULL";
	if (address >= base && address < base + sizeof(*arena))
		snprintf(buffer, sizeof(text[0]), "arena+%lu", (unsigned long)(address - base));
	else
		snprintf(buffer, sizeof(text[0]), "0x%lx", (unsigned long)address);
	return buffer;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)context;
	arena->record.signal = number;
	arena->record.code = info->si_code;
	arena->record.address = (uintptr_t)info->si_addr;
	_exit(0);
}

static long carry_out(const struct call *call)
{
	void *first = (void *)call->first, *second = (void *)call->second;

	switch (call->function) {
	case CLOCK_GETTIME:
		return call->by_libc ? clock_gettime((clockid_t)call->id, first)
				     : vdso.clock_gettime(call->id, first);
	case GETTIMEOFDAY:
		return call->by_libc ? gettimeofday(first, second) : vdso.gettimeofday(first, second);
	case TIME:
		return call->by_libc ? time(first) : vdso.time(first);
	}
	abort();
}

static void run_in_child(const struct call *call)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	errno = 0;
	arena->record.rc = carry_out(call);
	arena->record.error = errno;
	arena->record.returned = 1;
	_exit(0);
}

static int run(const struct call *call)
{
	uint32_t *words = (uint32_t *)arena->buffer;
	int status = 0;
	pid_t child;

	memset(&arena->record, 0, sizeof(arena->record));
	for (size_t i = 0; i < PAGE / sizeof(*words); i++)
		words[i] = UNTOUCHED;
	child = fork();
	if (child == 0)
		run_in_child(call);
	if (child < 0 || waitpid(child, &status, 0) != child)
		perror("edges: fork");
	return status;
}

static void print_call(FILE *out, const struct call *call)
{
	static const char *const names[] = {"clock_gettime", "gettimeofday", "time"};

	fprintf(out, "%s%s(", call->by_libc ? "" : "__vdso_", names[call->function]);
	if (call->function == CLOCK_GETTIME)
		fprintf(out, "%ld, ", call->id);
	fprintf(out, "%s", describe(call->first));
	if (call->function == GETTIMEOFDAY)
		fprintf(out, ", %s", describe(call->second));
	fprintf(out, ")");
}

/* The byte ranges of the buffer that were written, in words of four bytes. */
static void print_written(FILE *out)
{
	const uint32_t *words = (const uint32_t *)arena->buffer;

	fprintf(out, "; wrote");
	for (size_t i = 0; i < PAGE / sizeof(*words); i++)
		if (words[i] != UNTOUCHED)
			fprintf(out, " %zu", i * sizeof(*words));
}

static void print_outcome(FILE *out, const struct call *call, int status)
{
	const struct record *record = &arena->record;

	if (record->returned && call->function == TIME && record->rc > 0)
		fprintf(out, "returned a time");
	else if (record->returned)
		fprintf(out, "returned %ld, errno %d", record->rc, record->error);
	else if (record->signal)
		fprintf(out, "signal %d, code %d, at %s", record->signal, record->code,
			describe(record->address));
	else
		fprintf(out, "died with status 0x%x", (unsigned)status);
	print_written(out);
}

static void print_edge(FILE *out, const struct call *call)
{
	int status = run(call);

	fprintf(out, edges_printed++ ? ",\"" : "\"");
	print_call(out, call);
	fprintf(out, "\":\"");
	print_outcome(out, call, status);
	fprintf(out, "\"");
}

/* Every function of every kind with every pair of the pointers. */
static void print_pointers(FILE *out, enum function function, long id)
{
	const uintptr_t base = (uintptr_t)arena->buffer;
	const uintptr_t pointers[] = {
		0, 8, (uintptr_t)1 << (sizeof(uintptr_t) * 6 - 1), UINTPTR_MAX, base, base + MISALIGNED, base + STRADDLING,
		(uintptr_t)arena->guard, (uintptr_t)arena->constant,
	};
	const size_t count = sizeof(pointers) / sizeof(pointers[0]);

	for (int by_libc = 0; by_libc < 2; by_libc++)
		for (size_t i = 0; i < count; i++)
			for (size_t j = 0; j < (function == GETTIMEOFDAY ? count : 1); j++)
				print_edge(out, &(struct call){
							function, by_libc, id, pointers[i],
							pointers[j] == base ? base + SECOND_BUFFER : pointers[j]});
}

void print_edges(FILE *out)
{
	/* Valid ids, unknown ones, CPU clocks of a process and of a thread, a clock by descriptor, and ids
	   with a meaningless upper half. */
	const long ids[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 23, 24, 31, 32, 33, 63, 64, 255, 256, INT_MAX,
		-1, -2, -3, -5, -6, -8, -64, INT_MIN,
#if LONG_MAX > INT_MAX
		(1L << 32), (1L << 32) + 1, (7L << 32) + 33, -(1L << 32),
#endif
	};

	make_arena();
	edges_printed = 0;
	fprintf(out, "{\"edges\":{");
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		print_pointers(out, CLOCK_GETTIME, ids[i]);
	print_pointers(out, GETTIMEOFDAY, 0);
	if (vdso.time)
		print_pointers(out, TIME, 0);
	fprintf(out, "}}\n");
	munmap(arena, sizeof(*arena));
}
