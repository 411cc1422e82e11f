/*
 * Hostile kinds that have done something to their vDSO, or to the kernel's data that it reads. Always to the whole: the
 * kernel lets nobody cut one of these mappings in two.
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The ranges of the vDSO and its data, which the kernel maps one behind the other. */
static size_t find_all(struct range *found, size_t most)
{
	static struct range ranges[512];
	size_t count = read_ranges(ranges, sizeof(ranges) / sizeof(ranges[0])), n = 0;

	for (size_t i = 0; i < count; i++)
		if (n < most && (strncmp(ranges[i].name, "[vvar", 5) == 0 || strcmp(ranges[i].name, "[vdso]") == 0))
			found[n++] = ranges[i];
	return n;
}

static void on_fault(int number)
{
	(void)number;
	_exit(3);
}

/* As many programs have one: it must still be there after a call of ours has faulted. */
static void watch_faults(void)
{
	if (signal(SIGSEGV, on_fault) == SIG_ERR || signal(SIGBUS, on_fault) == SIG_ERR)
		fail("signal");
}

static void unmap(uintptr_t start, uintptr_t end)
{
	if (munmap((void *)start, end - start))
		fail("munmap");
}

static void protect(const char *name, int protection)
{
	struct range range = find_range(name);

	watch_faults();
	if (mprotect((void *)range.start, range.end - range.start, protection))
		fail("mprotect");
}

static void move_to(const struct range *range, uintptr_t to)
{
	size_t size = range->end - range->start;

	if (mremap((void *)range->start, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != (void *)to)
		fail("mremap");
}

static void shift_clocks(intptr_t by)
{
	clocks.clock_gettime = (int (*)(long, void *))((uintptr_t)clocks.clock_gettime + (uintptr_t)by);
	clocks.gettimeofday = (int (*)(void *, void *))((uintptr_t)clocks.gettimeofday + (uintptr_t)by);
	clocks.time = (time_t (*)(void *))((uintptr_t)clocks.time + (uintptr_t)by);
}

/* Somewhere else in the address space, with its data in the same place relative to it, as CRIU does. */
static void move_whole(void)
{
	struct range ranges[8];
	size_t count = find_all(ranges, 8);
	size_t size = ranges[count - 1].end - ranges[0].start;
	char *room = mmap((void *)UINT64_C(0x200000000000), size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		fail("mmap");
	for (size_t i = 0; i < count; i++)
		move_to(&ranges[i], (uintptr_t)room + (ranges[i].start - ranges[0].start));
	shift_clocks(room - (char *)ranges[0].start);
}

/* Without its data: nobody can call it any more. */
static void move_alone(void)
{
	struct range range = find_range("[vdso]");

	watch_faults();
	move_to(&range, UINT64_C(0x200000000000));
}

static void unmap_whole(void)
{
	struct range range = find_range("[vdso]");

	unmap(range.start, range.end);
}

static void unmap_data(void)
{
	struct range ranges[8];
	size_t count = find_all(ranges, 8);

	watch_faults();
	for (size_t i = 0; i < count; i++)
		if (strncmp(ranges[i].name, "[vvar", 5) == 0)
			unmap(ranges[i].start, ranges[i].end);
}

static void forbid_access(void)
{
	protect("[vdso]", PROT_NONE);
}

static void forbid_execution(void)
{
	protect("[vdso]", PROT_READ);
}

static void allow_writing(void)
{
	protect("[vdso]", PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void forbid_data(void)
{
	protect("[vvar]", PROT_NONE);
}

#define SYS_mseal_ 462

/* What the kernel does with CONFIG_MSEAL_SYSTEM_MAPPINGS, and the dynamic linker with programs that ask for it. */
static void seal(void)
{
	static struct range ranges[512];
	size_t count = read_ranges(ranges, sizeof(ranges) / sizeof(ranges[0]));

	for (size_t i = 0; i < count; i++) {
		int is_file = ranges[i].name[0] == '/', is_vdso = strncmp(ranges[i].name, "[v", 2) == 0;

		if ((!is_file && !is_vdso) || strcmp(ranges[i].name, "[vsyscall]") == 0)
			continue;
		if (syscall(SYS_mseal_, ranges[i].start, ranges[i].end - ranges[i].start, 0))
			fail("mseal");
	}
}

static long unmap_sealed(void)
{
	struct range range = find_range("[vdso]");

	return munmap((void *)range.start, range.end - range.start);
}

const struct kind vdso_kinds[] = {
	{.name = "vdso-unmapped", .prepare = unmap_whole, .broken = 1},
	{.name = "vdso-moved", .prepare = move_whole},
	{.name = "vdso-moved-alone", .prepare = move_alone, .broken = 1},
	{.name = "vdso-no-access", .prepare = forbid_access, .broken = 1},
	{.name = "vdso-no-execution", .prepare = forbid_execution, .broken = 1},
	{.name = "vdso-writable", .prepare = allow_writing},
	{.name = "sealed", .prepare = seal, .forbidden = unmap_sealed},
	{.name = "vvar-unmapped", .prepare = unmap_data, .broken = 1},
	{.name = "vvar-no-access", .prepare = forbid_data, .broken = 1},
	{0},
};
