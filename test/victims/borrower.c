/*
 * Threads in a system call whose time lies in memory that somebody may want back: `borrower KIND WHERE MS THREADS`.
 * Each makes one call of the kind, which ends after MS at the latest. WHERE is `table`: the time lies in pages that serve
 * no other end; `elsewhere`: it does not; or `code`: nor does it, but the instruction that makes the call is in a page of
 * its own. With THREADS 0 a child process makes the call: it is stopped, as by Ctrl-Z, right
 * before the instruction, and SIGCONT lets it go on.
 *
 * The first line is {"pid", "tids", "table", "code"}: the two ranges as [address, length]. Then:
 *
 *     interrupt N    a signal's handler runs above each of the first N calls, and stays. {}
 *     restart N      the same, by a handler with SA_RESTART. {}
 *     leave MS       the handlers return, in so many ms. {}
 *     wake           ends the calls as they are ended otherwise. {}
 *     unmap          of the table and the page of code nothing is left. {}
 *     results        what the calls have returned, once all have: {"results": [n, ...]}, errors as -errno
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define TABLE_PAGES 4
#define MOST_THREADS 128
#define BYTES_OF_ENTRY 64
#define FUTEX_LOCK_PI2_ 13 /* Linux 5.14 */
#define SYS_futex_waitv_ 449
#define FUTEX_32_ 2

/* struct futex_waitv, which older headers do not have. */
struct waiter {
	uint64_t value, address;
	uint32_t flags, reserved;
};

/* The calling thread may be another process. */
static struct shared {
	atomic_int word, other_word, lock;
	atomic_int in_handler, leave, done;
	atomic_int tids[MOST_THREADS];
	long results[MOST_THREADS];
	struct waiter waiter;
	char message[MOST_THREADS][8];
} *shared;

static mqd_t queue;
static uint8_t *table, *elsewhere, *code;

/* ---- the call -------------------------------------------------------------------------------------------------- */

typedef long make_call_t(long number, const long arguments[6]);

long make_call(long number, const long arguments[6]);
extern const uint8_t make_call_instruction[], make_call_end[];

__asm__(".text\n"
	".globl make_call\n"
	"make_call:\n"
	"	mov %rdi, %rax\n"
	"	mov 40(%rsi), %r9\n"
	"	mov 32(%rsi), %r8\n"
	"	mov 24(%rsi), %r10\n"
	"	mov 16(%rsi), %rdx\n"
	"	mov (%rsi), %rdi\n"
	"	mov 8(%rsi), %rsi\n"
	"make_call_instruction:\n"
	"	syscall\n"
	"	ret\n"
	"make_call_end:\n");

/* ---- the kinds ------------------------------------------------------------------------------------------------- */

struct kind {
	const char *name;
	long number;
	int time;     /* which argument points to it */
	clockid_t clock;
	int absolute;
	void (*prepare)(long arguments[6], int thread);
	void (*wake)(int threads);
};

static void raw_futex(atomic_int *word, int operation, int value)
{
	syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void wait_on_word(long arguments[6], int operation)
{
	arguments[0] = (long)&shared->word;
	arguments[1] = operation;
	arguments[4] = (long)&shared->other_word;
	arguments[5] = operation == FUTEX_WAIT_BITSET ? -1 : 0;
}

static void prepare_wait(long arguments[6], int thread)
{
	(void)thread;
	wait_on_word(arguments, FUTEX_WAIT);
}

static void prepare_wait_bitset(long arguments[6], int thread)
{
	(void)thread;
	wait_on_word(arguments, FUTEX_WAIT_BITSET);
}

static void prepare_wait_wall_clock(long arguments[6], int thread)
{
	(void)thread;
	wait_on_word(arguments, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME);
	arguments[5] = -1;
}

static void prepare_requeue(long arguments[6], int thread)
{
	(void)thread;
	wait_on_word(arguments, FUTEX_WAIT_REQUEUE_PI);
}

static void wake_word(int threads)
{
	(void)threads;
	raw_futex(&shared->word, FUTEX_WAKE, INT_MAX);
}

/* We have the lock, and are asked for it. */
static void prepare_lock(long arguments[6], int operation)
{
	arguments[0] = (long)&shared->lock;
	arguments[1] = operation;
}

static void prepare_lock_pi(long arguments[6], int thread)
{
	(void)thread;
	prepare_lock(arguments, FUTEX_LOCK_PI);
}

static void prepare_lock_pi2(long arguments[6], int thread)
{
	(void)thread;
	prepare_lock(arguments, FUTEX_LOCK_PI2_);
}

static void unlock(int threads)
{
	(void)threads;
	raw_futex(&shared->lock, FUTEX_UNLOCK_PI, 0);
}

static void prepare_waitv(long arguments[6], int thread)
{
	(void)thread;
	shared->waiter = (struct waiter){0, (uintptr_t)&shared->word, FUTEX_32_, 0};
	arguments[0] = (long)&shared->waiter;
	arguments[1] = 1;
	arguments[4] = CLOCK_MONOTONIC;
}

static void prepare_sleep(long arguments[6], int thread)
{
	(void)arguments;
	(void)thread;
}

static void prepare_clock_sleep(long arguments[6], int thread)
{
	(void)thread;
	arguments[0] = CLOCK_MONOTONIC;
	arguments[1] = TIMER_ABSTIME;
}

static void prepare_clock_sleep_relative(long arguments[6], int thread)
{
	(void)thread;
	arguments[0] = CLOCK_MONOTONIC;
}

static void prepare_message(long arguments[6], int thread)
{
	arguments[0] = queue;
	arguments[1] = (long)shared->message[thread];
	arguments[2] = sizeof(shared->message[thread]);
}

/* Before there are threads: O_NONBLOCK is the queue's, and who waits in here would be taken for one in its call. */
static void fill_queue(void)
{
	char message[8] = "";

	fcntl(queue, F_SETFL, O_NONBLOCK);
	while (mq_send(queue, message, sizeof(message), 0) == 0)
		;
	fcntl(queue, F_SETFL, 0);
}

static void send_messages(int threads)
{
	while (threads-- > 0)
		mq_send(queue, "wake up", 8, 0);
}

static void take_messages(int threads)
{
	char message[8];

	while (threads-- > 0)
		mq_receive(queue, message, sizeof(message), NULL);
}

static const struct kind kinds[] = {
	{"futex wait", SYS_futex, 3, CLOCK_MONOTONIC, 0, prepare_wait, wake_word},
	{"futex wait, absolute", SYS_futex, 3, CLOCK_MONOTONIC, 1, prepare_wait_bitset, wake_word},
	{"futex wait, absolute wall clock", SYS_futex, 3, CLOCK_REALTIME, 1, prepare_wait_wall_clock, wake_word},
	{"futex lock", SYS_futex, 3, CLOCK_REALTIME, 1, prepare_lock_pi, unlock},
	{"futex lock, monotonic", SYS_futex, 3, CLOCK_MONOTONIC, 1, prepare_lock_pi2, unlock},
	{"futex requeue", SYS_futex, 3, CLOCK_MONOTONIC, 1, prepare_requeue, NULL},
	{"futex_waitv", SYS_futex_waitv_, 3, CLOCK_MONOTONIC, 1, prepare_waitv, wake_word},
	{"nanosleep", SYS_nanosleep, 0, CLOCK_MONOTONIC, 0, prepare_sleep, NULL},
	{"clock_nanosleep", SYS_clock_nanosleep, 2, CLOCK_MONOTONIC, 0, prepare_clock_sleep_relative, NULL},
	{"clock_nanosleep, absolute", SYS_clock_nanosleep, 2, CLOCK_MONOTONIC, 1, prepare_clock_sleep, NULL},
	{"mq_timedreceive", SYS_mq_timedreceive, 4, CLOCK_REALTIME, 1, prepare_message, send_messages},
	{"mq_timedsend", SYS_mq_timedsend, 4, CLOCK_REALTIME, 1, prepare_message, take_messages},
};

static const struct kind *kind;
static const char *where;
static long duration_ms;

static struct timespec when(void)
{
	struct timespec t = {0, 0};

	if (kind->absolute)
		clock_gettime(kind->clock, &t);
	t.tv_sec += duration_ms / 1000;
	t.tv_nsec += duration_ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static void call(int thread)
{
	uint8_t *entry = (strcmp(where, "table") == 0 ? table : elsewhere) + thread * BYTES_OF_ENTRY;
	make_call_t *function = strcmp(where, "code") == 0 ? (make_call_t *)(uintptr_t)code : make_call;
	const struct timespec time = when();
	long arguments[6] = {0};

	memcpy(entry, &time, sizeof(time));
	kind->prepare(arguments, thread);
	arguments[kind->time] = (long)entry;
	shared->results[thread] = function(kind->number, arguments);
	atomic_fetch_add(&shared->done, 1);
	raw_futex(&shared->done, FUTEX_WAKE, INT_MAX);
}

/* ---- who calls --------------------------------------------------------------------------------------------------- */

static void await(atomic_int *number, int least)
{
	for (int seen; (seen = atomic_load(number)) < least;)
		raw_futex(number, FUTEX_WAIT, seen);
}

static void note(atomic_int *number)
{
	atomic_fetch_add(number, 1);
	raw_futex(number, FUTEX_WAKE, INT_MAX);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void stay(int signal)
{
	(void)signal;
	note(&shared->in_handler);
	while (!atomic_load(&shared->leave))
		if (syscall(SYS_futex, &shared->leave, FUTEX_WAIT, 0, NULL) && errno != EAGAIN)
			fail("a handler's wait");
}

static void *run_thread(void *number)
{
	int thread = (int)(intptr_t)number;

	atomic_store(&shared->tids[thread], (int)syscall(SYS_gettid));
	raw_futex(&shared->tids[thread], FUTEX_WAKE, INT_MAX);
	call(thread);
	return NULL;
}

static void start_threads(int threads)
{
	for (int i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, run_thread, (void *)(intptr_t)i))
			fail("pthread_create");
		pthread_detach(thread);
		await(&shared->tids[i], 1);
	}
}

static uintptr_t program_counter(pid_t child)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, child, 0, &registers))
		fail("PTRACE_GETREGS");
	return registers.rip;
}

static void await_stop(pid_t child)
{
	int status;

	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		fail("waitpid");
}

static pid_t start_child(void)
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			fail("PTRACE_TRACEME");
		raise(SIGSTOP);
		call(0);
		for (;;)
			pause();
	}
	await_stop(child);
	while (program_counter(child) != (uintptr_t)make_call_instruction) {
		if (ptrace(PTRACE_SINGLESTEP, child, 0, 0))
			fail("PTRACE_SINGLESTEP");
		await_stop(child);
	}
	if (ptrace(PTRACE_DETACH, child, 0, SIGSTOP))
		fail("PTRACE_DETACH");
	await_stop(child);
	atomic_store(&shared->tids[0], child);
	return child;
}

/* ---- the dialog -------------------------------------------------------------------------------------------------- */

static void interrupt(pid_t pid, int callers, int signal)
{
	for (int i = 0; i < callers; i++)
		syscall(SYS_tgkill, pid, atomic_load(&shared->tids[i]), signal);
	await(&shared->in_handler, callers);
	puts("{}");
}

static void leave(long ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	puts("{}");
	fflush(stdout);
	nanosleep(&time, NULL);
	note(&shared->leave);
}

static void tell_results(int callers)
{
	await(&shared->done, callers);
	printf("{\"results\":[");
	for (int i = 0; i < callers; i++)
		printf("%s%ld", i ? "," : "", shared->results[i]);
	puts("]}");
}

static void answer(const char *line, pid_t pid, int callers)
{
	if (strncmp(line, "interrupt ", 10) == 0) {
		interrupt(pid, atoi(line + 10), SIGUSR1);
	} else if (strncmp(line, "restart ", 8) == 0) {
		interrupt(pid, atoi(line + 8), SIGUSR2);
	} else if (strncmp(line, "leave ", 6) == 0) {
		leave(atol(line + 6));
	} else if (strcmp(line, "results\n") == 0) {
		tell_results(callers);
	} else if (strcmp(line, "unmap\n") == 0) {
		munmap(table, TABLE_PAGES * PAGE);
		munmap(code, PAGE);
		puts("{}");
	} else if (strcmp(line, "wake\n") == 0 && kind->wake) {
		kind->wake(callers);
		puts("{}");
	} else {
		puts("{\"error\":\"unknown\"}");
	}
	fflush(stdout);
}

static void *map(int pages, int protection, int flags)
{
	void *at = mmap(NULL, (size_t)pages * PAGE, protection, flags | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

static void prepare(void)
{
	struct sigaction interrupting = {.sa_handler = stay}, restarting = {.sa_handler = stay, .sa_flags = SA_RESTART};
	struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 8};
	char name[32];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	sigaction(SIGUSR1, &interrupting, NULL);
	sigaction(SIGUSR2, &restarting, NULL);
	shared = map(1 + sizeof(*shared) / PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	/* With a hole on either side, so that the kernel does not make one mapping of them. */
	table = (uint8_t *)map(TABLE_PAGES + 2, PROT_NONE, MAP_PRIVATE) + PAGE;
	mprotect(table, TABLE_PAGES * PAGE, PROT_READ | PROT_WRITE);
	elsewhere = map(TABLE_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	code = (uint8_t *)map(3, PROT_NONE, MAP_PRIVATE) + PAGE;
	mprotect(code, PAGE, PROT_READ | PROT_WRITE);
	memcpy(code, (const void *)(uintptr_t)make_call, (size_t)(make_call_end - (const uint8_t *)(uintptr_t)make_call));
	mprotect(code, PAGE, PROT_READ | PROT_EXEC);
	raw_futex(&shared->lock, FUTEX_LOCK_PI, 0);
	snprintf(name, sizeof(name), "/borrower-%d", getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	if (queue < 0)
		fail("mq_open");
	mq_unlink(name);
	if (kind->number == SYS_mq_timedsend)
		fill_queue();
}

int main(int argc, char **argv)
{
	int threads = argc == 5 ? atoi(argv[4]) : -1, callers = threads ? threads : 1;
	char line[64];
	pid_t pid;

	for (size_t i = 0; argc == 5 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, argv[1]) == 0)
			kind = &kinds[i];
	if (!kind || threads < 0 || threads > MOST_THREADS) {
		fprintf(stderr, "usage: borrower KIND table|elsewhere|code MS THREADS\n");
		return 1;
	}
	where = argv[2];
	duration_ms = atol(argv[3]);
	prepare();
	pid = threads ? getpid() : start_child();
	start_threads(threads);
	printf("{\"pid\":%d,\"table\":[\"0x%lx\",%d],\"code\":[\"0x%lx\",%d],\"tids\":[", pid, (unsigned long)table,
		TABLE_PAGES * PAGE, (unsigned long)code, PAGE);
	for (int i = 0; i < callers; i++)
		printf("%s%d", i ? "," : "", atomic_load(&shared->tids[i]));
	puts("]}");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		answer(line, pid, callers);
	return 0;
}
