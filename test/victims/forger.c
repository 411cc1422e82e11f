/*
 * A process that makes itself hard to look at, as somebody would who wants the tool to trip:
 *
 *   forger maps N DEPTH        N mappings of a file whose path has DEPTH names of 250 newlines each
 *   forger blanks N CODE       N times CODE bytes of anonymous code, never written, near the vDSO
 *   forger watched CODE        the same once, watched by a userfaultfd that nobody answers
 *   forger pages CODE DATA     so many bytes of code, and of data behind it, near the vDSO, for a test to fill
 *
 * The folder for the file is argv[1]. The first line of output is {"pid", "count", "at"}: how many there are, and
 * where the last one begins; 0 if the kernel does not permit it. The end of stdin ends the program.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define BELOW 0x40000000ul /* within a jump's reach of the vDSO, and far from everything else */

static unsigned long vdso_start(void)
{
	return getauxval(AT_SYSINFO_EHDR);
}

static int file_at_depth(const char *folder, int depth)
{
	char name[251];
	int fd;

	memset(name, '\n', 250);
	name[250] = '\0';
	if (chdir(folder))
		return -1;
	while (depth-- > 0)
		if (mkdir(name, 0700) || chdir(name))
			return -1;
	fd = open("f", O_RDWR | O_CREAT, 0600);
	return fd >= 0 && ftruncate(fd, 4 * PAGE) == 0 ? fd : -1;
}

/* Neighbours differ in their protection and offset, or the kernel would make one of them. */
static int map_file(const char *folder, int count, int depth, void **last)
{
	int fd = file_at_depth(folder, depth), made = 0;

	while (fd >= 0 && made < count) {
		int protection = made & 1 ? PROT_READ : PROT_READ | PROT_WRITE;
		void *at = mmap(NULL, PAGE, protection, MAP_PRIVATE, fd, (off_t)((made % 3) * PAGE));

		if (at == MAP_FAILED)
			break;
		*last = at;
		made++;
	}
	return made;
}

static void *map_at(unsigned long at, size_t length, int protection)
{
	void *got = mmap((void *)at, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return got == MAP_FAILED ? NULL : got;
}

static int map_blanks(int count, size_t code, void **last)
{
	unsigned long at = (vdso_start() - BELOW) & ~(PAGE - 1);
	int made = 0;

	for (int i = 0; i < count; i++, at += code + 8 * PAGE) {
		void *got = map_at(at, code, PROT_READ | PROT_EXEC);

		if (!got)
			continue;
		*last = got;
		made++;
	}
	return made;
}

/* In full: reads by the kernel on behalf of other processes wait, too. That takes privileges on most machines. */
static int map_watched(size_t code, void **last)
{
	unsigned long at = (vdso_start() - BELOW) & ~(PAGE - 1);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.range = {at, code}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	*last = map_at(at, code, PROT_READ | PROT_EXEC);
	return *last && fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &range);
}

static int map_pages(size_t code, size_t data, void **last)
{
	unsigned long at = (vdso_start() - BELOW) & ~(PAGE - 1);

	*last = map_at(at, code, PROT_READ | PROT_EXEC);
	return *last && map_at(at + code, data, PROT_READ | PROT_WRITE) ? 2 : 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[2] : "";
	int number = argc > 3 ? atoi(argv[3]) : 0, second = argc > 4 ? atoi(argv[4]) : 0, count = 0;
	void *last = NULL;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	if (strcmp(mode, "maps") == 0 && argc > 4)
		count = map_file(argv[1], number, second, &last);
	else if (strcmp(mode, "blanks") == 0 && argc > 4)
		count = map_blanks(number, (size_t)second, &last);
	else if (strcmp(mode, "watched") == 0 && argc > 3)
		count = map_watched((size_t)number, &last);
	else if (strcmp(mode, "pages") == 0 && argc > 4)
		count = map_pages((size_t)number, (size_t)second, &last);
	if (!last) {
		fprintf(stderr, "usage: forger FOLDER maps N DEPTH | blanks N CODE | watched CODE | pages CODE DATA\n");
		return 1;
	}
	/* A name that would colour the terminal, clear it and break the line. */
	prctl(PR_SET_NAME, "\033[31m\033[2J\n\"x", 0, 0, 0);
	printf("{\"pid\":%d,\"count\":%d,\"at\":%lu}\n", getpid(), count, (unsigned long)last);
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
