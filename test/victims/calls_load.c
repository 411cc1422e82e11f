/* The payload in this process, and the thunks in front of its system calls. */
#define _GNU_SOURCE
#include "calls.h"
#include "vdso.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CODE_LIMIT (16 * TS_PAGE)
#define SITE_BYTES 64
#define TO_SYSCALL 5
#define TO_THUNK 16

struct ts_params *params;
struct world world;

static uint8_t *sites;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *map(void *at, size_t size, int protection)
{
	int fixed = at ? MAP_FIXED : 0;
	void *memory = mmap(at, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	return memory;
}

/* jmp [rip]: calling the original function is calling this. */
static void jump_to(uint8_t *at, uint64_t target)
{
	memcpy(at, "\xff\x25\0\0\0\0", 6);
	memcpy(at + 6, &target, 8);
}

static uint8_t *put_relative(uint8_t *at, const char *opcode, size_t length, const void *target)
{
	int32_t distance;

	memcpy(at, opcode, length);
	at += length;
	distance = (int32_t)((const uint8_t *)target - (at + 4));
	memcpy(at, &distance, 4);
	return at + 4;
}

/* The bytes that src/patch/thunk.ts makes, for a site of `mov eax, number; syscall` whose number is in rax already. */
static void build_site(unsigned free, const void *enter)
{
	uint8_t *site = sites + free * SITE_BYTES, *at = site + TO_THUNK;

	put_relative(site, "\xe9", 1, at);
	memcpy(site + TO_SYSCALL, "\x0f\x05\xc3", 3);
	memcpy(at, "\x48\x8d\x64\x24\x80\x68", 6); /* lea rsp, [rsp-128]; push FREE */
	memcpy(at + 6, &free, 4);
	at = put_relative(at + 10, "\xff\x15", 2, enter); /* call [rip+enter] */
	memcpy(at, "\x48\x8d\xa4\x24\x88\0\0\0\x72\x05", 10); /* lea rsp, [rsp+136]; jc */
	at = put_relative(at + 10, "\xe9", 1, site + TO_SYSCALL);
	put_relative(at, "\xe9", 1, site + TO_SYSCALL + 2);
}

static void build_sites(uint64_t ts_enter)
{
	uint8_t *enter;

	sites = map(NULL, (PLAIN + 2) * SITE_BYTES, PROT_READ | PROT_WRITE);
	enter = sites + (PLAIN + 1) * SITE_BYTES;
	memcpy(enter, &ts_enter, 8);
	for (unsigned free = 0; free <= ALL_FREE; free++)
		build_site(free, enter);
	memcpy(sites + PLAIN * SITE_BYTES, "\x0f\x1f\x44\0\0\x0f\x05\xc3", 8); /* nop; syscall; ret */
	if (mprotect(sites, (PLAIN + 2) * SITE_BYTES, PROT_READ | PROT_EXEC))
		fail("mprotect");
}

uint64_t site_of(unsigned free)
{
	return P(sites + free * SITE_BYTES);
}

void load_payload(const char *file)
{
	static uint8_t bytes[CODE_LIMIT];
	const struct ts_payload_header *header = (const void *)bytes;
	struct vdso vdso = find_vdso();
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	uint8_t *code;

	if (length < (ssize_t)sizeof(*header) || header->magic != TS_PAYLOAD_MAGIC || header->code_size > CODE_LIMIT)
		fail(file);
	close(fd);
	code = map(NULL, header->code_size + header->params_size, PROT_READ | PROT_WRITE);
	memcpy(code, bytes, (size_t)length);
	jump_to(code + header->trampolines[0], P(vdso.clock_gettime));
	jump_to(code + header->trampolines[1], P(vdso.gettimeofday));
	jump_to(code + header->trampolines[2], P(vdso.time));
	if (mprotect(code, header->code_size, PROT_READ | PROT_EXEC))
		fail("mprotect");
	params = (struct ts_params *)(code + header->code_size);
	build_sites(P(code) + header->enter);
}

/* ---- settings ------------------------------------------------------------------------------------------------ */

int is_profile(const struct world *world)
{
	return world->as_profile || world->multiplier != world->divisor;
}

enum ts_family family_of(int clock)
{
	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
		return TS_MONOTONIC;
	case CLOCK_MONOTONIC_RAW:
		return TS_RAW;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return TS_BOOTTIME;
	case CLOCK_TAI:
		return TS_TAI;
	default:
		return TS_REALTIME;
	}
}

/* The coarse clocks are a tick behind, so that they have begun, too. */
static void begin(struct world *next)
{
	static const int clocks[TS_FAMILIES] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI};

	for (int i = 0; i < TS_FAMILIES; i++)
		next->start[i] = true_now(clocks[i]) - SECOND / 10;
}

static void put_profile(struct ts_slot *slot, const struct world *next)
{
	slot->kind = TS_PROFILE;
	slot->track_count = 1;
	memcpy(slot->start, next->start, sizeof(slot->start));
	slot->tracks[0] = (struct ts_track){.clocks = ~0ull, .tail_num = (int64_t)next->multiplier - (int64_t)next->divisor,
		.tail_den = next->divisor, .first = 0, .count = 1};
	slot->frames[0] = (struct ts_frame){0, 0};
}

void set_world(const struct world *wanted)
{
	uint8_t idle = params->index ^ 1;
	struct ts_slot *slot = &params->slot[idle];
	uint64_t generation = params->slot[idle ^ 1].generation + 2;
	struct world next = *wanted;
	int64_t nsec = ((next.offset % SECOND) + SECOND) % SECOND;

	begin(&next);
	__atomic_store_n(&slot->generation, generation - 1, __ATOMIC_SEQ_CST);
	slot->selected = next.selected;
	slot->offset_sec = (next.offset - nsec) / SECOND;
	slot->offset_nsec = (uint64_t)nsec;
	slot->kind = TS_CONSTANT;
	slot->ceiling = INT64_MAX;
	if (is_profile(&next))
		put_profile(slot, &next);
	__atomic_store_n(&slot->generation, generation, __ATOMIC_SEQ_CST);
	__atomic_store_n(&params->index, idle, __ATOMIC_SEQ_CST);
	world = next;
}
