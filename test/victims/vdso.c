/* Looks the clock functions up in the dynamic symbol table of the image that the kernel mapped. */
#include "vdso.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

struct image {
	ElfW(Addr) bias; /* where it is mapped, less where it was linked to be */
	const ElfW(Sym) *symbols;
	const char *names;
};

static struct image read_image(const ElfW(Ehdr) *header)
{
	const ElfW(Phdr) *segments = (const void *)((const char *)header + header->e_phoff);
	const ElfW(Dyn) *dynamic = NULL;
	struct image image = {0};

	for (int i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_LOAD)
			image.bias = (ElfW(Addr))header + segments[i].p_offset - segments[i].p_vaddr;
		if (segments[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)((const char *)header + segments[i].p_offset);
	}
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
		if (dynamic->d_tag == DT_SYMTAB)
			image.symbols = (const void *)(image.bias + dynamic->d_un.d_ptr);
		if (dynamic->d_tag == DT_STRTAB)
			image.names = (const void *)(image.bias + dynamic->d_un.d_ptr);
	}
	return image;
}

#ifdef __aarch64__
#define NAME(function) "__kernel_" function
#else
#define NAME(function) "__vdso_" function
#endif

/* The symbol table has no length of its own, but in every vDSO the table of names follows it. */
static void *look_for(const struct image *image, const char *name)
{
	for (const ElfW(Sym) *symbol = image->symbols; (const char *)symbol < image->names; symbol++)
		if (symbol->st_shndx != SHN_UNDEF && strcmp(image->names + symbol->st_name, name) == 0)
			return (void *)(image->bias + symbol->st_value);
	return NULL;
}

static void *find(const struct image *image, const char *name)
{
	void *function = look_for(image, name);

	if (function)
		return function;
	fprintf(stderr, "no %s in the vDSO\n", name);
	exit(1);
}

int has_vdso(void)
{
	return getauxval(AT_SYSINFO_EHDR) != 0;
}

struct vdso find_vdso(void)
{
	const ElfW(Ehdr) *header = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct image image;

	if (!header) {
		fprintf(stderr, "this process has no vDSO\n");
		exit(1);
	}
	image = read_image(header);
	return (struct vdso){
		.clock_gettime = (int (*)(long, void *))find(&image, NAME("clock_gettime")),
		.gettimeofday = (int (*)(void *, void *))find(&image, NAME("gettimeofday")),
		.time = (time_t (*)(void *))look_for(&image, NAME("time")),
	};
}
