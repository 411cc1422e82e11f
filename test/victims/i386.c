/*
 * A 32-bit process, built without any library: says one line and ends at the end of stdin.
 * gcc -m32 -static -nostdlib -ffreestanding
 */
static long call(long number, long first, const void *second, long third)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
	return result;
}

#define SYS_EXIT 1
#define SYS_READ 3
#define SYS_WRITE 4

void _start(void)
{
	static const char ready[] = "{\"ready\":true}\n";
	static char ignored[64];

	call(SYS_WRITE, 1, ready, sizeof(ready) - 1);
	while (call(SYS_READ, 0, ignored, sizeof(ignored)) > 0)
		;
	for (;;)
		call(SYS_EXIT, 0, 0, 0);
}
