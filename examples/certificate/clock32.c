/*
 * Says what time it is for a second and a half, each answer once. Built for 32 bits, where time_t has as many, unless
 * one asks for 64.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(void)
{
    time_t last = 0;

    for (int i = 0; i < 15; i++) {
        errno = 0;
        time_t now = time(NULL);
        if (now != last)
            printf("time() = %lld%s%s\n", (long long)now, errno ? ": " : "", errno ? strerror(errno) : "");
        last = now;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return 0;
}
