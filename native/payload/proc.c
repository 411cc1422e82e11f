/*
 * proc.c - which clock a timer runs by: the kernel tells it in /proc only.
 *
 * On a stack that may be small: 64 bytes of a file at a time, and not for ever.
 */
#include "calls.h"

struct reader {
  int fd;
  int at, length; /* in bytes[] */
  int reads;      /* that may still be made */
  char bytes[64];
};

/* About 16 KiB: 200 timers. */
#define READS 256
#define END (-1)

static int next(struct reader *reader) {
  if (reader->at >= reader->length) {
    if (reader->reads-- <= 0) return END;
    uintptr_t buffer = (uintptr_t)reader->bytes;
    reader->length = (int)system_call(NR_read, (uintptr_t)reader->fd, buffer, sizeof(reader->bytes), 0);
    reader->at = 0;
    if (reader->length <= 0) return END;
  }
  return (unsigned char)reader->bytes[reader->at++];
}

/* The number in the next line that begins with `key`, or NO_CLOCK. */
static out_of_line int value_of(struct reader *reader, const char *key) {
  int byte = '\n';
  for (;;) {
    const char *rest = key;
    while (*rest && (byte = next(reader)) == *rest) rest++;
    if (!*rest) break;
    while (byte != '\n' && byte != END) byte = next(reader);
    if (byte == END) return NO_CLOCK;
  }
  while ((byte = next(reader)) == ' ' || byte == '\t') continue;
  int sign = byte == '-' ? -1 : 1, value = 0;
  if (sign < 0) byte = next(reader);
  if (byte == '\n') return NO_CLOCK;
  for (; byte >= '0' && byte <= '9' && value < NO_CLOCK / 10; byte = next(reader)) value = value * 10 + byte - '0';
  return byte == '\n' ? sign * value : NO_CLOCK;
}

static char *append(char *to, const char *text) {
  while (*text) *to++ = *text++;
  *to = 0;
  return to;
}

static void append_number(char *to, unsigned number) {
  char *end = to;
  for (unsigned rest = number; end == to || rest; rest /= 10) end++;
  for (*end = 0; end > to; number /= 10) *--end = (char)('0' + number % 10);
}

/* The path is in the buffer that the contents are read into. */
static int open_path(struct reader *reader) {
  enum { AT_FDCWD = -100, O_RDONLY = 0, O_CLOEXEC = 02000000 };
  uintptr_t path = (uintptr_t)reader->bytes;
  reader->fd = (int)system_call(NR_openat, (uintptr_t)AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  reader->at = reader->length = 0;
  reader->reads = READS;
  return reader->fd >= 0;
}

static void close_file(const struct reader *reader) {
  system_call(NR_close, (uintptr_t)reader->fd, 0, 0, 0);
}

/* Threads may have descriptors of their own. */
int ts_clock_of_timerfd(int fd) {
  struct reader reader;
  append_number(append(reader.bytes, "/proc/thread-self/fdinfo/"), (unsigned)fd);
  if (!open_path(&reader)) return NO_CLOCK;
  int clock = value_of(&reader, "clockid:");
  close_file(&reader);
  return clock;
}

int ts_clock_of_timer(int id) {
  struct reader reader;
  append(reader.bytes, "/proc/self/timers");
  if (!open_path(&reader)) return NO_CLOCK;
  int found;
  do found = value_of(&reader, "ID:");
  while (found != id && found != NO_CLOCK);
  int clock = found == id ? value_of(&reader, "ClockID:") : NO_CLOCK;
  close_file(&reader);
  return clock;
}
