/*
 * A parent that notes what it is told about its child: `guardian THREADS PATIENCE`, in ms. The child, the victim, reads the clock about
 * every half millisecond in each of its threads, and counts the times that its handler of SIGCONT runs. The first line is
 * {"pid", "child"}.
 *
 *   log          what waitpid() and SIGCHLD said so far: {"waits": ["stopped 19", "continued", …], "signals": […]}
 *   beat         when every thread has read the clock again: {"differences": [[FROM, TO]…]}, between which ns the clock
 *                differs from the true time; {"stuck"} if one does not
 *   still        whether no thread has for 20 ms: {"still"}
 *   march        stops and continues the child in turns until told otherwise, each time as soon as the parent and the
 *                child have noticed the last one; {}
 *   hail         the same, but as fast as signals can be sent, heeding nothing; {}
 *   end SIGNAL   the end of that, and one more signal; {"rounds", "continued", "stuck"}: rounds sent, runs of the
 *                handler since the beginning, and what was waited for in vain
 *
 * The end of stdin ends both.
 */
#define _GNU_SOURCE
#include "truth.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define MOST_THREADS 8
#define LOG_SIZE 256

static struct shared {
	/* A thread writes its difference before an odd beat, and after an even one. */
	int64_t from[MOST_THREADS], to[MOST_THREADS];
	_Atomic uint64_t beats[MOST_THREADS];
	_Atomic uint64_t continued;
} *shared;

static int threads, patience_ms;
static pid_t child;
static int child_fd; /* means the child even when its pid is used again */

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec * SECOND + ts->tv_nsec;
}

/* ---- the child ------------------------------------------------------------------------------------------------- */

static void on_continue(int signal)
{
	(void)signal;
	atomic_fetch_add(&shared->continued, 1);
}

static void read_clock(intptr_t index)
{
	struct timespec before, value, after;

	true_clock(CLOCK_REALTIME, &before);
	clock_gettime(CLOCK_REALTIME, &value);
	true_clock(CLOCK_REALTIME, &after);
	shared->from[index] = ns_of(&value) - ns_of(&after);
	shared->to[index] = ns_of(&value) - ns_of(&before);
}

static void *beat(void *argument)
{
	const struct timespec rest = {0, 500000};
	intptr_t index = (intptr_t)argument;

	for (;;) {
		read_clock(index);
		atomic_fetch_add(&shared->beats[index], 1);
		nanosleep(&rest, NULL);
		atomic_fetch_add(&shared->beats[index], 1);
	}
	return NULL;
}

static void be_child(void)
{
	struct sigaction action = {.sa_handler = on_continue, .sa_flags = SA_RESTART};
	sigset_t none;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	setpgid(0, 0); /* a group of its own, not an orphaned one: SIGTSTP stops it */
	sigaction(SIGCONT, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (intptr_t i = 1; i < threads; i++)
		pthread_create(&thread, NULL, beat, (void *)i);
	beat(NULL);
}

/* ---- what the parent is told ------------------------------------------------------------------------------------ */

struct log {
	pthread_mutex_t lock;
	int count;
	char entries[LOG_SIZE][24];
};

static struct log waits = {.lock = PTHREAD_MUTEX_INITIALIZER}, signals = {.lock = PTHREAD_MUTEX_INITIALIZER};
static _Atomic uint64_t stops, continuations; /* that waitpid() reported */
static atomic_int quiet; /* while signals rain down: nothing is written into the logs */

static void note(struct log *log, const char *what, int number)
{
	if (atomic_load(&quiet))
		return;
	pthread_mutex_lock(&log->lock);
	if (log->count < LOG_SIZE) {
		if (number)
			snprintf(log->entries[log->count++], sizeof(log->entries[0]), "%s %d", what, number);
		else
			snprintf(log->entries[log->count++], sizeof(log->entries[0]), "%s", what);
	}
	pthread_mutex_unlock(&log->lock);
}

static void *note_waits(void *unused)
{
	int status;

	while (waitpid(child, &status, WUNTRACED | WCONTINUED) == child) {
		if (WIFSTOPPED(status)) {
			note(&waits, "stopped", WSTOPSIG(status));
			atomic_fetch_add(&stops, 1);
		} else if (WIFCONTINUED(status)) {
			note(&waits, "continued", 0);
			atomic_fetch_add(&continuations, 1);
		} else if (WIFSIGNALED(status)) {
			note(&waits, "killed", WTERMSIG(status));
		} else {
			note(&waits, "exited", WEXITSTATUS(status));
		}
	}
	return unused;
}

static void *note_signals(void *unused)
{
	static const char *const codes[] = {"?", "exited", "killed", "dumped", "trapped", "stopped", "continued"};
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;)
		if (sigwaitinfo(&set, &info) == SIGCHLD)
			note(&signals, codes[info.si_code >= 0 && info.si_code <= 6 ? info.si_code : 0],
				info.si_code == CLD_CONTINUED ? 0 : info.si_status);
	return unused;
}

/* ---- stops and continuations -------------------------------------------------------------------------------------- */

enum { CALM, MARCH, HAIL };
static atomic_int weather, weather_now;
static _Atomic uint64_t rounds;
static const char *_Atomic stuck = "";

/* Whether the counter went beyond `old` in time. */
static int await(_Atomic uint64_t *counter, uint64_t old, const char *what)
{
	for (int i = 0; i < patience_ms * 10; i++) {
		if (atomic_load(counter) > old)
			return 1;
		usleep(100);
	}
	atomic_store(&stuck, what);
	return 0;
}

static void send_signal(int signal)
{
	syscall(SYS_pidfd_send_signal, child_fd, signal, NULL, 0);
}

static int march_once(void)
{
	uint64_t stopped = atomic_load(&stops), continued = atomic_load(&continuations);
	uint64_t handled = atomic_load(&shared->continued);

	send_signal(SIGSTOP);
	if (!await(&stops, stopped, "the report of a stop"))
		return 0;
	send_signal(SIGCONT);
	return await(&continuations, continued, "the report of a continuation") &&
		await(&shared->continued, handled, "the handler of SIGCONT");
}

static int hail_once(void)
{
	send_signal(SIGSTOP);
	usleep((useconds_t)(random() % 300));
	send_signal(SIGCONT);
	usleep((useconds_t)(random() % 300));
	return 1;
}

static void *make_weather(void *unused)
{
	for (;;) {
		int wanted = atomic_load(&weather);

		atomic_store(&weather_now, wanted);
		if (wanted == CALM)
			usleep(1000);
		else if (wanted == MARCH ? march_once() : hail_once())
			atomic_fetch_add(&rounds, 1);
		else
			atomic_store(&weather, CALM);
	}
	return unused;
}

static void change_weather(int to)
{
	if (to != CALM)
		atomic_store(&quiet, 1);
	atomic_store(&weather, to);
	while (atomic_load(&weather_now) != to && !atomic_load(&stuck)[0])
		usleep(100);
}

/* ---- the dialog --------------------------------------------------------------------------------------------------- */

static void print_log(const char *name, struct log *log)
{
	pthread_mutex_lock(&log->lock);
	printf("\"%s\":[", name);
	for (int i = 0; i < log->count; i++)
		printf("%s\"%s\"", i ? "," : "", log->entries[i]);
	printf("]");
	pthread_mutex_unlock(&log->lock);
}

/* The first beat after the reading that may be going on now, and no reading going on. */
static int read_difference(int index, int64_t *from, int64_t *to)
{
	uint64_t old = atomic_load(&shared->beats[index]), seen;

	if (!await(&shared->beats[index], old + 2, "a beat"))
		return 0;
	for (;;) {
		seen = atomic_load(&shared->beats[index]);
		*from = shared->from[index];
		*to = shared->to[index];
		if (seen % 2 == 1 && atomic_load(&shared->beats[index]) == seen)
			return 1;
		usleep(100);
	}
}

static void print_beat(void)
{
	int64_t from[MOST_THREADS], to[MOST_THREADS];

	for (int i = 0; i < threads; i++)
		if (!read_difference(i, &from[i], &to[i])) {
			printf("{\"stuck\":\"thread %d does not run\"}\n", i);
			return;
		}
	printf("{\"differences\":[");
	for (int i = 0; i < threads; i++)
		printf("%s[\"%lld\",\"%lld\"]", i ? "," : "", (long long)from[i], (long long)to[i]);
	printf("]}\n");
}

static void print_still(void)
{
	uint64_t before = 0, after = 0;

	for (int i = 0; i < threads; i++)
		before += atomic_load(&shared->beats[i]);
	usleep(20000);
	for (int i = 0; i < threads; i++)
		after += atomic_load(&shared->beats[i]);
	printf("{\"still\":%s}\n", before == after ? "true" : "false");
}

static void obey(const char *line)
{
	int signal;

	if (strcmp(line, "log\n") == 0) {
		printf("{");
		print_log("waits", &waits);
		printf(",");
		print_log("signals", &signals);
		printf("}\n");
	} else if (strcmp(line, "beat\n") == 0) {
		print_beat();
	} else if (strcmp(line, "still\n") == 0) {
		print_still();
	} else if (strcmp(line, "march\n") == 0 || strcmp(line, "hail\n") == 0) {
		change_weather(line[0] == 'm' ? MARCH : HAIL);
		printf("{}\n");
	} else if (sscanf(line, "end %d", &signal) == 1) {
		change_weather(CALM);
		send_signal(signal);
		printf("{\"rounds\":%llu,\"continued\":%llu,\"stuck\":\"%s\"}\n", (unsigned long long)rounds,
			(unsigned long long)shared->continued, atomic_load(&stuck));
	} else {
		printf("{}\n");
	}
}

static void start(void *(*body)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL))
		exit(1);
}

int main(int argc, char **argv)
{
	sigset_t chld;
	char line[64];

	threads = argc == 3 ? atoi(argv[1]) : 0;
	patience_ms = argc == 3 ? atoi(argv[2]) : 0;
	if (threads < 1 || threads > MOST_THREADS) {
		fprintf(stderr, "usage: guardian THREADS PATIENCE\n");
		return 1;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	child = fork();
	if (child == 0)
		be_child();
	child_fd = (int)syscall(SYS_pidfd_open, child, 0);
	if (child < 0 || child_fd < 0) {
		perror("fork");
		return 1;
	}
	start(note_waits);
	start(note_signals);
	start(make_weather);
	for (int i = 0; i < threads; i++)
		(void)await(&shared->beats[i], 0, "the first beat");
	setvbuf(stdout, NULL, _IOLBF, 4096);
	printf("{\"pid\":%d,\"child\":%d}\n", getpid(), child);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	send_signal(SIGKILL);
	return 0;
}
