/* Times that the kernel tells, next to those that the program reads from its clocks. */
#define _GNU_SOURCE
#include "limits.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>
#include <unistd.h>

static double require(const char *what, int rc)
{
	if (rc < 0) {
		perror(what);
		exit(1);
	}
	return rc;
}

/* When a packet that the program sends to itself has come in, by the kernel. */
static double packet_stamp(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(self);
	_Alignas(struct cmsghdr) char control[256];
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct timespec stamp;

	require("socket", s);
	require("bind", bind(s, (struct sockaddr *)&self, size));
	require("getsockname", getsockname(s, (struct sockaddr *)&self, &size));
	require("SO_TIMESTAMPNS", setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)));
	require("sendto", (int)sendto(s, &byte, 1, 0, (struct sockaddr *)&self, size));
	require("recvmsg", (int)recvmsg(s, &message, 0));
	close(s);
	memcpy(&stamp, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(stamp));
	return to_seconds(&stamp);
}

static double adjtimex_time(void)
{
	struct timex t = {0};

	require("adjtimex", adjtimex(&t));
	return (double)t.time.tv_sec + (double)t.time.tv_usec * (t.status & STA_NANO ? 1e-9 : 1e-6);
}

/* When a segment of shared memory was changed last. */
static double segment_time(void)
{
	int id = shmget(IPC_PRIVATE, 1, 0600);
	struct shmid_ds info;

	require("shmget", id);
	require("shmctl", shmctl(id, IPC_STAT, &info));
	require("shmctl", shmctl(id, IPC_RMID, NULL));
	return (double)info.shm_ctime;
}

static double sysinfo_uptime(void)
{
	struct sysinfo info;

	require("sysinfo", sysinfo(&info));
	return (double)info.uptime;
}

static double proc_uptime(void)
{
	FILE *file = fopen("/proc/uptime", "r");
	double uptime = 0;

	if (file == NULL || fscanf(file, "%lf", &uptime) != 1)
		require("/proc/uptime", -1);
	fclose(file);
	return uptime;
}

int main(void)
{
	char line[16];

	begin();
	while (asked(line, sizeof(line))) {
		printf("a packet's SO_TIMESTAMPNS: %.1f s from CLOCK_REALTIME\n", rounded(packet_stamp() - wall()));
		printf("adjtimex: %.1f s from CLOCK_REALTIME\n", rounded(adjtimex_time() - wall()));
		printf("shm_ctime: %.0f s from time\n", rounded(segment_time() - (double)time(NULL)));
		printf("sysinfo: %.0f s from CLOCK_BOOTTIME\n", rounded(sysinfo_uptime() - read_clock(CLOCK_BOOTTIME)));
		printf("/proc/uptime: %.0f s from CLOCK_BOOTTIME\n", rounded(proc_uptime() - read_clock(CLOCK_BOOTTIME)));
		answered();
	}
	return 0;
}
