/*
 * clock32.c - a 32-bit program's clock_gettime of old, with 32 bits for seconds: what clock_gettime64 reads, cut as the
 * kernel cuts it.
 *
 * Where the original makes a system call it is asked first, so that a bad pointer, and a clock that there is not, stay
 * the kernel's to judge.
 */
#include "../slot.h"
#include "clock32.h"

static int is_selected(int id) {
  const struct ts_slot *slot;
  uintptr_t generation;
  int selected;
  do {
    slot = active_slot();
    generation = begin(slot);
    selected = selection(slot) >> id & 1;
  } while (!settled(slot, generation));
  return selected;
}

long ts_clock_gettime32(int id, struct ts_timespec32 *out) {
  struct ts_timespec time;
  long result;
  if ((uint32_t)id >= 32 || !(VDSO_CLOCKS >> id & 1)) {
    result = ts_original_clock_gettime32(id, out);
    if (result || (uint32_t)id >= 32 || !is_selected(id)) return result;
  }
  result = ts_clock_gettime(id, &time);
  if (likely(!result)) *out = (struct ts_timespec32){(int32_t)time.sec, (int32_t)time.nsec};
  return result;
}
