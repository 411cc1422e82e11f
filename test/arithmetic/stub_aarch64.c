/*
 * stub_aarch64.c - the self-restoring stub of native/arch/aarch64_stub.h, run by this very program, to its end, as it
 * is when the tool has died: a signal handler puts all registers as the tool would set them, and where the stub goes
 * back to, an instruction traps, and the handler of that compares all registers with what they were.
 *
 * It prints how many stubs went back, and exits with how many left something different. With an argument, now and then
 * a register is another than the stub knows.
 */
#include "../../native/arch/arch_stub.h"

#define ROUNDS 400
#define SA_SIGINFO 4
#define SA_RESTORER 0x4000000
#define SIGUSR1 10
#define PSTATE_FLAGS 0xf0000000u
#define ROOM (3 * PAGE) /* more than a stub: an emulator reads frames as the kernel makes them */
#define STACK (8 * PAGE)
#define NEAR 0x4000000  /* bytes */
#define FAR 0x800000000

/* As a handler gets it: struct ucontext up to the first record, which is as in the stub's own frames. */
typedef struct stub_frame context;

struct disposition {
  void (*handler)(int, void *, context *);
  uint64_t flags;
  void (*restorer)(void);
  uint64_t mask;
};

extern __attribute__((visibility("hidden"))) char landing[], trample[];
__asm__(
    "landing:\n\t"
    "brk #0\n"
    "trample:\n\t" /* a function that leaves nothing that it may change as it was */
    "str x0, [x0]\n\t"
    "mov x9, #-1\n\t"
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18\n\t"
    "mov x\\n, x9\n\t"
    ".endr\n\t"
    "cmp x9, #1\n\t"
    "ret");

static struct {
  struct registers was;
  struct vectors vectors;
  struct stub stub;
  context before; /* of the main program */
  int lost;       /* the register that may be different, or -1 */
  int wrong, back;
} the;

static uint64_t seed = 88172645463325252ull;
static uint64_t some(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static void enter(int signal, void *info, context *c) {
  (void)signal, (void)info;
  the.before = *c;
  copy_bytes(c->context.regs.x, the.stub.start.x, sizeof the.stub.start.x);
  c->context.regs.sp = the.stub.start.sp;
  c->context.pc = the.stub.start.pc;
  c->context.pstate = the.stub.start.pstate;
  copy_bytes(c->registers, the.vectors.common, sizeof c->registers);
  copy_bytes(&c->status, the.vectors.common + sizeof c->registers, 8);
}

static void arrive(int signal, void *info, context *c) {
  (void)signal, (void)info;
  int wrong = 0;
  for (int i = 0; i < 31; i++) wrong += i != the.lost && c->context.regs.x[i] != the.was.x[i];
  wrong += c->context.regs.sp != the.was.sp || c->context.pc != the.was.pc;
  wrong += (c->context.pstate & PSTATE_FLAGS) != (the.was.pstate & PSTATE_FLAGS) || c->mask != the.stub.mask;
  wrong += !same_bytes(c->registers, the.vectors.common, sizeof c->registers);
  the.wrong += wrong != 0;
  the.back++;
  *c = the.before;
}

static void *map_at(uint64_t address, size_t n) {
  const long protection = PROT_READ | PROT_WRITE | PROT_EXEC;
  long at = sys6(NR_mmap, (long)address, (long)n, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at < 0 && at > -4096 ? NULL : (void *)at;
}

static void run(uint8_t *room, uint32_t bytes, uint8_t *stack, int call, int alter) {
  uint64_t word = 0;
  for (int i = 0; i < 31; i++) the.was.x[i] = some();
  the.was.sp = (uint64_t)(stack + 6 * PAGE - some() % 64 * 16);
  the.was.pc = (uint64_t)landing;
  the.was.pstate = some() & PSTATE_FLAGS;
  the.was.call = NO_CALL;
  for (size_t i = 0; i < sizeof the.vectors.common - 16; i++) the.vectors.common[i] = (uint8_t)some();
  the.stub = (struct stub){
      .address = (uint64_t)room,
      .room = bytes,
      .was = &the.was,
      .vectors = &the.vectors,
      .mask = some() & 0x7ffbfeef, /* neither KILL nor STOP, nor TRAP; an emulator has others for itself */
      .call = call,
      .function = call ? (uint64_t)trample : NR_getpid,
      .arguments = {(uint64_t)&word},
      .stack = (uint64_t)(stack + STACK),
  };
  stub_build(&the.stub);
  /* What is stored by a debugger the kernel makes known to processors; here, that is up to us. */
  copy_bytes((void *)the.stub.address, the.stub.code, the.stub.size);
  for (uint64_t at = the.stub.address & ~63ull; at < the.stub.address + the.stub.size; at += 64)
    __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" : : "r"(at) : "memory");
  the.lost = stub_end(&the.stub) == BY_BRANCH && !stub_reaches((uint64_t)room, (uint64_t)landing) ? 17 : -1;
  if (alter) the.was.x[alter]++;
  (void)sys6(NR_kill, sys6(NR_getpid, 0, 0, 0, 0, 0, 0), SIGUSR1, 0, 0, 0, 0);
  if (call && word != (uint64_t)&word) the.wrong++;
}

static void print_number(int number) {
  char text[16] = "\n", *at = text + sizeof text - 2;
  at[0] = '\n';
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  (void)sys_write(1, at, (size_t)(text + sizeof text - 1 - at));
}

static void handle(int signal, void (*handler)(int, void *, context *)) {
  const struct disposition wanted = {handler, SA_SIGINFO | SA_RESTORER, signal_return, 0};
  (void)sys6(NR_rt_sigaction, signal, (long)&wanted, 0, sizeof wanted.mask, 0, 0);
}

static int test(int altered) {
  uint8_t *near = map_at((uint64_t)landing + NEAR, ROOM), *far = map_at((uint64_t)landing + FAR, ROOM);
  uint8_t *stack = map_at(0, STACK);
  if (!near || !far || !stack) return 255;
  if (!stub_reaches((uint64_t)near, (uint64_t)landing) || stub_reaches((uint64_t)far, (uint64_t)landing)) return 254;
  handle(SIGUSR1, enter);
  handle(SIGTRAP, arrive);
  for (int i = 0; i < ROUNDS; i++) {
    int alter = altered && i % 50 == 49 ? 1 + (int)(some() % 30) : 0;
    run(i & 1 ? near : far, i & 2 ? 512 : PAGE, stack, i >> 2 & 1, alter);
  }
  print_number(the.back);
  return the.wrong;
}

__attribute__((used)) static void begin(const uint64_t *stack) {
  (void)sys6(NR_exit_group, test(stack[0] > 1), 0, 0, 0, 0, 0);
}

__asm__(
    ".globl _start\n"
    "_start:\n\t"
    "mov x0, sp\n\t"
    "bl begin");
