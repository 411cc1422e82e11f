#!/bin/busybox sh
# The first process of a guest: runs /command in /try, and says with which exit code it ended.
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /root
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
chmod 1777 /tmp /dev/shm
ip link set lo up

# Through a pipe: its output is no terminal, and the exit code comes behind all of it.
mkfifo /run/output
exec 9<>/run/output
cat /run/output &
cd /try && sh /command </dev/null >/run/output 2>&1 9>&-
printf '\nGUEST-EXIT:%s\n' "$?" >/run/output
sleep 2
reboot -f
