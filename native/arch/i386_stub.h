/*
 * i386_stub.h - the self-restoring stub for a thread of a 32-bit program. It makes its calls by int 0x80 only: the
 * kernel returns from sysenter, and from a 32-bit syscall, to a place of its own choice in the vDSO.
 *
 * A thread that was stopped in a call that it had made there stands behind an int 0x80, too, with registers as if it
 * had come by that one: the kernel sees to it.
 */
#ifndef TIMESKEW_I386_STUB_H
#define TIMESKEW_I386_STUB_H

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

/* mov reg, imm32. Leaves the flags. */
static inline void stub_load_32(struct stub *s, int reg, uint64_t value) {
  STUB_EMIT(s, (uint8_t)(0xb8 + reg));
  stub_bytes(s, &value, 4);
}

/* push imm32 */
static inline void stub_push_32(struct stub *s, uint64_t value) {
  STUB_EMIT(s, 0x68);
  stub_bytes(s, &value, 4);
}

/* rt_sigprocmask(SIG_SETMASK, &mask, NULL, 8), with the mask's address given. Leaves the flags. */
static inline void stub_set_mask_32(struct stub *s, uint64_t mask_address) {
  stub_load_32(s, EAX, 175); /* rt_sigprocmask */
  stub_load_32(s, EBX, SIG_SETMASK);
  stub_load_32(s, ECX, mask_address);
  stub_load_32(s, EDX, 0);
  stub_load_32(s, ESI, 8);
  stub_bytes(s, SYSTEM_CALL_32, SYSCALL_BYTES);
}

static inline void stub_call_32(struct stub *s) {
  stub_load_32(s, ESP, (s->stack & ~15ull) - 12); /* at the call as aligned as a function may expect */
  stub_push_32(s, s->arguments[0]);
  stub_load_32(s, EAX, s->function);
  STUB_EMIT(s, 0xff, 0xd0); /* call eax */
  stub_push_32(s, s->was->eflags & RESTORED_FLAGS);
  STUB_EMIT(s, 0x9d); /* popf */
  stub_load_32(s, ESP, s->was->rsp);
}

static inline void stub_go_back_32(struct stub *s, uint64_t pc, uint64_t eax) {
  const struct registers *was = s->was;
  stub_load_32(s, EAX, eax);
  stub_load_32(s, EBX, was->rbx);
  stub_load_32(s, ECX, was->rcx);
  stub_load_32(s, EDX, was->rdx);
  stub_load_32(s, ESI, was->rsi);
  stub_load_32(s, EDI, was->rdi);
  stub_load_32(s, EBP, was->rbp);
  STUB_EMIT(s, 0xe9); /* jmp */
  const uint64_t distance = pc - (s->address + s->size + 4);
  stub_bytes(s, &distance, 4);
}

#endif
