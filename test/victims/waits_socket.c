/* Kinds of wait for waits.c: sockets, with the timeouts that belong to them, and calls that are half done. */
#include "waits.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define BLOCK 4096

static char block[4 * BLOCK];

static void set_timeout(int fd, int option)
{
	struct timeval asked = {ASKED / SECOND, 0};

	need(setsockopt(fd, SOL_SOCKET, option, &asked, sizeof(asked)), "setsockopt");
}

static void make_impatient_pair(struct job *job)
{
	make_socket_pair(job, SOCK_STREAM);
	set_timeout(job->fd, SO_RCVTIMEO);
}

static void make_impatient_datagrams(struct job *job)
{
	make_socket_pair(job, SOCK_DGRAM);
	set_timeout(job->fd, SO_RCVTIMEO);
}

static void make_stream(struct job *job)
{
	make_socket_pair(job, SOCK_STREAM);
}

static void make_datagrams(struct job *job)
{
	make_socket_pair(job, SOCK_DGRAM);
}

/* An address that the kernel chooses, bound to job->fd. */
static void listen_at(struct job *job, int family, struct sockaddr_storage *address, socklen_t *size)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un any = {.sun_family = AF_UNIX};

	job->fd = (int)need(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	if (family == AF_INET)
		need(bind(job->fd, (struct sockaddr *)&local, sizeof(local)), "bind");
	else
		need(bind(job->fd, (struct sockaddr *)&any, sizeof(any.sun_family)), "bind");
	need(listen(job->fd, 0), "listen");
	*size = sizeof(*address);
	need(getsockname(job->fd, (struct sockaddr *)address, size), "getsockname");
}

/* fd: a connected TCP socket, peer: the other end. */
static void make_tcp(struct job *job)
{
	struct sockaddr_storage address;
	socklen_t size;
	int listener;

	listen_at(job, AF_INET, &address, &size);
	listener = job->fd;
	job->peer = (int)need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	need(connect(job->peer, (struct sockaddr *)&address, size), "connect");
	job->fd = (int)need(accept(listener, NULL, NULL), "accept");
	set_timeout(job->fd, SO_RCVTIMEO);
}

static void make_udp(struct job *job)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	job->fd = (int)need(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	need(bind(job->fd, (struct sockaddr *)&local, sizeof(local)), "bind");
	set_timeout(job->fd, SO_RCVTIMEO);
}

static void recv_(struct job *job)
{
	char byte = 0;

	CALL(job, SYS_recvfrom, job->fd, &byte, 1, 0, NULL, NULL);
	exactly(job, byte);
}

static void recv_all(struct job *job)
{
	char bytes[2] = {0};

	CALL(job, SYS_recvfrom, job->fd, bytes, 2, MSG_WAITALL, NULL, NULL);
	exactly(job, bytes[1]);
}

static void read_(struct job *job)
{
	char byte = 0;

	CALL(job, SYS_read, job->fd, &byte, 1);
	exactly(job, byte);
}

static void readv_(struct job *job)
{
	char byte = 0;
	struct iovec vector = {&byte, 1};

	CALL(job, SYS_readv, job->fd, &vector, 1);
}

static void recvmsg_(struct job *job)
{
	char byte = 0;
	struct iovec vector = {&byte, 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	CALL(job, SYS_recvmsg, job->fd, &message, 0);
	exactly(job, message.msg_flags);
}

static void receive_two(struct job *job, struct timespec *timeout)
{
	char bytes[2] = {0};
	struct iovec vectors[2] = {{&bytes[0], 1}, {&bytes[1], 1}};
	struct mmsghdr messages[2] = {
		{.msg_hdr = {.msg_iov = &vectors[0], .msg_iovlen = 1}},
		{.msg_hdr = {.msg_iov = &vectors[1], .msg_iovlen = 1}},
	};

	CALL(job, SYS_recvmmsg, job->fd, messages, 2, 0, timeout);
	exactly(job, bytes[0]);
	exactly(job, bytes[1]);
	if (timeout)
		job->out->remaining = ns_of(timeout);
}

static void recvmmsg_(struct job *job)
{
	receive_two(job, NULL);
}

/*
 * The kernel looks at this timeout only when a message has come: one comes after the deadline and ends the call,
 * unless the deadline was moved.
 */
static void recvmmsg_timed(struct job *job)
{
	struct timespec nearly = timespec_of(ASKED - SECOND / 10);

	receive_two(job, &nearly);
}

static void prepare_recvmmsg_timed(struct job *job)
{
	struct timeval late = {2 * ASKED / SECOND, 0};

	make_datagrams(job);
	/* One that waits for a second message gives up then. */
	need(setsockopt(job->fd, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof(late)), "setsockopt");
}

static void make_half_datagrams(struct job *job)
{
	make_datagrams(job);
	need(send(job->peer, "a", 1, 0), "send");
}

static void make_half_stream(struct job *job)
{
	make_stream(job);
	need(send(job->peer, "a", 1, 0), "send");
}

/* ---- accept and connect ------------------------------------------------------------------------------------ */

static void make_listener(struct job *job)
{
	struct sockaddr_storage address;
	socklen_t size;

	listen_at(job, AF_UNIX, &address, &size);
	set_timeout(job->fd, SO_RCVTIMEO);
}

static void accept_(struct job *job)
{
	CALL(job, SYS_accept, job->fd, NULL, NULL);
}

static void accept4_(struct job *job)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);

	CALL(job, SYS_accept4, job->fd, &address, &size, SOCK_CLOEXEC);
	exactly(job, (long long)size);
}

static void make_tcp_listener(struct job *job)
{
	struct sockaddr_storage address;
	socklen_t size;

	listen_at(job, AF_INET, &address, &size);
	set_timeout(job->fd, SO_RCVTIMEO);
}

/* A listener whose queue is full. */
static void prepare_connect(struct job *job, int family)
{
	struct sockaddr_storage address;
	socklen_t size;

	listen_at(job, family, &address, &size);
	job->other = (int)need(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	need(connect(job->other, (struct sockaddr *)&address, size), "connect");
	job->peer = (int)need(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	set_timeout(job->peer, SO_SNDTIMEO);
}

static void prepare_connect_unix(struct job *job)
{
	prepare_connect(job, AF_UNIX);
}

static void prepare_connect_tcp(struct job *job)
{
	prepare_connect(job, AF_INET);
}

static void connect_(struct job *job)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	getsockname(job->fd, (struct sockaddr *)&address, &size);
	CALL(job, SYS_connect, job->peer, &address, size);
}

/* ---- sending, where there is no room ----------------------------------------------------------------------- */

static void fill(int fd)
{
	while (send(fd, block, BLOCK, MSG_DONTWAIT) > 0)
		;
	while (send(fd, block, 1, MSG_DONTWAIT) > 0)
		;
}

static void make_full_pair(struct job *job)
{
	make_socket_pair(job, SOCK_STREAM);
	fill(job->fd);
	set_timeout(job->fd, SO_SNDTIMEO);
}

static void send_(struct job *job)
{
	CALL(job, SYS_sendto, job->fd, block, BLOCK, 0, NULL, 0);
}

static void sendmsg_(struct job *job)
{
	struct iovec vector = {block, BLOCK};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	CALL(job, SYS_sendmsg, job->fd, &message, 0);
}

static void sendmmsg_(struct job *job)
{
	struct iovec vector = {block, BLOCK};
	struct mmsghdr messages[1] = {{.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}}};

	CALL(job, SYS_sendmmsg, job->fd, messages, 1, 0);
}

static void write_(struct job *job)
{
	CALL(job, SYS_write, job->fd, block, BLOCK);
}

static void writev_(struct job *job)
{
	struct iovec vector = {block, BLOCK};

	CALL(job, SYS_writev, job->fd, &vector, 1);
}

#define MEGABYTE (1 << 20)

static void prepare_half_sent(struct job *job)
{
	make_socket_pair(job, SOCK_STREAM);
	job->memory = calloc(1, MEGABYTE);
}

static void send_much(struct job *job)
{
	CALL(job, SYS_sendto, job->fd, job->memory, MEGABYTE, 0, NULL, 0);
}

static void drain_peer(struct job *job)
{
	for (ssize_t left = MEGABYTE, got; left > 0; left -= got)
		if ((got = recv(job->peer, block, sizeof(block), 0)) <= 0)
			break;
}

const struct kind socket_kinds[] = {
	{.name = "recv, timed", .prepare = make_impatient_pair, .wait = recv_},
	{.name = "recv, woken", .prepare = make_stream, .wait = recv_, .wake = wake_by_byte},
	{.name = "recv of TCP, timed", .prepare = make_tcp, .wait = recv_},
	{.name = "recv of UDP, timed", .prepare = make_udp, .wait = recv_},
	{.name = "read of a socket, timed", .prepare = make_impatient_pair, .wait = read_},
	{.name = "readv of a socket, timed", .prepare = make_impatient_pair, .wait = readv_},
	{.name = "recvmsg, timed", .prepare = make_impatient_pair, .wait = recvmsg_},
	{.name = "recvmmsg, timed", .prepare = make_impatient_datagrams, .wait = recvmmsg_},
	{.name = "recvmmsg with a deadline", .prepare = prepare_recvmmsg_timed, .wait = recvmmsg_timed,
	 .wake = wake_by_byte},
	{.name = "accept, timed", .prepare = make_listener, .wait = accept_},
	{.name = "accept4, timed", .prepare = make_listener, .wait = accept4_},
	{.name = "accept of TCP, timed", .prepare = make_tcp_listener, .wait = accept_},
	{.name = "connect, timed", .prepare = prepare_connect_unix, .wait = connect_},
	{.name = "connect by TCP, timed", .prepare = prepare_connect_tcp, .wait = connect_},
	{.name = "send, timed", .prepare = make_full_pair, .wait = send_},
	{.name = "sendmsg, timed", .prepare = make_full_pair, .wait = sendmsg_},
	{.name = "sendmmsg, timed", .prepare = make_full_pair, .wait = sendmmsg_},
	{.name = "write to a socket, timed", .prepare = make_full_pair, .wait = write_},
	{.name = "writev to a socket, timed", .prepare = make_full_pair, .wait = writev_},
	{.name = "send, half done", .prepare = prepare_half_sent, .wait = send_much, .wake = drain_peer},
	{.name = "recv of all, half done", .prepare = make_half_stream, .wait = recv_all, .wake = wake_by_byte},
	{.name = "recvmmsg, half done", .prepare = make_half_datagrams, .wait = recvmmsg_, .wake = wake_by_byte},
	{0},
};
