/*
 * A 32-bit program whose threads stand wherever a 32-bit thread can stand: `compat`. Some spin with a constant in every
 * register and look whether it stays; some wait, each in a call of its own, made by int 0x80 or by the vDSO, that must
 * end as it should, not before its time, with all registers as they were; some are sent signals without a pause, with
 * either kind of frame.
 *
 * Its first line tells addresses: of two equal loops, in the first of which three threads stand (one of them below a
 * handler of the older kind of frame, one below one of the newer kind, on a stack of its own), and of a routine in
 * which one thread sleeps by way of the vDSO, while another one, which sleeps in the vDSO too, has its address all over
 * its stack.
 *
 * "settle" is answered when every thread that waits has begun and ended another call: {"calls", "interrupted",
 * "signals", "loops", "violations"}; interrupted are those that ended with EINTR, loops the turns of either loop.
 * "leave" lets those in handlers return. The end of stdin ends the program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 20
#define TICK_MS 10 /* the longest of a kernel: a socket's timeout begins in the middle of one */
#define MILLISECOND 1000000
#define PLAIN (SIGRTMIN + 3)    /* struct sigframe_ia32 */
#define INFORMED (SIGRTMIN + 4) /* struct rt_sigframe_ia32 */

struct time32 {
	int32_t sec, nsec;
};
struct time64 {
	int64_t sec;
	int32_t nsec, padding;
};

/* ---- what the threads stand in ----------------------------------------------------------------------------------- */

struct call {
	uint32_t number, arguments[6];
	void *via; /* the vDSO's __kernel_vsyscall, or NULL: int 0x80 */
	uint32_t after[6];
};

/* Makes the call, and notes what is in the registers afterwards. */
long make(struct call *call);
/* 0, or which register has changed. */
int spin(int rounds);
extern char loop_a[], loop_b[], inside[], inside_end[];
/* Sleeps: struct timespec. */
long inside_nap(const struct time32 *time, void *via);
_Atomic uint32_t turns_a, turns_b;

__asm__(".text\n"
	"make:\n"
	"	push %ebp; push %ebx; push %esi; push %edi\n"
	"	mov 20(%esp), %eax\n"
	"	pushl 28(%eax)\n"
	"	mov 4(%eax), %ebx; mov 8(%eax), %ecx; mov 12(%eax), %edx\n"
	"	mov 16(%eax), %esi; mov 20(%eax), %edi; mov 24(%eax), %ebp\n"
	"	mov (%eax), %eax\n"
	"	cmpl $0, (%esp)\n"
	"	je 1f\n"
	"	call *(%esp)\n"
	"	jmp 2f\n"
	"1:	int $0x80\n"
	"2:	push %eax\n"
	"	mov 28(%esp), %eax\n"
	"	mov %ebx, 32(%eax); mov %ecx, 36(%eax); mov %edx, 40(%eax)\n"
	"	mov %esi, 44(%eax); mov %edi, 48(%eax); mov %ebp, 52(%eax)\n"
	"	pop %eax\n"
	"	add $4, %esp\n"
	"	pop %edi; pop %esi; pop %ebx; pop %ebp\n"
	"	ret\n"
	"spin:\n"
	"	push %ebp; push %ebx; push %esi; push %edi\n"
	"	pushl 20(%esp)\n"
	"	mov $0x81111111, %eax; mov $0x82222222, %ebx; mov $0x83333333, %ecx; mov $0x84444444, %edx\n"
	"	mov $0x85555555, %esi; mov $0x86666666, %edi; mov %esp, %ebp\n"
	"1:	cmp $0x81111111, %eax; mov $1, %eax; jne 2f\n"
	"	mov $0x81111111, %eax\n"
	"	cmp $0x82222222, %ebx; jne 2f\n"
	"	cmp $0x83333333, %ecx; jne 2f\n"
	"	cmp $0x84444444, %edx; jne 2f\n"
	"	cmp $0x85555555, %esi; jne 2f\n"
	"	cmp $0x86666666, %edi; jne 2f\n"
	"	cmp %esp, %ebp; jne 2f\n"
	"	stc\n"
	"	jnc 2f\n"
	"	decl (%esp)\n"
	"	jnz 1b\n"
	"	xor %eax, %eax\n"
	"2:	lea 4(%esp), %esp\n"
	"	pop %edi; pop %esi; pop %ebx; pop %ebp\n"
	"	ret\n"
	"loop_a:	lock incl turns_a; nop; jmp loop_a\n"
	"loop_b:	lock incl turns_b; nop; jmp loop_b\n"
	"inside_nap:\n"
	"	push %ebx\n"
	"	mov 8(%esp), %ebx; mov 12(%esp), %edx; xor %ecx, %ecx; mov $162, %eax\n"
	"inside:	call *%edx\n"
	"	nop\n"
	"inside_end:	pop %ebx\n"
	"	ret\n");

/* ---- what has gone wrong ----------------------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	int count;
	char first[4][160];
} violations = {.lock = PTHREAD_MUTEX_INITIALIZER};

__attribute__((format(printf, 1, 2))) static void violation(const char *format, ...)
{
	va_list values;

	pthread_mutex_lock(&violations.lock);
	if (violations.count < 4) {
		va_start(values, format);
		vsnprintf(violations.first[violations.count], sizeof(violations.first[0]), format, values);
		va_end(values);
	}
	violations.count++;
	pthread_mutex_unlock(&violations.lock);
}

static int64_t now(void)
{
	struct time64 t;

	syscall(403 /* clock_gettime64 */, CLOCK_MONOTONIC, &t);
	return t.sec * 1000000000 + t.nsec;
}

/* ---- waits ------------------------------------------------------------------------------------------------------- */

static void *vsyscall;
static int sockets[2], events, semaphores;
static const struct time32 short_wait = {0, WAIT_MS * MILLISECOND};
/* The upper half of tv_nsec is nobody's. */
static const struct time64 long_wait = {0, WAIT_MS * MILLISECOND, -1};
static const uint32_t word;
static const uint64_t no_signals = 1ull << (40 - 1);
static struct sembuf take = {0, -1, 0};
static char bytes[64];

#define P(pointer) ((uint32_t)(uintptr_t)(pointer))
#define AT(...) P(((uint32_t[]){__VA_ARGS__}))

struct kind {
	const char *name;
	long expected;
	uint32_t number, arguments[6];
	int timeout; /* the argument that says how long: timeskew shortens it for a thread that it has to wake */
};

static struct kind kinds[24];
static int kind_count;

/* Some kernels do not have it. */
static void add(struct kind kind)
{
	struct call call = {.number = kind.number, .arguments = {-1u, -1u, -1u, -1u, -1u, -1u}};

	if (make(&call) != -ENOSYS)
		kinds[kind_count++] = kind;
}

static void set_kinds(void)
{
	static uint32_t receive[4], receive_from[6];
	uint32_t fd = (uint32_t)sockets[0];

	memcpy(receive, (uint32_t[]){fd, P(bytes), 1, 0}, sizeof(receive));
	memcpy(receive_from, (uint32_t[]){fd, P(bytes), 1, 0, 0, 0}, sizeof(receive_from));
	add((struct kind){"nanosleep", 0, 162, {P(&short_wait)}, 0});
	add((struct kind){"clock_nanosleep", 0, 267, {CLOCK_MONOTONIC, 0, P(&short_wait)}, 2});
	add((struct kind){"clock_nanosleep_time64", 0, 407, {CLOCK_MONOTONIC, 0, P(&long_wait)}, 2});
	add((struct kind){"futex", -ETIMEDOUT, 240, {P(&word), 128, 0, P(&short_wait)}, 3});
	add((struct kind){"futex_time64", -ETIMEDOUT, 422, {P(&word), 128, 0, P(&long_wait)}, 3});
	add((struct kind){"poll", 0, 168, {0, 0, WAIT_MS}, 2});
	add((struct kind){"ppoll", 0, 309, {0, 0, P(&short_wait), 0, 8}, 2});
	add((struct kind){"epoll_wait", 0, 256, {(uint32_t)events, P(bytes), 1, WAIT_MS}, 3});
	add((struct kind){"epoll_pwait", 0, 319, {(uint32_t)events, P(bytes), 1, WAIT_MS, 0, 8}, 3});
	add((struct kind){"epoll_pwait2", 0, 441, {(uint32_t)events, P(bytes), 1, P(&long_wait), 0, 8}, 3});
	add((struct kind){"rt_sigtimedwait", -EAGAIN, 177, {P(&no_signals), 0, P(&short_wait), 8}, 2});
	add((struct kind){"rt_sigtimedwait_time64", -EAGAIN, 421, {P(&no_signals), 0, P(&long_wait), 8}, 2});
	add((struct kind){"ipc", -EAGAIN, 117, {4, (uint32_t)semaphores, 1, 0, P(&take), P(&short_wait)}, 5});
	add((struct kind){"semtimedop_time64", -EAGAIN, 420, {(uint32_t)semaphores, P(&take), 1, P(&long_wait)}, 3});
	add((struct kind){"recv", -EAGAIN, 102, {10, P(receive)}, 5});
	add((struct kind){"recvfrom by socketcall", -EAGAIN, 102, {12, P(receive_from)}, 5});
	add((struct kind){"recvfrom", -EAGAIN, 371, {fd, P(bytes), 1, 0, 0, 0}, 5});
	add((struct kind){"read", -EAGAIN, 3, {fd, P(bytes), 1}, 5});
}

struct waiter {
	const struct kind *kind;
	void *via;
	_Atomic unsigned begun, ended;
};

static struct waiter waiters[2 * 24];
static int waiter_count;
static _Atomic unsigned interrupted;

static void wait_once(struct waiter *w)
{
	struct call call = {.number = w->kind->number, .via = w->via};
	struct time32 span = short_wait; /* of its own: ppoll notes the rest there, and answers EINTR where it cannot */
	int64_t start = now();

	memcpy(call.arguments, w->kind->arguments, sizeof(call.arguments));
	for (int i = 0; i < 6; i++)
		if (call.arguments[i] == P(&short_wait))
			call.arguments[i] = P(&span);
	long result = make(&call);
	int64_t took = now() - start;

	if (result == -EINTR)
		atomic_fetch_add(&interrupted, 1);
	else if (result != w->kind->expected)
		violation("%s ended with %ld%s", w->kind->name, result, w->via ? " in the vDSO" : "");
	else if (took < (WAIT_MS - TICK_MS) * MILLISECOND)
		violation("%s ended after %lld ns", w->kind->name, (long long)took);
	for (int i = 0; i < 6; i++)
		if (call.after[i] != call.arguments[i] && i != w->kind->timeout)
			violation("%s changed argument %d", w->kind->name, i);
}

static void *wait(void *waiter)
{
	struct waiter *w = waiter;

	for (;;) {
		atomic_fetch_add(&w->begun, 1);
		wait_once(w);
		atomic_fetch_add(&w->ended, 1);
	}
	return NULL;
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

#define SPINNERS 2

static _Atomic unsigned sent, received;
static _Thread_local int lasts;
static _Atomic int left;

static void on_plain(int signal)
{
	(void)signal;
	atomic_fetch_add(&received, 1);
}

static void on_informed(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	if (info->si_value.sival_int != lasts + 1)
		violation("signal %d came behind %d", info->si_value.sival_int, lasts);
	if (registers[REG_CS] != 0x23)
		violation("cs is %#x", registers[REG_CS]);
	lasts = info->si_value.sival_int;
	atomic_fetch_add(&received, 1);
}

static void *spin_on(void *unused)
{
	(void)unused;
	for (;;) {
		int wrong = spin(1000000);
		if (wrong)
			violation("a register has changed");
	}
	return NULL;
}

static void *send_signals(void *threads)
{
	int number = 0;

	for (;;) {
		number++;
		for (int i = 0; i < SPINNERS; i++) {
			const union sigval value = {.sival_int = number};

			while (pthread_sigqueue(((pthread_t *)threads)[i], INFORMED, value) == EAGAIN)
				;
			while (pthread_kill(((pthread_t *)threads)[i], PLAIN) == EAGAIN)
				;
			atomic_fetch_add(&sent, 2);
		}
		while (atomic_load(&sent) - atomic_load(&received) > 32)
			;
		usleep(100);
	}
	return NULL;
}

/* ---- threads that stand where a session looks -------------------------------------------------------------------- */

static _Atomic int staying;

/* Above the loop only: the thread may not have come there yet. */
static void stay(uintptr_t interrupted)
{
	if (interrupted < P(loop_a) || interrupted >= P(loop_b))
		return;
	atomic_fetch_add(&staying, 1);
	while (!atomic_load(&left))
		usleep(1000);
}

static void stay_plain(int signal, struct sigcontext context)
{
	(void)signal;
	stay(context.eip);
}

static void stay_informed(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	stay((uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_EIP]);
}

static void interrupt(pthread_t thread, int signal)
{
	int before = atomic_load(&staying);

	while (atomic_load(&staying) == before) {
		pthread_kill(thread, signal);
		usleep(1000);
	}
}

static void *loop(void *unused)
{
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};

	(void)unused;
	sigaltstack(&stack, NULL);
	((void (*)(void))loop_a)();
	return NULL;
}

static void *nap_inside(void *unused)
{
	static const struct time32 hour = {3600, 0};

	(void)unused;
	inside_nap(&hour, vsyscall);
	return NULL;
}

static void *nap_outside(void *unused)
{
	static const struct time32 hour = {3600, 0};
	volatile uint32_t remains[512];
	struct call call = {.number = 162, .arguments = {P(&hour)}, .via = vsyscall};

	(void)unused;
	for (int i = 0; i < 512; i++)
		remains[i] = P(inside_end);
	make(&call);
	return (void *)(uintptr_t)remains[7];
}

/* ------------------------------------------------------------------------------------------------------------------ */

static pthread_t begin(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, argument))
		exit(1);
	return thread;
}

static void handle(int signal, void *handler, int flags)
{
	struct sigaction action = {.sa_flags = flags};

	action.sa_sigaction = (void (*)(int, siginfo_t *, void *))handler;
	sigaction(signal, &action, NULL);
}

static void settle(void)
{
	unsigned calls = 0;

	for (int i = 0; i < waiter_count; i++) {
		unsigned goal = atomic_load(&waiters[i].begun) + 1;

		while (atomic_load(&waiters[i].ended) < goal)
			usleep(1000);
		calls += atomic_load(&waiters[i].ended);
	}
	printf("{\"calls\":%u,\"interrupted\":%u,\"signals\":%u,\"loops\":[%u,%u],\"violations\":[", calls, interrupted,
	       received, turns_a, turns_b);
	for (int i = 0; i < violations.count && i < 4; i++)
		printf("%s\"%s\"", i ? "," : "", violations.first[i]);
	printf("]}\n");
	fflush(stdout);
}

int main(void)
{
	static pthread_t spinners[SPINNERS];
	const struct timeval timeout = {0, WAIT_MS * 1000};
	char line[16];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	vsyscall = (void *)getauxval(AT_SYSINFO);
	events = epoll_create1(0);
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) || events < 0 || semaphores < 0 || !vsyscall)
		return 1;
	setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	set_kinds();
	handle(PLAIN, (void *)on_plain, SA_RESTART);
	handle(INFORMED, (void *)on_informed, SA_RESTART | SA_SIGINFO);
	handle(SIGUSR1, (void *)stay_plain, 0);
	handle(SIGUSR2, (void *)stay_informed, SA_SIGINFO | SA_ONSTACK);
	for (int i = 0; i < 2 * kind_count; i++) {
		waiters[i] = (struct waiter){.kind = &kinds[i / 2], .via = i % 2 ? vsyscall : NULL};
		begin(wait, &waiters[i]);
		waiter_count++;
	}
	for (int i = 0; i < SPINNERS; i++)
		spinners[i] = begin(spin_on, NULL);
	begin(send_signals, spinners);
	begin(loop, NULL);
	interrupt(begin(loop, NULL), SIGUSR1);
	interrupt(begin(loop, NULL), SIGUSR2);
	begin(nap_inside, NULL);
	begin(nap_outside, NULL);
	usleep(100000);
	printf("{\"a\":%u,\"b\":%u,\"inside\":[%u,%u]}\n", P(loop_a), P(loop_b), P(inside), P(inside_end));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (line[0] == 'l')
			atomic_store(&left, 1);
		settle();
	}
	semctl(semaphores, 0, IPC_RMID);
	return 0;
}
