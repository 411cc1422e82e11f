/* aarch64_stub.h - the self-restoring stub on arm64. */
#ifndef TIMESKEW_AARCH64_STUB_H
#define TIMESKEW_AARCH64_STUB_H

/* What is loaded from behind the code. */
struct stub_values {
  uint32_t count;
  uint32_t at[32]; /* the instructions' places in the code */
  uint64_t value[32];
};

static inline void stub_emit(struct stub *s, uint32_t instruction) { stub_bytes(s, &instruction, sizeof instruction); }

static inline uint64_t stub_here(const struct stub *s) { return s->address + s->size; }

/* movz */
static inline void stub_small(struct stub *s, uint32_t reg, uint32_t value) {
  stub_emit(s, 0xd2800000u | value << 5 | reg);
}

/* adr, to what is within 1 MiB */
static inline void stub_address(struct stub *s, uint32_t reg, uint64_t address) {
  uint32_t distance = (uint32_t)(address - stub_here(s));
  stub_emit(s, 0x10000000u | (distance & 3) << 29 | (distance >> 2 & 0x7ffff) << 5 | reg);
}

/* ldr, of a value that is kept behind the code. */
static inline void stub_load(struct stub *s, struct stub_values *values, uint32_t reg, uint64_t value) {
  values->at[values->count] = s->size;
  values->value[values->count++] = value;
  stub_emit(s, 0x58000000u | reg);
}

static inline void stub_keep_values(struct stub *s, const struct stub_values *values) {
  if (s->size % 8) stub_emit(s, 0);
  for (uint32_t i = 0; i < values->count; i++) {
    uint32_t load, distance = s->size - values->at[i];
    copy_bytes(&load, s->code + values->at[i], sizeof load);
    load |= distance >> 2 << 5;
    copy_bytes(s->code + values->at[i], &load, sizeof load);
    stub_bytes(s, &values->value[i], sizeof values->value[i]);
  }
}

/* rt_sigprocmask(SIG_SETMASK, &mask, NULL, 8), with the mask's address given. Leaves the flags. */
static inline void stub_set_mask(struct stub *s, uint64_t mask_address) {
  stub_small(s, 8, 135);
  stub_small(s, 0, SIG_SETMASK);
  stub_address(s, 1, mask_address);
  stub_small(s, 2, 0);
  stub_small(s, 3, 8);
  stub_emit(s, SVC);
}

/* blr x17: f(argument) on the stack given; then sp and flags as they were. */
static inline void stub_call(struct stub *s, struct stub_values *values) {
  stub_load(s, values, 16, s->stack);
  stub_emit(s, 0x9100021f); /* mov sp, x16 */
  stub_load(s, values, 0, s->arguments[0]);
  stub_load(s, values, 17, s->function);
  stub_emit(s, 0xd63f0220); /* blr x17 */
  stub_load(s, values, 16, s->was->sp);
  stub_emit(s, 0x9100021f); /* mov sp, x16 */
  stub_load(s, values, 16, s->was->pstate);
  stub_emit(s, 0xd51b4210); /* msr nzcv, x16 */
  stub_load(s, values, 7, s->was->x[7]); /* before the stop at the end, where it cannot be set (regs_write) */
}

/* A system call's stub keeps what it does not use itself. */
static inline void stub_load_registers(struct stub *s, struct stub_values *values) {
  for (uint32_t reg = 0; reg <= 18; reg++)
    if (reg <= 5 || reg == 8 || (s->call && reg != 7)) stub_load(s, values, reg, s->was->x[reg]);
  if (s->call) stub_load(s, values, 30, s->was->x[30]);
}

/* ---- back by a signal frame ------------------------------------------------------------------------------------- */

#define FRAME_INFO 128 /* siginfo_t, which rt_sigreturn does not look at; the stack pointer points there */
#define FRAME_MASK 40  /* in struct ucontext, which comes behind it */
#define FRAME_CONTEXT 176
#define SVE_MAGIC 0x53564501u
#define SVE_STREAMING 1 /* SVE_SIG_FLAG_SM */

struct stub_frame {
  uint64_t flags, link;
  uint64_t stack, stack_flags, stack_size;
  uint64_t mask, reserved[16];
  struct {
    uint64_t fault_address;
    struct signal_frame regs;
    uint64_t pc, pstate, padding;
  } context;
  uint64_t record; /* of the vector registers */
  uint32_t status, control;
  uint8_t registers[512];
};
_Static_assert(offsetof(struct stub_frame, mask) == FRAME_MASK && offsetof(struct stub_frame, context) == FRAME_CONTEXT,
               "struct ucontext");
_Static_assert(offsetof(struct stub_frame, record) == FRAME_CONTEXT + 288 && sizeof(struct stub_frame) % 16 == 0,
               "struct sigcontext, and its first record");

struct stub_sve {
  uint32_t magic, size;
  uint16_t length, flags, reserved[2];
};

/* The z and p registers, and ffr. */
static inline uint32_t stub_sve_bytes(const struct vectors *v) {
  uint32_t length = v->type ? vectors_header(v).length : 0;
  return 32 * length + 17 * (length / 8);
}

/* How a stub ends. A frame with all of the vectors may be too long. */
enum stub_end { BY_BRANCH, BY_FRAME, BY_LONG_FRAME };

static inline uint32_t stub_end_bytes(const struct stub *s, enum stub_end end) {
  uint32_t sve = end == BY_LONG_FRAME ? (uint32_t)sizeof(struct stub_sve) + stub_sve_bytes(s->vectors) : 0;
  if (end == BY_BRANCH) return 0;
  return (uint32_t)sizeof(struct stub_frame) + (sve + 15) / 16 * 16 + 16; /* a last record, of zeros */
}

static inline void stub_keep_frame(struct stub *s, enum stub_end how) {
  const struct registers *was = s->was;
  struct stub_frame frame = {
      .stack_flags = ~0u, /* none that there is: the alternate stack is left alone */
      .mask = s->mask,
      .context = {.pc = was->pc, .pstate = was->pstate, .regs.sp = was->sp},
      .record = FPSIMD_RECORD,
  };
  copy_bytes(frame.context.regs.x, was->x, sizeof was->x);
  copy_bytes(frame.registers, s->vectors->common, sizeof frame.registers);
  copy_bytes(&frame.status, s->vectors->common + sizeof frame.registers, 2 * sizeof frame.status);
  uint32_t end = s->size + stub_end_bytes(s, how);
  stub_bytes(s, &frame, sizeof frame);
  if (how == BY_LONG_FRAME) {
    const struct stub_sve sve = {
        .magic = SVE_MAGIC,
        .size = end - 16 - s->size,
        .length = vectors_header(s->vectors).length,
        .flags = s->vectors->type == NT_ARM_SSVE ? SVE_STREAMING : 0,
    };
    stub_bytes(s, &sve, sizeof sve);
    stub_bytes(s, s->vectors->bytes + sizeof(struct vectors_header), stub_sve_bytes(s->vectors));
  }
  while (s->size < end) s->code[s->size++] = 0;
}

/* ---- back by a branch -------------------------------------------------------------------------------------------- */

#define BRANCH_REACH 0x8000000 /* bytes, either way */
#define STUB_CODE_BYTES 480    /* of the longest stub, without a frame */

static inline int stub_reaches(uint64_t from, uint64_t to) { return to - from + BRANCH_REACH < 2 * BRANCH_REACH; }

/* Where it is farther, x17 is lost: a linker's veneers are by it, and a compiler's shortest-lived values. */
static inline void stub_branch(struct stub *s, struct stub_values *values, uint64_t pc) {
  if (stub_reaches(stub_here(s), pc)) {
    stub_emit(s, 0x14000000u | ((uint32_t)((pc - stub_here(s)) >> 2) & 0x3ffffff)); /* b */
  } else {
    stub_load(s, values, 17, pc);
    stub_emit(s, 0xd65f0220); /* ret x17, which may go to any instruction */
  }
}

static inline int stub_has_room(const struct stub *s, enum stub_end end) {
  return STUB_CODE_BYTES + stub_end_bytes(s, end) <= (s->room < MOST_STUB_BYTES ? s->room : MOST_STUB_BYTES);
}

/*
 * No branch goes farther than 128 MiB but by a register, and none puts back vectors. A frame does both; but it
 * makes the kernel forget a sleep that is to be resumed, and takes more room.
 */
static inline enum stub_end stub_end(const struct stub *s) {
  uint64_t pc = s->was->pc;
  if (regs_resumes(s->was)) return BY_BRANCH;
  if (s->vectors->type && stub_has_room(s, BY_LONG_FRAME)) return BY_LONG_FRAME;
  if (stub_reaches(s->address, pc) && stub_reaches(s->address + s->room, pc)) return BY_BRANCH;
  return stub_has_room(s, BY_FRAME) ? BY_FRAME : BY_BRANCH;
}

static inline void stub_build(struct stub *s) {
  const uint64_t all = HELD_SIGNALS; /* two masks first: ours, and the thread's own */
  struct stub_values values = {.count = 0};
  enum stub_end end = stub_end(s);
  uint32_t size = STUB_CODE_BYTES + stub_end_bytes(s, end);
  if (size > s->room) size = s->room; /* which is found to be too little */

  s->address += (s->room - size) & ~15u;
  s->size = 0;
  stub_bytes(s, &all, 8);
  stub_bytes(s, &s->mask, 8);

  s->start = *s->was;
  s->start.pc = stub_here(s);
  s->start.pstate &= ~(uint64_t)PSTATE_BTYPE; /* nobody branches there */
  if (s->call) {
    stub_set_mask(s, s->address); /* no handler may run on our small stack */
    s->masked = stub_here(s);
    stub_call(s, &values);
  } else {
    s->start.x[8] = s->function;
    for (int i = 0; i < 6; i++) s->start.x[i] = s->arguments[i];
    s->masked = stub_here(s);
    stub_emit(s, SVC);
    s->done = stub_here(s);
  }
  stub_set_mask(s, s->address + 8);
  if (s->call) s->done = stub_here(s);
  if (end == BY_BRANCH) {
    stub_load_registers(s, &values);
    stub_branch(s, &values, s->was->pc);
    stub_keep_values(s, &values);
    return;
  }
  stub_load(s, &values, 16, s->address + STUB_CODE_BYTES - FRAME_INFO);
  stub_emit(s, 0x9100021f); /* mov sp, x16 */
  stub_small(s, 8, 139);    /* rt_sigreturn */
  stub_emit(s, SVC);
  stub_keep_values(s, &values);
  while (s->size < STUB_CODE_BYTES) s->code[s->size++] = 0;
  stub_keep_frame(s, end);
}

#endif
