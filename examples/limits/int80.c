/*
 * A 32-bit program without a C library: its wall clock by the vDSO's __kernel_vsyscall, as C libraries make their system
 * calls, and by `int $0x80`. cc -m32 -nostdlib -static, so neither headers nor libraries for 32 bits are needed. It
 * answers each line with the seconds since 1970.
 */
enum { SYS_exit = 1, SYS_read = 3, SYS_write = 4, SYS_prctl = 172, SYS_clock_gettime = 265 };
enum { AT_SYSINFO = 32, PR_SET_PTRACER = 0x59616d61 };

static unsigned long kernel_vsyscall;

static long by_int80(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}

static long by_vdso(long number, long a, long b)
{
	long result;

	__asm__ volatile("call *%[entry]"
			 : "=a"(result)
			 : [entry] "m"(kernel_vsyscall), "a"(number), "b"(a), "c"(b)
			 : "memory");
	return result;
}

static void say(const char *text, int length)
{
	by_int80(SYS_write, 1, (long)text, length);
}

static void say_number(unsigned value)
{
	char digits[10];
	int at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	say(digits + at, (int)sizeof(digits) - at);
}

static void answer(void)
{
	long ts[2] = {0, 0};

	by_vdso(SYS_clock_gettime, 0, (long)ts);
	say("by the vDSO: ", 13);
	say_number((unsigned)ts[0]);
	by_int80(SYS_clock_gettime, 0, (long)ts, 0);
	say("\nby int 0x80: ", 14);
	say_number((unsigned)ts[0]);
	say("\n\n", 2);
}

__attribute__((used)) static void run(const unsigned long *stack)
{
	char line[64];
	const unsigned long *at = stack + 1 + stack[0] + 1; /* past argc and argv */

	while (*at++ != 0)
		; /* environment */
	for (; at[0] != 0; at += 2) {
		if (at[0] == AT_SYSINFO)
			kernel_vsyscall = at[1];
	}
	by_int80(SYS_prctl, PR_SET_PTRACER, -1, 0);
	say("ready\n", 6);
	while (kernel_vsyscall != 0 && by_int80(SYS_read, 0, (long)line, sizeof(line)) > 0)
		answer();
	by_int80(SYS_exit, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\tmovl %esp, %eax\n\tandl $-16, %esp\n\tsubl $12, %esp\n\tpushl %eax\n\tcall run\n");
