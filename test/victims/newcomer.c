/*
 * A program that comes into a container later: `newcomer OFFSET [MS]`. It reads its wall clock from its first moment until
 * that is skewed by OFFSET ns, and prints {"readings", "true", "wrong", "ns"}: how many readings there were, how many of
 * them were true, or neither, and how long it took. After so many ms (ten seconds) without a skew "ns" is -1.
 */
#define _GNU_SOURCE
#include "witness.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE 10000

int main(int argc, char **argv)
{
	int64_t begun = true_time(CLOCK_MONOTONIC), passed;
	int64_t offset = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
	int64_t patience = (argc > 2 ? strtoll(argv[2], NULL, 10) : PATIENCE) * (NSEC_PER_SEC / 1000);
	unsigned long counts[3] = {0};
	enum testimony testimony;

	do {
		testimony = witness(offset);
		counts[testimony]++;
		passed = true_time(CLOCK_MONOTONIC) - begun;
	} while (testimony != SKEWED && passed < patience);
	printf("{\"readings\":%lu,\"true\":%lu,\"wrong\":%lu,\"ns\":%lld}\n",
	       counts[WRONG] + counts[TRUE_TIME] + counts[SKEWED], counts[TRUE_TIME], counts[WRONG],
	       testimony == SKEWED ? (long long)passed : -1LL);
	return 0;
}
