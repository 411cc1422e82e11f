/*
 * multiplexed.c - a 32-bit program's calls that stand for several, told by the first argument.
 */
#include "multiplexed.h"

_Static_assert(offsetof(struct ts_mark, vdso_address) == 48 && offsetof(struct ts_mark, vdso_size) == 56, "vsyscall.S");
_Static_assert(offsetof(struct ts_call, args) == 4 && sizeof(struct ts_call) == 40, "vsyscall.S");

/* vsyscall.S: the same, if it is no socketcall's. */
long ts_make_directly(const struct ts_call *call);

long ts_make(const struct ts_call *call) {
  if (!call->socket) return ts_make_directly(call);
  struct ts_call whole = *call;
  whole.number = NR_socketcall;
  whole.args[0] = call->socket;
  whole.args[1] = (uintptr_t)call->args;
  return ts_make_directly(&whole);
}

/* semtimedop, of which the last argument is the time. The upper half of the first may hold a version. */
int ts_ipc(struct ts_call *call, struct settings settings) {
  enum { SEMTIMEDOP = 4, TIMEOUT = 5 };
  return (call->args[0] & 0xffff) == SEMTIMEDOP ? ts_duration(call, TIMEOUT, 1, settings) : IN_PLACE;
}

/*
 * Those with times in them have five arguments, in memory, and are translated as the call of their own that there is,
 * too.
 */
int ts_socketcall(struct ts_call *call) {
  enum { SETSOCKOPT = 14, GETSOCKOPT = 15, RECVMMSG = 19, ARGUMENTS = 5 };
  uintptr_t which = call->args[0], theirs = call->args[1];
  struct ts_call direct = {.socket = which};
  direct.called = which == SETSOCKOPT ? NR_setsockopt : which == GETSOCKOPT ? NR_getsockopt : NR_recvmmsg_of_old;
  if (which != SETSOCKOPT && which != GETSOCKOPT && which != RECVMMSG) return IN_PLACE;
  for (int i = 0; i < ARGUMENTS - 1; i++)
    if (!ts_readable(call, theirs + sizeof(direct.args[0]) * i)) return IN_PLACE;
  for (int i = 0; i < ARGUMENTS; i++) direct.args[i] = ((const volatile uintptr_t *)theirs)[i];
  direct.number = (long)direct.called;
  if (ts_translate(&direct) == IN_PLACE) return IN_PLACE;
  call->number = direct.number;
  return MADE;
}
