/*
 * A program that knows how it was entered: its very first instructions note all registers. Answers on stdout:
 *
 *     entry         {"registers": in hex, "argc": the word that rsp pointed to, "base": AT_BASE, "entry": AT_ENTRY less where it
 *                   truly began, "auxv": whether the vector on the stack is the kernel's (/proc/self/auxv)}
 *     read          {"off"}: ns that the wall clock is ahead of the truth
 *     wait MS       waits for a semaphore until the wall clock says that so much has passed: {"ended", "seconds": true time}
 *     open LIBRARY  {"opened"}: whether dlopen did; it is slow.c's. `inside MS`: as `wait`, by the library's own system call;
 *                   `close` unloads it
 *     count         {"count"}: of slow.c's thread
 *
 * Linked with -e entrance.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "truth.h"

uint64_t entered_with[18];

/* What is named in the order of the array. */
static const char *const NAMES[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8",
				    "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "flags"};

__asm__(".text\n"
	".globl entrance\n"
	"entrance:\n"
	"	movq %rax, entered_with(%rip)\n"
	"	movq %rbx, entered_with+8(%rip)\n"
	"	movq %rcx, entered_with+16(%rip)\n"
	"	movq %rdx, entered_with+24(%rip)\n"
	"	movq %rsi, entered_with+32(%rip)\n"
	"	movq %rdi, entered_with+40(%rip)\n"
	"	movq %rbp, entered_with+48(%rip)\n"
	"	movq %rsp, entered_with+56(%rip)\n"
	"	movq %r8, entered_with+64(%rip)\n"
	"	movq %r9, entered_with+72(%rip)\n"
	"	movq %r10, entered_with+80(%rip)\n"
	"	movq %r11, entered_with+88(%rip)\n"
	"	movq %r12, entered_with+96(%rip)\n"
	"	movq %r13, entered_with+104(%rip)\n"
	"	movq %r14, entered_with+112(%rip)\n"
	"	movq %r15, entered_with+120(%rip)\n"
	"	pushfq\n"
	"	popq entered_with+128(%rip)\n"
	"	movq (%rsp), %rax\n"
	"	movq %rax, entered_with+136(%rip)\n"
	"	jmp _start\n");
extern char entrance[];

/* Behind argc, the arguments and the environment. */
static const Elf64_auxv_t *auxv_on_stack(void)
{
	uint64_t *at = (uint64_t *)entered_with[7];

	at += *at + 2;
	while (*at)
		at++;
	return (const Elf64_auxv_t *)(at + 1);
}

static int auxv_is_the_kernels(void)
{
	char theirs[1024];
	int file = open("/proc/self/auxv", O_RDONLY);
	ssize_t n = file < 0 ? -1 : read(file, theirs, sizeof theirs);

	close(file);
	return n > 0 && !memcmp(auxv_on_stack(), theirs, (size_t)n);
}

static void tell_entry(void)
{
	printf("{\"registers\":{");
	for (unsigned i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
		printf("%s\"%s\":\"%llx\"", i ? "," : "", NAMES[i], (unsigned long long)entered_with[i]);
	printf("},\"argc\":%llu,\"base\":\"%lx\",\"entry\":%ld,\"auxv\":%s}\n", (unsigned long long)entered_with[17],
	       getauxval(AT_BASE), (long)(getauxval(AT_ENTRY) - (unsigned long)entrance),
	       auxv_is_the_kernels() ? "true" : "false");
}

static int wait_for_semaphore(const struct timespec *until)
{
	sem_t never;

	sem_init(&never, 0, 0);
	return sem_timedwait(&never, until) ? errno : 0;
}

static void tell_wait(int (*wait_until)(const struct timespec *), long ms)
{
	int64_t began = true_time(CLOCK_MONOTONIC);
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	int error = wait_until(&until);

	printf("{\"ended\":\"%s\",\"seconds\":%.3f}\n", strerror(error), (double)(true_time(CLOCK_MONOTONIC) - began) / 1e9);
}

static void tell_reading(void)
{
	struct timespec now;
	int64_t before = true_time(CLOCK_REALTIME);

	clock_gettime(CLOCK_REALTIME, &now);
	printf("{\"off\":%lld}\n", (long long)(now.tv_sec * INT64_C(1000000000) + now.tv_nsec - before));
}

static void tell_count(void)
{
	const unsigned *count = dlsym(RTLD_DEFAULT, "slow_count");

	printf("{\"count\":%u}\n", count ? __atomic_load_n(count, __ATOMIC_RELAXED) : 0);
}

int main(void)
{
	char line[4096];
	void *library = NULL;

	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, "entry"))
			tell_entry();
		else if (!strcmp(line, "read"))
			tell_reading();
		else if (!strncmp(line, "wait ", 5))
			tell_wait(wait_for_semaphore, atol(line + 5));
		else if (!strncmp(line, "open ", 5))
			printf("{\"opened\":%s}\n", (library = dlopen(line + 5, RTLD_NOW)) ? "true" : "false");
		else if (!strncmp(line, "inside ", 7))
			tell_wait((int (*)(const struct timespec *))dlsym(library, "slow_wait"), atol(line + 7));
		else if (!strcmp(line, "close"))
			printf("{\"closed\":%s}\n", dlclose(library) ? "false" : "true");
		else if (!strcmp(line, "count"))
			tell_count();
		fflush(stdout);
	}
	return 0;
}
