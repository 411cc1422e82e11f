/*
 * Uses memory: each line on stdin is a number of pages to take, and is answered by how many have been taken so far.
 * The end of stdin ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, MOST = 1 << 16 };

int main(void)
{
	char line[32];
	size_t taken = 0;
	volatile char *pages = mmap(NULL, (size_t)MOST * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pages == MAP_FAILED || madvise((void *)pages, (size_t)MOST * PAGE, MADV_NOHUGEPAGE)) {
		perror("filler");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, PAGE);
	puts("{\"taken\":0}");
	while (fgets(line, sizeof line, stdin)) {
		for (int more = atoi(line); more > 0 && taken < MOST; more--)
			pages[taken++ * PAGE] = 1;
		printf("{\"taken\":%zu}\n", taken);
	}
	return 0;
}
