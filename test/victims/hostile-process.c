/* Hostile kinds by the process's own attributes: how it may be changed or looked at, and how it was started. */
#define _GNU_SOURCE
#include "hostile.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#define MARK "TIMESKEW_HOSTILE_AGAIN"

static void refuse_exec_gain(void)
{
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		fail("PR_SET_MDWE");
}

/* What PR_SET_MDWE forbids: code that was writable. */
static long gain_exec(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fail("mmap");
	return mprotect(page, PAGE, PROT_READ | PROT_EXEC);
}

static void renounce_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail("PR_SET_NO_NEW_PRIVS");
}

static void be_undumpable(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		fail("PR_SET_DUMPABLE");
}

/* rdtsc, and with it most of the vDSO's clocks, is a segmentation fault from now on. */
static void renounce_counter(void)
{
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0))
		fail("PR_SET_TSC");
}

/* Attributes that take effect with the next program: we start ourselves once more. */
static int again(void)
{
	if (getenv(MARK))
		return 0;
	setenv(MARK, "1", 1);
	return 1;
}

static void start_again(void)
{
	execv("/proc/self/exe", arguments);
	fail("execv");
}

static void set_personality(unsigned long bits)
{
	if (personality(bits) < 0)
		fail("personality");
}

static void be_unrandomized(void)
{
	if (!again())
		return;
	set_personality(ADDR_NO_RANDOMIZE);
	start_again();
}

static void use_old_layout(void)
{
	if (!again())
		return;
	set_personality(ADDR_COMPAT_LAYOUT);
	start_again();
}

static void use_endless_stack(void)
{
	if (!again())
		return;
	if (setrlimit(RLIMIT_STACK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}))
		fail("RLIMIT_STACK");
	start_again();
}

/* Whatever is mapped readable from now on is executable. */
static void read_implies_exec(void)
{
	set_personality(READ_IMPLIES_EXEC);
}

const struct kind process_kinds[] = {
	{.name = "mdwe", .prepare = refuse_exec_gain, .forbidden = gain_exec},
	{.name = "no-new-privs", .prepare = renounce_privileges},
	{.name = "undumpable", .prepare = be_undumpable},
	{.name = "no-counter", .prepare = renounce_counter, .coarse = 1},
	{.name = "unrandomized", .prepare = be_unrandomized},
	{.name = "old-layout", .prepare = use_old_layout},
	{.name = "endless-stack", .prepare = use_endless_stack},
	{.name = "read-implies-exec", .prepare = read_implies_exec},
	{0},
};
