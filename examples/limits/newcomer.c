/*
 * newcomer TIME: reads its wall clock until that is ten minutes ahead, and tells for how long it was not. TIME is the
 * true time before it was started, in seconds since 1970. Without an argument it only sleeps.
 */
#include "limits.h"

#include <stdlib.h>
#include <unistd.h>

#define AHEAD 300 /* of the 600 that it will be */
#define PATIENCE 5

int main(int argc, char **argv)
{
	double start = steady(), since = argc > 1 ? strtod(argv[1], NULL) : 0, took = 0;
	long readings = 0;

	begin();
	while (argc == 1)
		pause();
	while (wall() - since < AHEAD && took < PATIENCE) {
		readings++;
		took = steady() - start;
	}
	if (readings == 0)
		puts("skewed from the first reading on");
	else if (took < PATIENCE)
		printf("true readings for: %.1f ms\n", took * 1e3);
	else
		puts("not skewed");
	answered();
	return 0;
}
