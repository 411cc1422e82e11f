/* An interval, from one question to the next, by a clock and by the processor's counter. */
#include "limits.h"

#include <stdint.h>

static uint64_t counter(void)
{
#if defined(__x86_64__)
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
	uint64_t value;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value));
	return value;
#endif
}

struct moment {
	double clock;
	uint64_t count;
};

static struct moment now(void)
{
	return (struct moment){steady(), counter()};
}

int main(void)
{
	char line[16];
	struct moment first = now(), last, next;
	double per_second;

	begin();
	if (!asked(line, sizeof(line)))
		return 0;
	/* Its frequency, as programs learn it: by a clock that is right as yet. */
	last = now();
	per_second = (double)(last.count - first.count) / (last.clock - first.clock);
	answered();
	while (asked(line, sizeof(line))) {
		next = now();
		printf("by CLOCK_MONOTONIC: %.0f ms\n", (next.clock - last.clock) * 1e3);
		printf("by the counter: %.0f ms\n", (double)(next.count - last.count) / per_second * 1e3);
		answered();
		last = next;
	}
	return 0;
}
