/*
 * emulate.c - runs pieces of arm64 code and tells what they leave in the registers. Reads cases, each of 64-bit words: how many
 * pieces; of each its address, its length and its bytes, padded to 8; and where to begin. Writes struct state for each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096ul

struct state {
	uint64_t in[16];	/* x0 to x15 */
	uint64_t x[18];		/* x0 to x17 */
	uint64_t sp, nzcv, q[4];
};

void run(struct state *state, uint64_t entry);

/* Whatever runs may change everything, the stack pointer included, but not where it returns to. */
__asm__(".text\n"
	"run:\n"
	"	stp x29, x30, [sp, #-96]!\n"
	"	stp x19, x20, [sp, #16]\n"
	"	stp x21, x22, [sp, #32]\n"
	"	stp x23, x24, [sp, #48]\n"
	"	stp x25, x26, [sp, #64]\n"
	"	stp x27, x28, [sp, #80]\n"
	"	adrp x9, kept\n"
	"	add x9, x9, :lo12:kept\n"
	"	mov x10, sp\n"
	"	stp x10, x0, [x9]\n"
	"	mov x16, x1\n"
	"	mov x17, x0\n"
	"	ldp x0, x1, [x17]\n"
	"	ldp x2, x3, [x17, #16]\n"
	"	ldp x4, x5, [x17, #32]\n"
	"	ldp x6, x7, [x17, #48]\n"
	"	ldp x8, x9, [x17, #64]\n"
	"	ldp x10, x11, [x17, #80]\n"
	"	ldp x12, x13, [x17, #96]\n"
	"	ldp x14, x15, [x17, #112]\n"
	"	movi v0.2d, #0\n"
	"	movi v1.2d, #0\n"
	"	mov x17, #0\n"
	"	cmp x17, #0\n"
	"	blr x16\n"
	"	adrp x30, kept + 8\n"
	"	ldr x30, [x30, :lo12:kept + 8]\n"
	"	add x30, x30, #128\n"
	"	stp x0, x1, [x30]\n"
	"	stp x2, x3, [x30, #16]\n"
	"	stp x4, x5, [x30, #32]\n"
	"	stp x6, x7, [x30, #48]\n"
	"	stp x8, x9, [x30, #64]\n"
	"	stp x10, x11, [x30, #80]\n"
	"	stp x12, x13, [x30, #96]\n"
	"	stp x14, x15, [x30, #112]\n"
	"	stp x16, x17, [x30, #128]\n"
	"	mov x0, sp\n"
	"	mrs x1, nzcv\n"
	"	stp x0, x1, [x30, #144]\n"
	"	stp q0, q1, [x30, #160]\n"
	"	adrp x0, kept\n"
	"	ldr x0, [x0, :lo12:kept]\n"
	"	mov sp, x0\n"
	"	ldp x19, x20, [sp, #16]\n"
	"	ldp x21, x22, [sp, #32]\n"
	"	ldp x23, x24, [sp, #48]\n"
	"	ldp x25, x26, [sp, #64]\n"
	"	ldp x27, x28, [sp, #80]\n"
	"	ldp x29, x30, [sp], #96\n"
	"	ret\n"
	".bss\n"
	".balign 16\n"
	"kept: .skip 16\n"
	".text\n");

static uint64_t next(void)
{
	uint64_t word;

	if (fread(&word, sizeof word, 1, stdin) != 1)
		exit(feof(stdin) ? 0 : 2);
	return word;
}

static void place(uint64_t address, uint64_t length)
{
	uint64_t start = address & -PAGE, end = (address + length + 8 + PAGE - 1) & -PAGE;
	uint64_t at;

	/* The pages of the case before are there already. */
	for (at = start; at < end; at += PAGE)
		mmap((void *)at, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	for (at = address; at < address + length; at += 8) {
		uint64_t word = next();

		__builtin_memcpy((void *)at, &word, sizeof word);
	}
	__builtin___clear_cache((char *)address, (char *)address + length);
}

int main(void)
{
	for (;;) {
		struct state state;
		uint64_t pieces = next();
		int i;

		__builtin_memset(&state, 0, sizeof state);
		for (; pieces > 0; pieces--) {
			uint64_t address = next(), length = next();

			place(address, length);
		}
		for (i = 0; i < 16; i++)
			state.in[i] = 0x1000000000000000 + 0x0101010101010101 * i;
		state.in[0] = 0;
		run(&state, next());
		if (fwrite(state.x, sizeof state - sizeof state.in, 1, stdout) != 1)
			return 2;
		fflush(stdout);
	}
}
