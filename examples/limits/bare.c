/* A process that has unmapped its vDSO, as sandboxes and some emulators run programs: it reads its clock by system calls. */
#define _GNU_SOURCE
#include "limits.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int unmap_vdso(void)
{
	char mapping[512];
	unsigned long start, end;
	int rc = -1;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps != NULL && fgets(mapping, sizeof(mapping), maps) != NULL) {
		if (strstr(mapping, "[vdso]") != NULL && sscanf(mapping, "%lx-%lx", &start, &end) == 2)
			rc = munmap((void *)start, end - start);
	}
	if (maps != NULL)
		fclose(maps);
	return rc;
}

int main(void)
{
	char line[16];

	if (unmap_vdso() < 0)
		return 1;
	begin();
	while (asked(line, sizeof(line))) {
		struct timespec ts;

		syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts);
		printf("its clock: %lld\n", (long long)ts.tv_sec);
		answered();
	}
	return 0;
}
