/* The payload in this process. */
#define _GNU_SOURCE
#include "calls.h"
#include "calls_machine.h"
#include "vdso.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CODE_LIMIT (16 * TS_PAGE)

struct ts_params *params;
struct world world;

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
	put_trampoline(code + header->trampolines[0], P(vdso.clock_gettime));
	put_trampoline(code + header->trampolines[1], P(vdso.gettimeofday));
	if (vdso.time)
		put_trampoline(code + header->trampolines[2], P(vdso.time));
	if (mprotect(code, header->code_size, PROT_READ | PROT_EXEC))
		fail("mprotect");
	__builtin___clear_cache((char *)code, (char *)code + header->code_size);
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
