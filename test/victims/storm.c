/*
 * A process that never is the same for long: `storm KIND OFFSET`, where a reading of the wall clock must be true or true
 * plus OFFSET ns.
 *
 *     threads      threads that read the clock once and exit, as many and as fast as possible
 *     exec         starts itself anew every few milliseconds
 *     exec-thread  the same, by a thread that is not the main thread
 *     exec-traced  the same, with 3,000 threads that sleep, and as soon as the main thread is traced
 *     exec-traced-thread
 *                  the same, as soon as the thread is traced that does it, the first after the main thread
 *     forks        forks children, one after the other, that read the clock for a moment and exit
 *     exit-main    `storm exit-main OFFSET MICROSECONDS`: reads the clock with four threads until it is told to `exit`, and
 *                  then for so long; its exit code is 42, or 43 where a reading was wrong
 *     exit-thread  the same, ended by a thread that is not the main thread
 *
 * `settle` is answered with {"rounds", "wrong"}: how many threads, incarnations or children there have been, and how many
 * readings were wrong. For `forks` also "kept", [pid, wrong, whether its last reading was skewed] for each child that
 * stays; `keep` has the next child stay. The end of stdin ends the program and its children.
 */
#define _GNU_SOURCE
#include "truth.h"
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CREATORS 3
#define STACK (16 * 1024)
#define MOST_KEPT 256

static int64_t offset;
static char **arguments;
static atomic_ullong rounds, wrong;

static void look(int times)
{
	while (times--)
		if (witness(offset) == WRONG)
			atomic_fetch_add(&wrong, 1);
}

static void report(const char *rest)
{
	char line[128];
	int size = snprintf(line, sizeof(line), "{\"rounds\":%llu,\"wrong\":%llu", rounds, wrong);

	/* Not by stdio, whose buffers would be lost or doubled by what happens here. */
	if (write(STDOUT_FILENO, line, (size_t)size) != size ||
	    write(STDOUT_FILENO, rest, strlen(rest)) != (ssize_t)strlen(rest) || write(STDOUT_FILENO, "}\n", 2) != 2)
		_exit(1);
}

/* 0 where there is no whole line yet; ends the process at the end of stdin. A line is at most one read. */
static int command(char *line, size_t size, int wait_ms)
{
	struct pollfd input = {STDIN_FILENO, POLLIN, 0};
	ssize_t got;

	if (poll(&input, 1, wait_ms) <= 0)
		return 0;
	got = read(STDIN_FILENO, line, size - 1);
	if (got <= 0)
		_exit(0);
	line[got] = '\0';
	return 1;
}

/* ---- threads ------------------------------------------------------------------------------------------------ */

static void *read_once(void *unused)
{
	look(1);
	atomic_fetch_add(&rounds, 1);
	return unused;
}

static void *create(void *small)
{
	pthread_t thread;

	for (;;)
		if (pthread_create(&thread, small, read_once, NULL) == 0)
			pthread_join(thread, NULL);
	return NULL;
}

static void storm_of_threads(void)
{
	static pthread_attr_t small;
	pthread_t thread;
	char line[64];

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	for (int i = 0; i < CREATORS; i++)
		if (pthread_create(&thread, NULL, create, &small))
			exit(1);
	for (;;)
		if (command(line, sizeof(line), -1))
			report("");
}

/* ---- exec --------------------------------------------------------------------------------------------------- */

static void begin_anew(void)
{
	char counted[2][32];

	snprintf(counted[0], sizeof(counted[0]), "%llu", rounds + 1);
	snprintf(counted[1], sizeof(counted[1]), "%llu", wrong);
	execl("/proc/self/exe", arguments[0], arguments[1], arguments[2], counted[0], counted[1], (char *)NULL);
	perror("execl");
	exit(1);
}

static void *start_again(void *unused)
{
	char line[64];

	/* Stays for two milliseconds, of which it reads for the most part. */
	for (int i = 0; i < 4; i++) {
		look(500);
		if (command(line, sizeof(line), 0))
			report("");
	}
	begin_anew();
	return unused;
}

static void storm_of_execs(void)
{
	start_again(NULL);
}

static void storm_of_thread_execs(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, start_again, NULL))
		exit(1);
	for (;;)
		pause();
}

/* ---- exec while the other threads are being seized ------------------------------------------------------------ */

#define SLEEPERS 3000

static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static int is_traced(void)
{
	static const char name[] = "\nTracerPid:\t";
	char status[2048];
	int file = open("/proc/thread-self/status", O_RDONLY);
	ssize_t size = read(file, status, sizeof(status) - 1);
	const char *tracer;

	close(file);
	if (size <= 0)
		exit(1);
	status[size] = '\0';
	tracer = strstr(status, name);
	return tracer && tracer[sizeof(name) - 1] != '0';
}

static void *start_again_when_traced(void *unused)
{
	char line[64];

	prctl(PR_SET_TIMERSLACK, 1);
	while (!is_traced()) {
		if (command(line, sizeof(line), 0))
			report("");
	}
	begin_anew();
	return unused;
}

static void sleep_many(void)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	for (int i = 0; i < SLEEPERS; i++)
		if (pthread_create(&thread, &small, sleep_for_ever, NULL))
			exit(1);
}

static void exec_when_traced(void)
{
	sleep_many();
	start_again_when_traced(NULL);
}

static void exec_thread_when_traced(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, start_again_when_traced, NULL))
		exit(1);
	sleep_many();
	sleep_for_ever(NULL);
}

/* ---- forks -------------------------------------------------------------------------------------------------- */

static struct kept {
	pid_t pid;
	int wrong, skewed;
} *kept; /* shared with the children */
static int kept_count;

static _Noreturn void stay(struct kept *self)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		enum testimony testimony = witness(offset);

		self->wrong += testimony == WRONG;
		self->skewed = testimony == SKEWED;
		usleep(500);
	}
}

static void fork_one(int keep)
{
	struct kept *slot = &kept[kept_count];
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		atomic_store(&wrong, 0);
		if (keep)
			stay(slot);
		look(200);
		_exit(atomic_load(&wrong) ? 1 : 0);
	}
	if (child < 0)
		exit(1);
	atomic_fetch_add(&rounds, 1);
	if (keep) {
		slot->pid = child;
		kept_count++;
		return;
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		atomic_fetch_add(&wrong, 1);
}

static void list_kept(void)
{
	static char text[MOST_KEPT * 32];
	size_t size = (size_t)snprintf(text, sizeof(text), ",\"kept\":[");

	for (int i = 0; i < kept_count; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s[%d,%d,%d]", i ? "," : "", kept[i].pid,
			kept[i].wrong, kept[i].skewed);
	snprintf(text + size, sizeof(text) - size, "]");
	report(text);
}

static void storm_of_forks(void)
{
	char line[64];

	kept = mmap(NULL, MOST_KEPT * sizeof(*kept), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (kept == MAP_FAILED)
		exit(1);
	for (;;) {
		int keep = 0;

		if (command(line, sizeof(line), 0)) {
			/* Several may have come at once. */
			for (char *at = strstr(line, "keep"); at; at = strstr(at + 1, "keep"))
				keep++;
			if (strstr(line, "settle"))
				list_kept();
		}
		while (keep-- && kept_count < MOST_KEPT)
			fork_one(1);
		look(20);
		fork_one(0);
	}
}

/* ---- exit --------------------------------------------------------------------------------------------------- */

static void *look_for_ever(void *unused)
{
	for (;;)
		look(1);
	return unused;
}

static void *exit_when_told(void *unused)
{
	int64_t microseconds = strtoll(arguments[3], NULL, 10);
	struct timespec start, now;
	char line[64];

	while (!command(line, sizeof(line), -1))
		;
	true_clock(CLOCK_MONOTONIC, &start);
	do {
		look(1);
		true_clock(CLOCK_MONOTONIC, &now);
	} while (nanoseconds(&now) - nanoseconds(&start) < microseconds * 1000);
	_exit(atomic_load(&wrong) ? 43 : 42);
	return unused;
}

static void start_threads(void *(*body)(void *), int count)
{
	pthread_t thread;

	while (count--)
		if (pthread_create(&thread, NULL, body, NULL))
			exit(1);
}

static void exit_by_main(void)
{
	start_threads(look_for_ever, 3);
	exit_when_told(NULL);
}

static void exit_by_thread(void)
{
	start_threads(look_for_ever, 2);
	start_threads(exit_when_told, 1);
	look_for_ever(NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} kinds[] = {
	{"threads", storm_of_threads},
	{"exec", storm_of_execs},
	{"exec-thread", storm_of_thread_execs},
	{"exec-traced", exec_when_traced},
	{"exec-traced-thread", exec_thread_when_traced},
	{"forks", storm_of_forks},
	{"exit-main", exit_by_main},
	{"exit-thread", exit_by_thread},
};

int main(int argc, char **argv)
{
	arguments = argv;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	if (argc >= 3)
		offset = strtoll(argv[2], NULL, 10);
	if (argc == 5) { /* started by ourselves */
		rounds = strtoull(argv[3], NULL, 10);
		wrong = strtoull(argv[4], NULL, 10);
	} else {
		report("");
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc >= 3 && strcmp(kinds[i].name, argv[1]) == 0)
			kinds[i].run();
	fprintf(stderr, "usage: storm KIND OFFSET\n");
	return 1;
}
