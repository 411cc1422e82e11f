/* The wall clock, read by code that the program has made while it runs, as a just-in-time compiler does. */
#define _GNU_SOURCE
#include "limits.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef long (*clock_reader)(clockid_t id, struct timespec *ts);

#if defined(__x86_64__)
/* mov eax, 228; syscall; ret */
static const unsigned char code[] = {0xb8, 228, 0, 0, 0, 0x0f, 0x05, 0xc3};
#elif defined(__aarch64__)
/* mov x8, #113; svc #0; ret */
static const unsigned int code[] = {0xd2800e28, 0xd4000001, 0xd65f03c0};
#endif

static clock_reader generate(void)
{
	void *page = mmap(NULL, sizeof(code), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	memcpy(page, code, sizeof(code));
	__builtin___clear_cache((char *)page, (char *)page + sizeof(code));
	if (mprotect(page, sizeof(code), PROT_READ | PROT_EXEC) < 0) {
		perror("mprotect");
		exit(1);
	}
	return (clock_reader)page;
}

int main(void)
{
	char line[16];
	clock_reader generated = generate();
	double origin = wall() - steady();

	begin();
	while (asked(line, sizeof(line))) {
		struct timespec ts;

		printf("clock_gettime(): %.3f s\n", rounded(wall() - steady() - origin));
		generated(CLOCK_REALTIME, &ts);
		printf("generated code: %.3f s\n", rounded(to_seconds(&ts) - steady() - origin));
		answered();
	}
	return 0;
}
