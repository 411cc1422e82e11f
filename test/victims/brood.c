/*
 * Starts programs in every way there is, and judges what becomes of each: `brood OFFSET`. A program is this one again, which
 * reads the wall clock once; its exit code says which child it is, and whether the reading was true, or true plus OFFSET
 * ns. Commands on stdin: `KIND COUNT`, so many children, up to eight at the same time:
 *
 *     fork      by fork and exec
 *     vfork     by vfork and exec
 *     spawn     by posix_spawn
 *     thread    by fork, and by exec in a thread that is not the main thread, while 31 others sleep
 *     forked    by fork alone
 *     shot      by fork and exec, and killed some microseconds later
 *
 * Each is answered by {"true", "skewed", "wrong", "killed"}: how many children read the clock like that, and how many ended
 * otherwise than they should have. The end of stdin ends it.
 */
#define _GNU_SOURCE
#include "truth.h"
#include "witness.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 8
#define THREADS 32
/* An exit code: the child's number below this, and its testimony above. */
#define NUMBERS 64

extern char **environ;

static char *offset;

struct leaf {
	char number[16];
	char *arguments[5];
};

static struct leaf leaf_of(int number)
{
	struct leaf leaf = {.arguments = {"brood", offset, "leaf"}};

	snprintf(leaf.number, sizeof(leaf.number), "%d", number % NUMBERS);
	return leaf;
}

static _Noreturn void be_leaf(int number)
{
	_exit(number + NUMBERS * (int)witness(strtoll(offset, NULL, 10)));
}

static void become_leaf(struct leaf *leaf)
{
	leaf->arguments[3] = leaf->number;
	execv("/proc/self/exe", leaf->arguments);
	_exit(255);
}

/* ---- the ways to start one --------------------------------------------------------------------------------------- */

static pid_t by_fork(struct leaf *leaf)
{
	pid_t child = fork();

	if (child == 0)
		become_leaf(leaf);
	return child;
}

static pid_t by_vfork(struct leaf *leaf)
{
	pid_t child = vfork();

	if (child == 0)
		become_leaf(leaf);
	return child;
}

static pid_t by_spawn(struct leaf *leaf)
{
	pid_t child;

	leaf->arguments[3] = leaf->number;
	return posix_spawn(&child, "/proc/self/exe", NULL, NULL, leaf->arguments, environ) ? -1 : child;
}

static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void *become_leaf_here(void *leaf)
{
	become_leaf(leaf);
	return NULL;
}

static pid_t by_thread(struct leaf *leaf)
{
	pid_t child = fork();
	pthread_t thread;

	if (child)
		return child;
	for (int i = 1; i < THREADS; i++)
		pthread_create(&thread, NULL, i < THREADS - 1 ? sleep_for_ever : become_leaf_here, leaf);
	sleep_for_ever(NULL);
	_exit(255);
}

static pid_t by_fork_alone(struct leaf *leaf)
{
	pid_t child = fork();

	if (child == 0)
		be_leaf(atoi(leaf->number));
	return child;
}

static pid_t shot(struct leaf *leaf)
{
	pid_t child = by_fork(leaf);

	if (child > 0) {
		usleep((useconds_t)(rand() % 3000));
		kill(child, SIGKILL);
	}
	return child;
}

static const struct {
	const char *name;
	pid_t (*begin)(struct leaf *);
} kinds[] = {
	{"fork", by_fork},
	{"vfork", by_vfork},
	{"spawn", by_spawn},
	{"thread", by_thread},
	{"forked", by_fork_alone},
	{"shot", shot},
};

/* ---- judging ------------------------------------------------------------------------------------------------------ */

static struct tally {
	int testimonies[3], killed;
} tally;

static struct child {
	pid_t pid;
	int number;
} children[AT_ONCE];

static struct child *child_of(pid_t pid)
{
	for (int i = 0; i < AT_ONCE; i++)
		if (children[i].pid == pid)
			return &children[i];
	return NULL;
}

/* Nothing but ends is waited for: a stop that is not ours to see would be one too many. */
static int bury(int may_be_shot)
{
	int status;
	pid_t pid = waitpid(-1, &status, WUNTRACED | WCONTINUED);
	struct child *child = pid > 0 ? child_of(pid) : NULL;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 255;

	if (!child)
		return 0;
	if (may_be_shot && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		tally.killed++;
	else if (!WIFEXITED(status) || code % NUMBERS != child->number || code / NUMBERS > SKEWED)
		tally.testimonies[WRONG]++;
	else
		tally.testimonies[code / NUMBERS]++;
	child->pid = 0;
	return 1;
}

static void raise_children(pid_t (*begin)(struct leaf *), int count)
{
	int left = 0;

	memset(&tally, 0, sizeof(tally));
	for (int i = 0; i < count; i++) {
		struct leaf leaf = leaf_of(i);
		struct child *child;

		if (left == AT_ONCE)
			left -= bury(begin == shot);
		child = child_of(0);
		child->number = i % NUMBERS;
		child->pid = begin(&leaf);
		if (child->pid < 0) {
			child->pid = 0;
			tally.testimonies[WRONG]++;
		} else {
			left++;
		}
	}
	while (left)
		left -= bury(begin == shot);
}

static void obey(const char *kind, int count)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, kind))
			continue;
		raise_children(kinds[i].begin, count);
		printf("{\"true\":%d,\"skewed\":%d,\"wrong\":%d,\"killed\":%d}\n", tally.testimonies[TRUE_TIME],
			tally.testimonies[SKEWED], tally.testimonies[WRONG], tally.killed);
		return;
	}
	exit(1);
}

int main(int argc, char **argv)
{
	char line[64], kind[16];
	int count;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	offset = argv[1];
	if (argc == 4)
		be_leaf(atoi(argv[3]));
	if (argc != 2) {
		fprintf(stderr, "usage: brood OFFSET\n");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 4096);
	printf("{\"pid\":%d}\n", getpid());
	while (fgets(line, sizeof(line), stdin))
		if (sscanf(line, "%15s %d", kind, &count) == 2)
			obey(kind, count);
	return 0;
}
