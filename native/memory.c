/*
 * memory.c - reading and writing the target's memory, by whichever way this kernel and this sandbox allow:
 * /proc/PID/mem (writes read-only pages too, unless forbidden by proc_mem.force_override), process_vm_readv/writev,
 * or ptrace word by word, which always works on a stopped thread.
 */
#include "session.h"

int memory_read(struct session *s, uint64_t address, void *into, size_t n) {
  long r = sys_process_vm(NR_process_vm_readv, s->pid, into, address, n);
  if (r == (long)n) return 0;
  /*
   * Short, or a fault: a hole, or a guard page, which /proc/PID/mem would read as zeros and so lead a scan of one
   * stack into the next. Only a refusal is worth the other ways.
   */
  if (r >= 0 || r == -EFAULT) return -EFAULT;
  if (s->mem >= 0 && sys_pread(s->mem, into, n, address) == (long)n) return 0;
  struct thread *t = session_stopped(s);
  if (!t) return -ESRCH;
  for (size_t at = 0; at < n;) {
    uint64_t word, from = (address + at) & ~7ull;
    size_t skip = (address + at) - from, take = 8 - skip < n - at ? 8 - skip : n - at;
    long peeked = sys_ptrace(PTRACE_PEEKDATA, t->tid, from, (uintptr_t)&word);
    if (peeked < 0) return peeked == -EIO ? -EFAULT : (int)peeked; /* ptrace's word for a hole */
    copy_bytes((uint8_t *)into + at, (uint8_t *)&word + skip, take);
    at += take;
  }
  return 0;
}

#define MOST_PAGES 8

long memory_read_pages(struct session *s, uint64_t address, void *into, size_t n) {
  /* A transfer ends with the last page that could be read: each is an element of its own. */
  struct iovec here = {into, 0}, there[MOST_PAGES];
  int pages = 0;
  for (uint64_t at = address, end = address + n; at < end && pages < MOST_PAGES; pages++) {
    uint64_t page_end = (at & ~(uint64_t)(PAGE - 1)) + PAGE;
    size_t take = page_end < end ? page_end - at : end - at;
    there[pages] = (struct iovec){(void *)(uintptr_t)at, take};
    here.length += take;
    at += take;
  }
  long r = sys6(NR_process_vm_readv, s->pid, (long)&here, 1, (long)there, pages, 0);
  if (r >= 0) return r;
  if (r == -EFAULT) return 0;
  r = memory_read(s, address, into, there[0].length);
  return r == 0 ? (long)there[0].length : r == -EFAULT ? 0 : r;
}

int memory_read_words(struct session *s, const struct ts_step *steps, uint32_t count, uint64_t *words) {
  struct iovec here = {words, count * sizeof *words}, there[MOST_WORDS];
  for (uint32_t i = 0; i < count; i++) there[i] = (struct iovec){(void *)(uintptr_t)steps[i].address, sizeof *words};
  if (sys6(NR_process_vm_readv, s->pid, (long)&here, 1, (long)there, count, 0) == (long)here.length) return 0;
  int r = 0;
  for (uint32_t i = 0; r == 0 && i < count; i++) r = memory_read(s, steps[i].address, &words[i], sizeof *words);
  return r;
}

static int poke_bytes(struct session *s, uint64_t address, const void *from, size_t n) {
  struct thread *t = session_runner(s);
  if (!t) return -ESRCH;
  for (size_t at = 0; at < n;) {
    uint64_t word, to = (address + at) & ~7ull;
    size_t skip = (address + at) - to, take = 8 - skip < n - at ? 8 - skip : n - at;
    if (take < 8) {
      long peeked = sys_ptrace(PTRACE_PEEKDATA, t->tid, to, (uintptr_t)&word);
      if (peeked < 0) return (int)peeked;
    }
    copy_bytes((uint8_t *)&word + skip, (const uint8_t *)from + at, take);
    long poked = sys_ptrace(PTRACE_POKEDATA, t->tid, to, word);
    if (poked < 0) return (int)poked;
    at += take;
  }
  return 0;
}

int memory_write(struct session *s, uint64_t address, const void *from, size_t n) {
  if (s->mem >= 0 && sys_pwrite(s->mem, from, n, address) == (long)n) return 0;
  return poke_bytes(s, address, from, n);
}

int memory_poke(struct session *s, uint64_t address, const void *bytes) {
  uint64_t word;
  if (!within_a_page(address, sizeof word)) return -EINVAL; /* the kernel would write to each page by itself */
  struct thread *t = session_runner(s);
  if (!t) return -ESRCH;
  copy_bytes(&word, bytes, sizeof word);
  return (int)sys_ptrace(PTRACE_POKEDATA, t->tid, address, word);
}

int memory_poke_word(struct session *s, uint64_t address, uint64_t value) {
  uint32_t bytes = stack_word(s->compat), at = address & 7;
  uint64_t both = value;
  if (at + bytes > sizeof both) return -EINVAL;
  if (bytes < sizeof both) { /* its neighbour is written anew */
    int r = memory_read(s, address - at, &both, sizeof both);
    if (r < 0) return r;
    copy_bytes((uint8_t *)&both + at, &value, bytes);
  }
  return memory_poke(s, address - at, &both);
}

/* ---- without a session: the target runs on ----------------------------------------------------------------- */

int ts_read(int proc, int pid, uint64_t address, void *into, uint64_t length) {
  if (sys_process_vm(NR_process_vm_readv, pid, into, address, length) == (long)length) return 0;
  int mem = (int)sys_openat(proc, "mem", O_RDONLY | O_CLOEXEC);
  if (mem < 0) return mem;
  long r = sys_pread(mem, into, length, address);
  (void)sys_close(mem);
  return r == (long)length ? 0 : r < 0 ? (int)r : -EFAULT;
}

int ts_write(int proc, int pid, uint64_t address, const void *from, uint64_t length) {
  /* Through the descriptor first: it names this process, whatever became of its number. */
  int mem = (int)sys_openat(proc, "mem", O_RDWR | O_CLOEXEC);
  if (mem >= 0) {
    long r = sys_pwrite(mem, from, length, address);
    (void)sys_close(mem);
    if (r == (long)length) return 0;
  }
  long r = sys_process_vm(NR_process_vm_writev, pid, (void *)(uintptr_t)from, address, length);
  return r == (long)length ? 0 : r < 0 ? (int)r : -EFAULT;
}
