/*
 * x86_64/numbers.h - system calls (arch/x86/entry/syscalls/syscall_64.tbl).
 */
#define NR_read 0
#define NR_close 3
#define NR_poll 7
#define NR_select 23
#define NR_nanosleep 35
#define NR_getitimer 36
#define NR_alarm 37
#define NR_setitimer 38
#define NR_setsockopt 54
#define NR_getsockopt 55
#define NR_gettimeofday 96
#define NR_rt_sigtimedwait 128
#define NR_time 201
#define NR_futex 202
#define NR_io_getevents 208
#define NR_semtimedop 220
#define NR_timer_settime 223
#define NR_timer_gettime 224
#define NR_clock_gettime 228
#define NR_clock_getres 229
#define NR_clock_nanosleep 230
#define NR_epoll_wait 232
#define NR_mq_timedsend 242
#define NR_mq_timedreceive 243
#define NR_openat 257
#define NR_pselect6 270
#define NR_ppoll 271
#define NR_epoll_pwait 281
#define NR_timerfd_settime 286
#define NR_timerfd_gettime 287
#define NR_recvmmsg 299
#define NR_io_pgetevents 333
#define NR_epoll_pwait2 441
#define NR_futex_waitv 449
