/*
 * A program that makes 30,000 system calls, and between them one that returns to the symbol `gate`. Built without PIE, so that
 * this is where nm says. Its exit code is 9, or 1 where a call has failed that must not, or the other way round.
 */
#include <errno.h>
#include <unistd.h>

#define CALLS 15000

static int make_calls(void)
{
	for (int i = 0; i < CALLS; i++)
		if (getppid() < 1 || close(-1) != -1 || errno != EBADF)
			return 0;
	return 1;
}

static long close_at_gate(int fd)
{
	long result;

	__asm__ volatile(
		"syscall\n"
		".globl gate\n"
		"gate:"
		: "=a"(result)
		: "a"(3L), "D"(fd)
		: "rcx", "r11", "memory");
	return result;
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc < 2 && !make_calls())
		return 1;
	if (close_at_gate(-1) != -EBADF)
		return 1;
	return make_calls() ? 9 : 1;
}
