/*
 * A program that lives with faults of its own making: `faults OFFSET KIND…`. Each kind is raised all the time and handled
 * by the program; the first time it learns what its handlers are told (siginfo, where it happened, the processor's
 * trap and error codes, how often), and from then on they must be told the same. With one KIND the program has one
 * thread, with several one thread each. `clock` is a read of the wall clock, one step at a time: what it reads must be
 * true or true plus OFFSET (in ns).
 *
 * The first line is {"pid"}, when all have learned. Any line on stdin is answered by
 * {"faults": [{"name", "raised", "wrong", "first"}]}. The end of stdin ends it.
 */
#define _GNU_SOURCE
#include "truth.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define PAGE 4096
#define MOST_WORKERS 16
#define TRAP_FLAG 0x100

/* What the handlers were told of one fault. */
struct account {
	uint64_t calls, sum;
	int signal, code;
	uintptr_t address, pc;
};

struct worker {
	const struct fault *fault;
	struct account now, learned;
	sigjmp_buf back;
	char *page;
	_Atomic uint64_t raised, wrong;
	char first[200];
};

struct fault {
	const char *name;
	void (*raise)(struct worker *worker);
	void (*handle)(struct worker *worker, ucontext_t *context);
	int everywhere; /* at another place each time: neither places nor calls are compared */
};

static _Thread_local struct worker *self;
static int64_t offset;

/* ---- judging ---------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static void handle(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct account *now = &self->now;
	int everywhere = self->fault->everywhere;

	now->calls += everywhere ? 0 : 1;
	now->signal = signal;
	now->code = info->si_code;
	now->address = everywhere ? 0 : (uintptr_t)info->si_addr;
	now->pc = everywhere ? 0 : (uintptr_t)registers[REG_RIP];
	now->sum = everywhere ? 0 : mix(now->sum, (uint64_t)signal << 32 | (uint32_t)info->si_code);
	now->sum = everywhere ? 0 : mix(mix(now->sum, now->address), now->pc);
	now->sum = everywhere ? 0 : mix(mix(now->sum, registers[REG_TRAPNO]), registers[REG_ERR]);
	if (self->fault->handle)
		self->fault->handle(self, context);
}

static void violate(struct worker *worker, const char *words)
{
	if (atomic_fetch_add(&worker->wrong, 1) == 0)
		snprintf(worker->first, sizeof(worker->first), "%s", words);
}

static void compare(struct worker *worker)
{
	const struct account *now = &worker->now, *learned = &worker->learned;
	char words[200];

	if (memcmp(now, learned, sizeof(*now)) == 0)
		return;
	snprintf(words, sizeof(words), "%llu calls, last signal %d, code %d, address 0x%lx, at 0x%lx; "
		 "before: %llu, %d, %d, 0x%lx, 0x%lx", (unsigned long long)now->calls, now->signal, now->code,
		(unsigned long)now->address, (unsigned long)now->pc, (unsigned long long)learned->calls,
		learned->signal, learned->code, (unsigned long)learned->address, (unsigned long)learned->pc);
	violate(worker, words);
}

/* ---- the kinds ---------------------------------------------------------------------------------------------------- */

static void jump_back(struct worker *worker, ucontext_t *context)
{
	(void)context;
	siglongjmp(worker->back, 1);
}

static void raise_breakpoint(struct worker *worker)
{
	(void)worker;
	__asm__ volatile("int3");
}

static void raise_illegal(struct worker *worker)
{
	(void)worker;
	__asm__ volatile("ud2");
}

static void skip_illegal(struct worker *worker, ucontext_t *context)
{
	(void)worker;
	context->uc_mcontext.gregs[REG_RIP] += 2;
}

static void raise_null(struct worker *worker)
{
	if (!sigsetjmp(worker->back, 1))
		__asm__ volatile("movl (%0), %%eax" : : "r"((uintptr_t)16) : "eax", "memory");
}

static void raise_division(struct worker *worker)
{
	if (!sigsetjmp(worker->back, 1))
		__asm__ volatile("xorl %%edx, %%edx\n\tdivl %0" : : "r"(0), "a"(1) : "edx", "cc");
}

static void need_page(struct worker *worker, int fd, int protection)
{
	worker->page = mmap(NULL, PAGE, protection, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	if (worker->page == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
}

static void raise_protected(struct worker *worker)
{
	if (!worker->page) {
		need_page(worker, -1, PROT_READ | PROT_WRITE);
		worker->page[0] = 0; /* there from the first time on */
		mprotect(worker->page, PAGE, PROT_READ);
	}
	__asm__ volatile("movb $1, (%0)" : : "r"(worker->page) : "memory");
	mprotect(worker->page, PAGE, PROT_READ);
}

static void make_writable(struct worker *worker, ucontext_t *context)
{
	(void)context;
	mprotect(worker->page, PAGE, PROT_READ | PROT_WRITE);
}

static void raise_bus(struct worker *worker)
{
	if (!worker->page) /* of an empty file */
		need_page(worker, memfd_create("faults", 0), PROT_READ);
	if (!sigsetjmp(worker->back, 1))
		__asm__ volatile("movb (%0), %%al" : : "r"(worker->page) : "eax", "memory");
}

/* Below the stack pointer lies what the compiler may have put there. */
#define START_STEPPING                                                                                             \
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushfq\n\torq %0, (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), %%rsp" \
			 : : "i"(TRAP_FLAG) : "memory", "cc")
#define STOP_STEPPING                                                                                              \
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushfq\n\tandq %0, (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), "      \
			 "%%rsp" : : "i"(~TRAP_FLAG) : "memory", "cc")

static void raise_steps(struct worker *worker)
{
	(void)worker;
	START_STEPPING;
	__asm__ volatile("nop\n\tnop\n\tnop\n\tnop");
	STOP_STEPPING;
}

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec * SECOND + ts->tv_nsec;
}

static void raise_in_clock(struct worker *worker)
{
	struct timespec before, value, after;
	char words[100];
	int64_t off;

	true_clock(CLOCK_REALTIME, &before);
	START_STEPPING;
	clock_gettime(CLOCK_REALTIME, &value);
	STOP_STEPPING;
	true_clock(CLOCK_REALTIME, &after);
	off = ns_of(&value) - ns_of(&before);
	if (off >= 0 && ns_of(&value) <= ns_of(&after))
		return;
	if (off - offset >= 0 && ns_of(&value) - offset <= ns_of(&after))
		return;
	snprintf(words, sizeof(words), "read a clock that was %lld ns off", (long long)off);
	violate(worker, words);
}

static const struct fault faults[] = {
	{.name = "breakpoint", .raise = raise_breakpoint},
	{.name = "illegal", .raise = raise_illegal, .handle = skip_illegal},
	{.name = "null", .raise = raise_null, .handle = jump_back},
	{.name = "division", .raise = raise_division, .handle = jump_back},
	{.name = "protected", .raise = raise_protected, .handle = make_writable},
	{.name = "bus", .raise = raise_bus, .handle = jump_back},
	{.name = "steps", .raise = raise_steps},
	{.name = "clock", .raise = raise_in_clock, .everywhere = 1},
};

/* ---- the program ---------------------------------------------------------------------------------------------------- */

static struct worker workers[MOST_WORKERS];
static int count;

static void raise_once(struct worker *worker)
{
	memset(&worker->now, 0, sizeof(worker->now));
	worker->fault->raise(worker);
	if (atomic_load(&worker->raised) == 0)
		worker->learned = worker->now;
	else
		compare(worker);
	atomic_fetch_add(&worker->raised, 1);
}

static void *work(void *argument)
{
	const struct timespec rest = {0, 200000};

	self = argument;
	for (;;) {
		for (int i = 0; i < 20; i++)
			raise_once(self);
		nanosleep(&rest, NULL);
	}
	return NULL;
}

static void report(void)
{
	printf("{\"faults\":[");
	for (int i = 0; i < count; i++)
		printf("%s{\"name\":\"%s\",\"raised\":%llu,\"wrong\":%llu,\"first\":\"%s\"}", i ? "," : "",
			workers[i].fault->name, (unsigned long long)workers[i].raised,
			(unsigned long long)workers[i].wrong, workers[i].first);
	printf("]}\n");
	fflush(stdout);
}

static void obey(void)
{
	char c;
	ssize_t got = read(STDIN_FILENO, &c, 1);

	if (got == 0)
		exit(0);
	if (got == 1 && c == '\n')
		report();
}

static void add_worker(const char *name)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strcmp(faults[i].name, name) == 0 && count < MOST_WORKERS) {
			workers[count++].fault = &faults[i];
			return;
		}
	fprintf(stderr, "there is no fault called %s\n", name);
	exit(1);
}

static void install_handlers(void)
{
	const int signals[] = {SIGTRAP, SIGILL, SIGSEGV, SIGFPE, SIGBUS};
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static void greet(void)
{
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
}

static void live_alone(void)
{
	struct pollfd input = {STDIN_FILENO, POLLIN, 0};

	self = &workers[0];
	raise_once(self);
	greet();
	for (;;) {
		for (int i = 0; i < 20; i++)
			raise_once(self);
		while (poll(&input, 1, 0) > 0)
			obey();
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 3) {
		fprintf(stderr, "usage: faults OFFSET KIND…\n");
		return 1;
	}
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	offset = strtoll(argv[1], NULL, 10);
	install_handlers();
	for (int i = 2; i < argc; i++)
		add_worker(argv[i]);
	if (count == 1)
		live_alone();
	for (int i = 0; i < count; i++)
		pthread_create(&thread, NULL, work, &workers[i]);
	for (int i = 0; i < count; i++)
		while (atomic_load(&workers[i].raised) == 0)
			usleep(100);
	greet();
	for (;;)
		obey();
}
