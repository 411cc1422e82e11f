/* Hostile kinds with a seccomp filter over the system calls that timeskew makes in a target, or over the clock's. */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_CALLS 4
#define ANSWER EDOM /* of a filter or a supervisor: no call of ours ever answers this by itself */

static const int our_calls[MOST_CALLS] = {SYS_mmap, SYS_munmap, SYS_rt_sigprocmask, -1};
static const int clock_calls[MOST_CALLS] = {SYS_clock_gettime, SYS_gettimeofday, SYS_time, -1};
static const int mask_calls[MOST_CALLS] = {SYS_rt_sigprocmask, -1, -1, -1};
static const int tightened_calls[MOST_CALLS] = {SYS_getppid, -1, -1, -1};

/* A filter that answers `action` to each of the calls; returns what seccomp(2) returns. */
static long install(const int calls[MOST_CALLS], unsigned action, unsigned flags)
{
	struct sock_filter filter[2 * MOST_CALLS + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned short size = 1;

	for (int i = 0; i < MOST_CALLS && calls[i] >= 0; i++) {
		filter[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
		filter[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	}
	filter[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail("PR_SET_NO_NEW_PRIVS");
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &(struct sock_fprog){size, filter});
}

static void enter(const int calls[MOST_CALLS], unsigned action)
{
	if (install(calls, action, 0))
		fail("seccomp");
}

/* ---- filters ------------------------------------------------------------------------------------------------ */

static void kill_for_clocks(void)
{
	enter(clock_calls, SECCOMP_RET_KILL_PROCESS);
}

static void kill_for_mask(void)
{
	enter(mask_calls, SECCOMP_RET_KILL_PROCESS);
}

static void kill_for_ours(void)
{
	enter(our_calls, SECCOMP_RET_KILL_PROCESS);
}

static void kill_thread_for_ours(void)
{
	enter(our_calls, SECCOMP_RET_KILL_THREAD);
}

static void refuse_ours(void)
{
	enter(our_calls, SECCOMP_RET_ERRNO | ANSWER);
}

/* Without a tracer who wants to know, the call answers ENOSYS. */
static void trace_ours(void)
{
	enter(our_calls, SECCOMP_RET_TRACE | 7);
}

static void on_sigsys(int number)
{
	(void)number;
	delivered++;
}

static void trap_ours(void)
{
	struct sigaction action = {.sa_handler = on_sigsys};

	if (sigaction(SIGSYS, &action, NULL))
		fail("sigaction");
	enter(our_calls, SECCOMP_RET_TRAP);
}

/* A thread begins with its signals blocked, and is looked at. */
static volatile int supervising;

/* Answers for the filtered thread; has no filter itself. */
static void *supervise(void *argument)
{
	int *listener = argument;
	struct seccomp_notif request;
	struct seccomp_notif_resp response;

	supervising = 1;
	for (;;) {
		if (*(volatile int *)listener < 0) {
			usleep(1000);
			continue;
		}
		__builtin_memset(&request, 0, sizeof(request));
		if (ioctl(*listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
			continue;
		delivered++;
		response = (struct seccomp_notif_resp){.id = request.id, .error = -ANSWER};
		ioctl(*listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
	return NULL;
}

static void notify_of_ours(void)
{
	static int listener = -1;
	pthread_t supervisor;

	if (pthread_create(&supervisor, NULL, supervise, &listener))
		fail("pthread_create");
	listener = (int)install(our_calls, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (listener < 0)
		fail("seccomp");
	while (!supervising)
		usleep(1000);
}

/* Only read, write, exit and sigreturn are left; and the kernel takes the time stamp counter away. */
static void strict(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		fail("PR_SET_SECCOMP");
}

/* A second thread that adds filters to all threads, a hundred per second: the kernel takes 1,700. */
static void *add_filters(void *begin)
{
	while (!*(volatile int *)begin)
		usleep(1000);
	while (install(our_calls, SECCOMP_RET_KILL_PROCESS, SECCOMP_FILTER_FLAG_TSYNC) == 0)
		usleep(10000);
	for (;;)
		pause(); /* the end of a thread takes calls that are forbidden now */
	return NULL;
}

static void keep_adding(void)
{
	static int begin; /* pthread_create() still needs what the filters forbid */
	pthread_t adder;

	if (pthread_create(&adder, NULL, add_filters, &begin))
		fail("pthread_create");
	begin = 1;
	while (prctl(PR_GET_SECCOMP) != SECCOMP_MODE_FILTER)
		usleep(1000);
}

/* ---- what they forbid --------------------------------------------------------------------------------------- */

static long read_clock(void)
{
	struct timespec ts;

	return syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts);
}

static long read_mask(void)
{
	uint64_t mask;

	return syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof(mask));
}

static long map_page(void)
{
	return syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long get_parent(void)
{
	return syscall(SYS_getppid);
}

static long forbid_parent(void)
{
	return install(tightened_calls, SECCOMP_RET_KILL_PROCESS, 0);
}

static long enter_late(void)
{
	return install(our_calls, SECCOMP_RET_KILL_PROCESS, 0);
}

const struct kind seccomp_kinds[] = {
	{.name = "kill-clocks", .prepare = kill_for_clocks, .forbidden = read_clock, .blind = 1},
	{.name = "kill-mask", .prepare = kill_for_mask, .forbidden = read_mask},
	{.name = "kill-ours", .prepare = kill_for_ours, .forbidden = map_page},
	{.name = "kill-thread", .prepare = kill_thread_for_ours, .forbidden = map_page},
	{.name = "errno", .prepare = refuse_ours, .forbidden = map_page},
	{.name = "trace", .prepare = trace_ours, .forbidden = map_page},
	{.name = "trap", .prepare = trap_ours, .forbidden = map_page},
	{.name = "notify", .prepare = notify_of_ours, .forbidden = map_page},
	{.name = "strict", .prepare = strict, .forbidden = map_page, .blind = 1, .coarse = 1},
	{.name = "tightened", .prepare = kill_for_ours, .forbidden = get_parent, .tighten = forbid_parent},
	{.name = "tightening", .prepare = keep_adding, .forbidden = map_page},
	{.name = "late", .forbidden = map_page, .tighten = enter_late},
	{0},
};
