/*
 * start.c - the first code of the single binary. It runs before the dynamic linker, and twice:
 *
 * 1. The kernel begins here, at `start`: where Node's file says which dynamic linker it wants (PT_INTERP), the build
 *    has written a type that the kernel passes over. The libraries that are embedded become memfds, and their paths
 *    are put before the names of those that Node needs (DT_NEEDED). Then the dynamic linker is mapped and started, as
 *    the kernel does.
 * 2. When all libraries are loaded it starts the program, at AT_ENTRY. That is `resume`: it closes the memfds, and
 *    Node begins. Nothing is left of us but the libraries; no file has been written anywhere.
 *
 * Two more things are done on the way. The dynamic linker knows a library by the name in it (DT_SONAME), however it
 * was found: so koffi and the helper can be opened by their names later on (src/tracer/built-single.ts), and libstdc++
 * and libgcc are the embedded ones whatever the machine has. And what the environment says to Node is hidden from it:
 * it is not meant for us.
 *
 * No libc, no relocation: the addresses are fixed by the build, as Node's are.
 */
#include <elf.h>

#include "../sys.h"
#if defined(__x86_64__)
#include "x86_64.h"
#else
#include "aarch64.h"
#endif

#define LIBRARIES 4 /* link.mjs has these two as well */
#define HEADERS 32
#define PT_HIDDEN_INTERP 0x6f746e69 /* in the range that is the operating system's, and of no meaning to it */
#define EACCES 13
#define EMFILE 24
#define MFD_CLOEXEC 1u
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC 16u
#define MAP_FIXED 0x10
#define STDERR 2

/* What the build writes (native/single/link.mjs). It is the first of the writable segment. */
__attribute__((section(".given"))) struct {
  Elf64_Phdr headers[HEADERS]; /* Node's and ours; what e_phoff points to */
  uint64_t count;
  uint64_t entry; /* Node's own */
} given;

/* embedded.S */
struct embedded {
  const char *name;
  const uint8_t *start, *end;
};
extern const struct embedded embedded[LIBRARIES];

struct opened {
  int fd;
  char path[32]; /* the dynamic linker keeps pointers to it */
};
static struct opened opened[LIBRARIES];

/* ---- words ------------------------------------------------------------------------------------------------ */

static size_t length_of(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

static void say(const char *text) { (void)sys6(NR_write, STDERR, (long)text, (long)length_of(text), 0, 0, 0); }

static char *put_number(char *to, unsigned number) {
  if (number >= 10) to = put_number(to, number / 10);
  *to = (char)('0' + number % 10);
  return to + 1;
}

/* timeskew: WHAT WHICH (errno N), and the end. */
__attribute__((noreturn)) static void fail(const char *what, const char *which, long result, const char *hint) {
  char number[16];
  *put_number(number, (unsigned)-result) = 0;
  say("timeskew: ");
  say(what);
  say(which);
  say(" (errno ");
  say(number);
  say(")\n");
  if (result == -EMFILE) hint = "more files have to be permitted: ulimit -n";
  if (*hint) {
    say("  hint: ");
    say(hint);
    say("\n");
  }
  for (;;) sys6(NR_exit_group, 1, 0, 0, 0, 0, 0);
}

/* ---- the process as the kernel has made it ---------------------------------------------------------------- */

struct process {
  char **variables;
  Elf64_auxv_t *auxiliary;
};

static struct process read_stack(uintptr_t *stack) {
  char **variables = (char **)(stack + 1 + stack[0] + 1); /* argc, argv[argc], NULL */
  char **end = variables;
  while (*end) end++;
  return (struct process){variables, (Elf64_auxv_t *)(end + 1)};
}

static uint64_t *find_auxiliary(Elf64_auxv_t *at, uint64_t type) {
  for (; at->a_type != AT_NULL; at++)
    if (at->a_type == type) return &at->a_un.a_val;
  fail("the kernel does not tell what a program needs to start", "", 0, "");
}

static int begins_with(const char *text, const char *start) {
  while (*start)
    if (*text++ != *start++) return 0;
  return 1;
}

static int is_nodes(const char *variable) {
  return begins_with(variable, "NODE_") || begins_with(variable, "UV_") || begins_with(variable, "OPENSSL_");
}

/*
 * Takes Node's variables out of the list, and moves up what lies behind it. The strings stay where they are: a program
 * that we become is given all of them, from /proc/self/environ.
 */
static void hide_variables(struct process *process) {
  char **to = process->variables, **from = to;
  const Elf64_auxv_t *auxiliary = process->auxiliary;
  for (; *from; from++)
    if (!is_nodes(*from)) *to++ = *from;
  *to++ = NULL;
  Elf64_auxv_t *moved = (Elf64_auxv_t *)to, each;
  process->auxiliary = moved;
  do {
    each = *auxiliary++; /* it may overlap with where it goes */
    *moved++ = each;
  } while (each.a_type != AT_NULL);
}

/* ---- libraries -------------------------------------------------------------------------------------------- */

/* Executable where the kernel tells the difference. With vm.memfd_noexec=2 it permits none, but maps their code. */
static int make_memfd(const char *name) {
  long fd = sys6(NR_memfd_create, (long)name, MFD_CLOEXEC | MFD_EXEC, 0, 0, 0, 0);
  if (fd == -EINVAL) fd = sys6(NR_memfd_create, (long)name, MFD_CLOEXEC, 0, 0, 0, 0); /* before Linux 6.3 */
  if (fd == -EACCES) fd = sys6(NR_memfd_create, (long)name, MFD_CLOEXEC | MFD_NOEXEC_SEAL, 0, 0, 0, 0);
  if (fd < 0) fail("the kernel makes no memfd for ", name, fd, "a sandbox may forbid it: memfd_create(2)");
  return (int)fd;
}

static void open_library(struct opened *library, const struct embedded *from) {
  static const char folder[] = "/proc/self/fd/";
  library->fd = make_memfd(from->name);
  for (const uint8_t *at = from->start; at < from->end;) {
    long written = sys6(NR_write, library->fd, (long)at, from->end - at, 0, 0, 0);
    if (written > 0)
      at += written;
    else if (written != -EINTR)
      fail("there is no memory for ", from->name, written, "");
  }
  char *to = library->path;
  for (const char *c = folder; *c; c++) *to++ = *c;
  *put_number(to, (unsigned)library->fd) = 0;
  long found = sys6(NR_faccessat, AT_FDCWD, (long)library->path, 0, 0, 0, 0);
  if (found < 0) fail("cannot open ", library->path, found, "/proc has to be mounted, and to show our own process");
}

/*
 * Puts the paths in the places of the first libraries that Node was linked with; these names go to the end. The build
 * has seen to it that there is room. The rest stays where debuggers expect it.
 */
static void need_libraries(Elf64_Dyn *dynamic) {
  uint64_t count = 0, strings = 0;
  for (; dynamic[count].d_tag != DT_NULL; count++)
    if (dynamic[count].d_tag == DT_STRTAB) strings = dynamic[count].d_un.d_ptr;
  for (int i = 0; i < LIBRARIES; i++) {
    dynamic[count + i] = dynamic[i];
    dynamic[i].d_un.d_val = (uintptr_t)opened[i].path - strings;
  }
}

/* ---- the dynamic linker ----------------------------------------------------------------------------------- */

struct linker {
  const char *path;
  int fd;
  Elf64_Ehdr head;
  Elf64_Phdr segments[HEADERS];
  uint64_t page;
  uintptr_t base;
};

static void open_linker(struct linker *linker) {
  linker->fd = (int)sys_openat(AT_FDCWD, linker->path, O_RDONLY | O_CLOEXEC);
  if (linker->fd < 0)
    fail("this machine's glibc is missing: cannot open ", linker->path, linker->fd,
         "where there is another libc, as Alpine's musl, timeskew runs with Node: npm install timeskew");
  Elf64_Ehdr *head = &linker->head;
  long n = sys6(NR_pread64, linker->fd, (long)head, sizeof *head, 0, 0, 0);
  int known = n == sizeof *head && head->e_ident[EI_MAG0] == ELFMAG0 && head->e_ident[EI_MAG1] == ELFMAG1 &&
              head->e_ident[EI_CLASS] == ELFCLASS64 && head->e_machine == TS_MACHINE && head->e_type == ET_DYN &&
              head->e_phentsize == sizeof(Elf64_Phdr) && head->e_phnum <= HEADERS;
  long size = head->e_phnum * (long)sizeof(Elf64_Phdr);
  if (known) n = sys6(NR_pread64, linker->fd, (long)linker->segments, size, (long)head->e_phoff, 0, 0);
  if (!known || n != size) fail("not a dynamic linker for this machine: ", linker->path, n < 0 ? n : 0, "");
}

static long map(uintptr_t at, uint64_t length, int protection, int flags, int fd, uint64_t offset) {
  return sys6(NR_mmap, (long)at, (long)length, protection, MAP_PRIVATE | flags, fd, (long)offset);
}

static void map_segment(const struct linker *linker, const Elf64_Phdr *segment) {
  uint64_t mask = linker->page - 1;
  uintptr_t start = linker->base + segment->p_vaddr, file_end = start + segment->p_filesz;
  uintptr_t first = start & ~mask, rest = (file_end + mask) & ~mask, end = (start + segment->p_memsz + mask) & ~mask;
  int protection = (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                   (segment->p_flags & PF_X ? PROT_EXEC : 0);
  long r = 0;
  if (segment->p_filesz > 0)
    r = map(first, file_end - first, protection, MAP_FIXED, linker->fd, segment->p_offset & ~mask);
  if (r >= 0 && segment->p_memsz > segment->p_filesz) {
    for (volatile uint8_t *at = (uint8_t *)file_end; at < (uint8_t *)rest; at++) *at = 0;
    if (end > rest) r = map(rest, end - rest, protection, MAP_FIXED | MAP_ANONYMOUS, -1, 0);
  }
  if (r < 0) fail("cannot map ", linker->path, r, "");
}

/* As the kernel does it: somewhere, in one piece. */
static void map_linker(struct linker *linker) {
  uintptr_t low = UINTPTR_MAX, high = 0;
  const Elf64_Phdr *end = linker->segments + linker->head.e_phnum;
  for (const Elf64_Phdr *each = linker->segments; each < end; each++) {
    if (each->p_type != PT_LOAD) continue;
    if (each->p_vaddr < low) low = each->p_vaddr;
    if (each->p_vaddr + each->p_memsz > high) high = each->p_vaddr + each->p_memsz;
  }
  low &= ~(linker->page - 1);
  long at = map(0, high - low, 0, MAP_ANONYMOUS, -1, 0);
  if (at < 0) fail("there is no memory for ", linker->path, at, "");
  linker->base = (uintptr_t)at - low;
  for (const Elf64_Phdr *each = linker->segments; each < end; each++)
    if (each->p_type == PT_LOAD) map_segment(linker, each);
  (void)sys_close(linker->fd);
}

/* ---- the two beginnings ----------------------------------------------------------------------------------- */

void resume(void);

/* @return where to go on: the dynamic linker's entry. The stack is that of a program that has just been started. */
uintptr_t begin(uintptr_t *stack) {
  struct process process = read_stack(stack);
  struct linker linker;
  Elf64_Dyn *dynamic = NULL;
  linker.path = NULL;
  for (uint64_t i = 0; i < given.count; i++) {
    Elf64_Phdr *header = &given.headers[i];
    if (header->p_type == PT_DYNAMIC) dynamic = (Elf64_Dyn *)header->p_vaddr;
    if (header->p_type != PT_HIDDEN_INTERP) continue;
    header->p_type = PT_INTERP; /* for the dynamic linker, which looks for its own name */
    linker.path = (const char *)header->p_vaddr;
  }
  hide_variables(&process);
  for (int i = 0; i < LIBRARIES; i++) open_library(&opened[i], &embedded[i]);
  need_libraries(dynamic);
  linker.page = *find_auxiliary(process.auxiliary, AT_PAGESZ);
  open_linker(&linker);
  map_linker(&linker);
  *find_auxiliary(process.auxiliary, AT_BASE) = linker.base;
  *find_auxiliary(process.auxiliary, AT_ENTRY) = (uintptr_t)resume;
  *find_auxiliary(process.auxiliary, AT_PHDR) = (uintptr_t)given.headers; /* before Linux 5.18 it is computed wrongly */
  return linker.base + linker.head.e_entry;
}

/* @return where to go on: Node's entry */
uintptr_t end(void) {
  for (int i = 0; i < LIBRARIES; i++) (void)sys_close(opened[i].fd);
  return given.entry;
}
