/*
 * i386.h - what is different in a 32-bit program: how many bytes words have, its signal frames, its system calls'
 * instruction.
 */
#ifndef TIMESKEW_I386_H
#define TIMESKEW_I386_H

#include "../sys.h"

#define CS_32BIT 0x23
#define SS_32BIT 0x2b
#define RETURN_BYTES 4 /* pop ebp; pop edx; pop ecx; ret */

/* What a system call has answered: -errno, or up to 32 bits. */
static inline int64_t result_32(uint32_t eax) { return eax > -4096u ? (int32_t)eax : (int64_t)eax; }

/*
 * Whether a word of a stack is the eip of a signal frame, with or without siginfo: both hold a struct sigcontext_32, in
 * which it is followed by cs, eflags, esp and ss.
 */
static inline int is_signal_frame_pc_32(const uint64_t *word) {
  return word[1] == CS_32BIT && word[4] == SS_32BIT && (word[2] & 2) && !(word[2] >> 22);
}

/* What stands there before eip. */
struct signal_frame_32 {
  uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax, trap, error;
};

static const uint8_t SYSTEM_CALL_32[] = {0xcd, 0x80}; /* int 0x80 */

/*
 * Libraries make their calls in the vDSO, by what is quickest; that has an int 0x80 behind it, where they are made
 * again.
 */
static inline int is_system_call_32(const uint8_t next[2]) {
  return same_bytes(next, SYSTEM_CALL_32, 2) || (next[0] == 0x0f && (next[1] == 0x05 || next[1] == 0x34));
}

/*
 * How many words a thread has on its stack before its return address, where pops, and a return, come next: so it is in
 * the vDSO behind a system call. -1: that cannot be told.
 */
static inline int words_to_return_32(const uint8_t next[RETURN_BYTES]) {
  for (int words = 0; words < RETURN_BYTES; words++) {
    if (next[words] == 0xc3) return words; /* ret */
    if (next[words] < 0x58 || next[words] > 0x5f) return -1; /* pop reg */
  }
  return -1;
}

#endif
