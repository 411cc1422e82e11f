/* Hostile kinds that have no room: limits of memory and of mappings, and no free addresses near the vDSO. */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REACH (UINT64_C(1) << 31)
#define OUR_PAGES 14 /* the code and the parameters */

/* ---- limits ------------------------------------------------------------------------------------------------- */

static void limit(int resource, rlim_t bytes)
{
	struct rlimit both;

	if (getrlimit(resource, &both))
		fail("getrlimit");
	both.rlim_cur = bytes;
	if (setrlimit(resource, &both))
		fail("setrlimit");
}

static rlim_t mapped_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%lu", &pages) != 1)
		fail("/proc/self/statm");
	fclose(file);
	return pages * PAGE;
}

static void fill_address_space(void)
{
	(void)mapped_bytes(); /* whatever that allocates is there now */
	limit(RLIMIT_AS, mapped_bytes());
}

/* Room for the code, which is counted as no data, but not for the parameters. */
static void have_no_data(void)
{
	limit(RLIMIT_DATA, PAGE); /* 0 would mean no limit */
}

/* A capability to lock memory is one to exceed the limit. */
static void drop_lock_capability(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		fail("capget");
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &header, data))
		fail("capset");
}

static void lock_everything(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall");
}

static void lock_to_the_limit(void)
{
	lock_everything();
	limit(RLIMIT_MEMLOCK, PAGE);
	drop_lock_capability();
}

/* ---- numbers of mappings ------------------------------------------------------------------------------------ */

/* Neighbours of different protection are not merged. Far from the vDSO, so that there is room near it. */
static void fill_mappings(size_t leave)
{
	static const uintptr_t base = UINT64_C(0x100000000000);
	size_t count = 0;

	while (mmap((void *)(base + count * PAGE), PAGE, count % 2 ? PROT_READ : PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED)
		count++;
	if (errno != ENOMEM || count < leave)
		fail("mmap");
	for (; leave; leave--)
		munmap((void *)(base + --count * PAGE), PAGE);
}

static void have_no_mapping_left(void)
{
	fill_mappings(0);
}

/* Enough for our code, but not for its parameters. */
static void have_one_mapping_left(void)
{
	fill_mappings(1);
}

/* ---- addresses near the vDSO ---------------------------------------------------------------------------------- */

static void block(uintptr_t start, uintptr_t end)
{
	void *at = (void *)start;

	if (mmap(at, end - start, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
		 0) != at)
		fail("mmap");
}

/* Fills every gap that a jump could reach, but for `hole` pages at the end of each that is larger. */
static void wall_in(size_t hole)
{
	static struct range ranges[512];
	size_t count = read_ranges(ranges, sizeof(ranges) / sizeof(ranges[0]));
	struct range vdso = find_range("[vdso]");
	uintptr_t from = vdso.start - REACH - 16 * PAGE, to = vdso.end + REACH + 16 * PAGE;
	uintptr_t top = UINT64_C(0x7ffffffff000), free = from;

	to = to < top ? to : top;
	for (size_t i = 0; i <= count; i++) {
		int last = i == count || ranges[i].start >= to;
		uintptr_t end = last ? to : ranges[i].start;

		if (!last && ranges[i].end <= from)
			continue;
		if (end > free && end - free > hole * PAGE)
			block(free, end - hole * PAGE);
		if (last)
			break;
		free = ranges[i].end > free ? ranges[i].end : free;
	}
}

static void have_no_gap(void)
{
	wall_in(0);
}

static void have_tiny_gaps(void)
{
	wall_in(OUR_PAGES - 1);
}

static void have_tight_gaps(void)
{
	wall_in(OUR_PAGES);
}

const struct kind memory_kinds[] = {
	{.name = "address-space-full", .prepare = fill_address_space},
	{.name = "no-data", .prepare = have_no_data},
	{.name = "locked", .prepare = lock_everything},
	{.name = "locked-to-the-limit", .prepare = lock_to_the_limit},
	{.name = "mappings-full", .prepare = have_no_mapping_left},
	{.name = "one-mapping-left", .prepare = have_one_mapping_left},
	{.name = "no-gap", .prepare = have_no_gap},
	{.name = "tiny-gaps", .prepare = have_tiny_gaps},
	{.name = "tight-gaps", .prepare = have_tight_gaps},
	{0},
};
