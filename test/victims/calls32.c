/*
 * The translation of a 32-bit program's system calls, tried out: `calls32 PAYLOAD [TRIES]`. It has the payload in its
 * own memory, as timeskew would put it there, and makes each call in all its forms by way of the payload: with seconds
 * of 32 and of 64 bits, and through socketcall and ipc. What comes of it is compared with what must come of it; where
 * there is an error, with what the kernel says without us. Prints {"checks", "failed", "failures": [the first ones]}.
 */
#define _GNU_SOURCE
#include "calls32.h"

#include "../../native/payload/params.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static unsigned checks, failed;
int most_tries = 8;
static char failures[12][200], looked_at[80];

void looking_at(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(looked_at, sizeof(looked_at), format, list);
	va_end(list);
}

void check(int right, const char *format, ...)
{
	va_list list;
	int length;

	checks++;
	if (right || failed++ >= COUNT(failures))
		return;
	length = snprintf(failures[failed - 1], sizeof(failures[0]), "%s: ", looked_at);
	va_start(list, format);
	vsnprintf(failures[failed - 1] + length, sizeof(failures[0]) - (size_t)length, format, list);
	va_end(list);
}

/* ---- one call ---------------------------------------------------------------------------------------------------- */

struct call {
	uint32_t number, arguments[6];
	void *via;
	uint32_t after[6];
};

/* Makes the call, and notes what is in the registers afterwards. */
long make(struct call *call);
extern char make_end[];

__asm__(".text\n"
	"make:\n"
	"	push %ebp; push %ebx; push %esi; push %edi\n"
	"	mov 20(%esp), %eax\n"
	"	pushl 28(%eax)\n"
	"	mov 4(%eax), %ebx; mov 8(%eax), %ecx; mov 12(%eax), %edx\n"
	"	mov 16(%eax), %esi; mov 20(%eax), %edi; mov 24(%eax), %ebp\n"
	"	mov (%eax), %eax\n"
	"	call *(%esp)\n"
	"	push %eax\n"
	"	mov 28(%esp), %eax\n"
	"	mov %ebx, 32(%eax); mov %ecx, 36(%eax); mov %edx, 40(%eax)\n"
	"	mov %esi, 44(%eax); mov %edi, 48(%eax); mov %ebp, 52(%eax)\n"
	"	pop %eax\n"
	"	add $4, %esp\n"
	"	pop %edi; pop %esi; pop %ebx; pop %ebp\n"
	"	ret\n"
	"make_end:\n");

static struct ts_params *params;
void *original, *ours; /* __kernel_vsyscall */

long call_by(void *via, uint32_t number, const uint32_t arguments[6])
{
	struct call call = {.number = number, .via = via};
	long result;

	memcpy(call.arguments, arguments, sizeof(call.arguments));
	result = make(&call);
	for (int i = 0; i < 6; i++)
		check(call.after[i] == arguments[i], "call %u changed argument %d", number, i);
	return result;
}

int64_t true_now(int clock)
{
	struct time64 now = {0, 0, 0};

	TRUE_CALL(403, (uint32_t)clock, P(&now));
	return now.sec * SECOND + now.nsec;
}

/* ---- the payload, and what it is told ---------------------------------------------------------------------------- */

static void jump(uint8_t *at, const void *to)
{
	int32_t distance = (int32_t)(P(to) - P(at + 5));

	at[0] = 0xe9;
	memcpy(at + 1, &distance, 4);
}

static void *vdso_function(const char *name)
{
	const ElfW(Ehdr) *header = (const void *)getauxval(AT_SYSINFO_EHDR);
	const ElfW(Phdr) *segments = (const void *)((const char *)header + header->e_phoff);
	const ElfW(Dyn) *dynamic = NULL;
	const ElfW(Sym) *symbol = NULL;
	const char *names = NULL;

	for (int i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)((const char *)header + segments[i].p_offset);
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		if (dynamic->d_tag == DT_SYMTAB)
			symbol = (const void *)((const char *)header + dynamic->d_un.d_ptr);
		if (dynamic->d_tag == DT_STRTAB)
			names = (const char *)header + dynamic->d_un.d_ptr;
	}
	for (; (const char *)symbol < names; symbol++)
		if (symbol->st_shndx != SHN_UNDEF && strcmp(names + symbol->st_name, name) == 0)
			return (char *)(uintptr_t)header + symbol->st_value;
	fprintf(stderr, "no %s in the vDSO\n", name);
	exit(1);
}

static void load_payload(const char *file)
{
	static uint8_t bytes[16 * TS_PAGE];
	static const char *const names[TS_FUNCTIONS] = {"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time",
		"__vdso_clock_gettime64", "__kernel_vsyscall"};
	const struct ts_payload_header *header = (const void *)bytes;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	uint8_t *code;

	if (length < (ssize_t)sizeof(*header) || header->magic != TS_PAYLOAD_MAGIC || header->machine != EM_386)
		exit(1);
	close(fd);
	code = mmap(NULL, header->code_size + header->params_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	memcpy(code, bytes, (size_t)length);
	for (int i = 0; i < TS_FUNCTIONS; i++)
		jump(code + header->trampolines[i], vdso_function(names[i]));
	mprotect(code, header->code_size, PROT_READ | PROT_EXEC);
	params = (struct ts_params *)(code + header->code_size);
	params->mark.vdso_address = getauxval(AT_SYSINFO_EHDR);
	params->mark.vdso_size = 2 * TS_PAGE;
	ours = code + header->entries[4];
}

#define REALTIMES (1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_TAI)
#define MONOTONICS (1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_COARSE | 1u << CLOCK_BOOTTIME)
#define OFFSET (-600 * SECOND - 250 * MILLISECOND)

/* The wall clock is off by OFFSET; with a rate other than 1, and CLOCK_MONOTONIC goes on at it from now on. */
void set_world(int64_t rate)
{
	uint8_t idle = params->index ^ 1;
	struct ts_slot *slot = &params->slot[idle];

	memset(slot, 0, sizeof(*slot));
	slot->selected = REALTIMES | TS_SELECT_GETTIMEOFDAY | TS_SELECT_TIME;
	slot->offset_sec = -601;
	slot->offset_nsec = 750 * MILLISECOND;
	if (rate != 1) {
		slot->selected |= MONOTONICS;
		slot->kind = TS_PROFILE;
		slot->track_count = 1;
		slot->ceiling = INT64_MAX;
		slot->start[TS_REALTIME] = true_now(CLOCK_REALTIME) - SECOND;
		slot->start[TS_TAI] = true_now(CLOCK_TAI) - SECOND;
		slot->start[TS_MONOTONIC] = true_now(CLOCK_MONOTONIC) - SECOND;
		slot->start[TS_BOOTTIME] = true_now(CLOCK_BOOTTIME) - SECOND;
		slot->tracks[0] = (struct ts_track){
			.clocks = MONOTONICS, .tail_num = rate - 1, .tail_den = 1, .first = 0, .count = 1};
	}
	slot->generation = params->slot[idle ^ 1].generation + 2;
	params->index = idle;
}

int64_t fake_now(int clock)
{
	struct time64 now = {0, 0, 0};

	CALL(403, (uint32_t)clock, P(&now));
	return now.sec * SECOND + now.nsec;
}

/* ---- times in either form ---------------------------------------------------------------------------------------- */

void put(union time *time, int wide, int i, int64_t ns)
{
	if (wide)
		time->wide[i] = (struct time64){ns / SECOND, (int32_t)(ns % SECOND), -7};
	else
		time->narrow[i] = (struct time32){(int32_t)(ns / SECOND), (int32_t)(ns % SECOND)};
}

int64_t get(const union time *time, int wide, int i)
{
	int64_t sec = wide ? time->wide[i].sec : time->narrow[i].sec;
	int64_t nsec = wide ? time->wide[i].nsec : time->narrow[i].nsec;

	check(sec >= 0 && nsec >= 0 && nsec < SECOND, "%lld s %lld ns is no time", (long long)sec, (long long)nsec);
	return sec * SECOND + nsec;
}

/* The end of memory: there is none behind. */
uint8_t *edge(void)
{
	static uint8_t *pages;

	if (!pages) {
		pages = mmap(NULL, 2 * TS_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(pages + TS_PAGE, TS_PAGE, PROT_NONE);
	}
	return pages + TS_PAGE;
}

/* ---- clocks ------------------------------------------------------------------------------------------------------ */

static void try_clock(int id, int wide, int64_t offset)
{
	uint32_t number = wide ? 403 : 265;
	union time now, truth;
	int64_t before = true_now(id);
	long result;

	looking_at("clock %d by call %u", id, number);
	memset(&now, 0, sizeof(now));
	result = CALL(number, FD id, P(&now));
	check(result == TRUE_CALL(number, FD id, P(&truth)), "the result is %ld", result);
	if (result == 0)
		check(get(&now, wide, 0) >= before + offset && get(&now, wide, 0) <= true_now(id) + offset,
			"it is off by %lld", (long long)(get(&now, wide, 0) - before));
	check(CALL(number, FD id, P(edge())) == TRUE_CALL(number, FD id, P(edge())), "with a bad pointer");
	check(CALL(number, FD id, P(edge()) - 4) == TRUE_CALL(number, FD id, P(edge()) - 4), "with half a pointer");
	check(CALL(number, FD id, 0) == TRUE_CALL(number, FD id, 0), "with NULL");
}

static void try_clocks(void)
{
	int32_t day[2], seconds = 0;

	set_world(1);
	for (int id = -6; id < 14; id++)
		for (int wide = 0; wide < 2; wide++)
			try_clock(id, wide, id >= 0 && REALTIMES >> id & 1 ? OFFSET : 0);
	looking_at("gettimeofday");
	int64_t before = true_now(CLOCK_REALTIME) + OFFSET;
	check(CALL(78, P(day), 0) == 0, "it fails");
	before /= SECOND;
	check(day[0] - before <= 1 && day[0] >= before, "it is off by %lld s", day[0] - before);
	check(CALL(78, P(edge()), 0) == -EFAULT, "no EFAULT");
	looking_at("time");
	before = true_now(CLOCK_REALTIME_COARSE) + OFFSET;
	check(CALL(13, P(&seconds)) == seconds, "it stores something else");
	before /= SECOND;
	check(seconds >= before && seconds <= before + 1, "it is off by %lld s", seconds - before);
	/* What the vDSO itself asks the kernel for is the truth. */
	looking_at("a call of the vDSO's own");
	params->mark.vdso_address = P(make);
	params->mark.vdso_size = (uint64_t)(make_end - (char *)make);
	check(fake_now(CLOCK_REALTIME) - true_now(CLOCK_REALTIME) > -SECOND, "is skewed");
	params->mark.vdso_address = getauxval(AT_SYSINFO_EHDR);
	params->mark.vdso_size = 2 * TS_PAGE;
}

static void try_others(void)
{
	looking_at("calls that are none of ours");
	check(CALL(20, 1, 2, 3, 4, 5, 6) == getpid(), "getpid");
	for (uint32_t number = 600; number < 5000; number += 97)
		check(CALL(number, 1, 2, 3, 4, 5, 6) == -ENOSYS, "call %u", number);
	check(CALL(~0u, 1, 2, 3, 4, 5, 6) == -ENOSYS, "call -1");
}

/* ------------------------------------------------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (argc > 2)
		most_tries = atoi(argv[2]);
	looking_at("preparations");
	original = (void *)getauxval(AT_SYSINFO);
	load_payload(argv[1]);
	try_clocks();
	try_waits();
	try_timers();
	try_others();
	printf("{\"checks\":%u,\"failed\":%u,\"failures\":[", checks, failed);
	for (unsigned i = 0; i < failed && i < COUNT(failures); i++)
		printf("%s\"%s\"", i ? "," : "", failures[i]);
	printf("]}\n");
	return 0;
}
