/*
 * Prints the time that it believes it is, once for each line that it reads: a target for timeskew.
 *
 *     cc -O2 -o /tmp/clock examples/clock.c && /tmp/clock      press Enter, and again after an injection
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

int main(void) {
  struct timespec now;

  /* Where Yama lets only ancestors trace a process, this one permits everybody. */
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);

  while (getchar() != EOF) {
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%lld.%03ld\n", (long long)now.tv_sec, now.tv_nsec / 1000000);
    fflush(stdout);
  }
  return 0;
}
