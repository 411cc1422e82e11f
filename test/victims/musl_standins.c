/*
 * What glibc's libstdc++.so.6 and libgcc_s.so.1 ask of a C library, and musl's does not have. With these, a C++ program
 * that was built for musl runs where no libstdc++ for musl is to be had; tests need no more of it than Node does. Linked
 * with libgcc_s.so.1, and loaded in its place, so that it comes before libc.
 */
#define _GNU_SOURCE
#include <link.h>
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;

/* libgcc's own, but of a version that is not its default, where musl does not look. */
struct {
	unsigned int words[4];
} __cpu_model;

int __cpu_indicator_init(void)
{
	return 0;
}

uint32_t arc4random(void)
{
	uint32_t value;

	while (getrandom(&value, sizeof(value), 0) != sizeof(value))
		;
	return value;
}

size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time, locale_t locale)
{
	return strftime_l(text, size, format, time, locale);
}

int __pthread_key_create(pthread_key_t *key, void (*destroy)(void *))
{
	return pthread_key_create(key, destroy);
}

/* ---- destructors of thread_local objects ---- */

struct ending {
	void (*destroy)(void *);
	void *object;
	struct ending *next;
};

static pthread_key_t endings;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void end_thread(void *first)
{
	struct ending *ending = first;

	while (ending) {
		struct ending *next = ending->next;

		ending->destroy(ending->object);
		free(ending);
		ending = next;
	}
}

static void make_key(void)
{
	if (pthread_key_create(&endings, end_thread))
		abort();
}

int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *library)
{
	struct ending *ending = malloc(sizeof(*ending));

	(void)library;
	pthread_once(&once, make_key);
	if (!ending)
		return -1;
	*ending = (struct ending){destroy, object, pthread_getspecific(endings)};
	return pthread_setspecific(endings, ending);
}

/* ---- where an exception's unwinding information is: dlfcn.h of glibc 2.35 ---- */

struct found {
	unsigned long long flags;
	void *start;
	void *end;
	void *map;
	void *eh_frame_hdr;
	uint64_t reserved[7];
};

struct search {
	uintptr_t pc;
	struct found *found;
};

static int look(struct dl_phdr_info *info, size_t size, void *data)
{
	const struct search *search = data;
	uintptr_t low = UINTPTR_MAX, high = 0, frames = 0;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_GNU_EH_FRAME)
			frames = at;
		if (segment->p_type != PT_LOAD)
			continue;
		low = at < low ? at : low;
		high = at + segment->p_memsz > high ? at + segment->p_memsz : high;
	}
	if (search->pc < low || search->pc >= high || !frames)
		return 0;
	*search->found = (struct found){.start = (void *)low, .end = (void *)high, .eh_frame_hdr = (void *)frames};
	return 1;
}

int _dl_find_object(void *pc, struct found *found)
{
	struct search search = {(uintptr_t)pc, found};

	return dl_iterate_phdr(look, &search) ? 0 : -1;
}

/* ---- std::string::_M_replace_cold, which came with GCC 13: the part replaced overlaps with what replaces it ---- */

void replace_cold(void *this, char *at, size_t old, const char *with, size_t new, size_t behind) __asm__(
    "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm");

void replace_cold(void *this, char *at, size_t old, const char *with, size_t new, size_t behind)
{
	size_t before;

	(void)this;
	if (new <= old)
		memmove(at, with, new);
	if (behind && old != new)
		memmove(at + new, at + old, behind);
	if (new <= old)
		return;
	if (with + new <= at + old) {
		memmove(at, with, new);
	} else if (with >= at + old) {
		memcpy(at, with + (new - old), new);
	} else {
		before = (size_t)(at + old - with);
		memmove(at, with, before);
		memcpy(at + before, at + new, new - before);
	}
}

/* ---- glibc's locales, in which libstdc++ reads the tables of characters: there is one here, "C" ---- */

extern const unsigned short **__ctype_b_loc(void);
extern const int32_t **__ctype_tolower_loc(void);
extern const int32_t **__ctype_toupper_loc(void);

/* musl sees a locale of its own in the first words: none of another language. */
static struct {
	void *data[13];
	const unsigned short *classes;
	const int32_t *lower, *upper;
	const char *names[13];
} c_locale;

locale_t __newlocale(int mask, const char *name, locale_t base)
{
	(void)mask, (void)name, (void)base;
	c_locale.classes = *__ctype_b_loc();
	c_locale.lower = *__ctype_tolower_loc();
	c_locale.upper = *__ctype_toupper_loc();
	for (int i = 0; i < 13; i++)
		c_locale.names[i] = "C";
	return (locale_t)&c_locale;
}

locale_t __duplocale(locale_t locale)
{
	return locale;
}

void __freelocale(locale_t locale)
{
	(void)locale;
}
