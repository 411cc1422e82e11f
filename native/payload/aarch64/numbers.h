/*
 * aarch64/numbers.h - system calls (include/uapi/asm-generic/unistd.h). poll, select, epoll_wait, alarm and time are
 * functions of the C library here.
 */
#define NR_io_getevents 4
#define NR_epoll_pwait 22
#define NR_openat 56
#define NR_close 57
#define NR_read 63
#define NR_pselect6 72
#define NR_ppoll 73
#define NR_timerfd_settime 86
#define NR_timerfd_gettime 87
#define NR_futex 98
#define NR_nanosleep 101
#define NR_getitimer 102
#define NR_setitimer 103
#define NR_timer_gettime 108
#define NR_timer_settime 110
#define NR_clock_gettime 113
#define NR_clock_getres 114
#define NR_clock_nanosleep 115
#define NR_rt_sigtimedwait 137
#define NR_gettimeofday 169
#define NR_mq_timedsend 182
#define NR_mq_timedreceive 183
#define NR_semtimedop 192
#define NR_setsockopt 208
#define NR_getsockopt 209
#define NR_recvmmsg 243
#define NR_io_pgetevents 292
#define NR_epoll_pwait2 441
#define NR_futex_waitv 449
