#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest, as its first process: what a booted Debian has ready, then the command in
# /share/command, whose output and status go back there. guest.sh TREE
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /share
mount -t devpts -o mode=620,gid=5 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /share
mkdir -p /run/lock /run/udev
ln -s /proc/self/fd /dev/fd
echo guest >/proc/sys/kernel/hostname
# Not to be read by a host's user who is not root; the guest's users are its own.
for file in /etc/shadow /etc/gshadow; do
	cat $file >/dev/null 2>&1 || {
		rm -f $file
		(umask 077 && : >$file)
	}
done
printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts
ip link set lo up
/usr/lib/systemd/systemd-udevd --daemon

cd "$1" || echo "no $1 in the guest"
if [ -e /share/interactive ]; then
	setsid busybox cttyhack sh </dev/ttyS1 >/dev/ttyS1 2>&1
else
	sh /share/command </dev/null >/dev/ttyS1 2>&1
fi
echo $? >/share/status
sync
# QEMU ends with it; a reboot is quicker than a proper power-off.
echo b >/proc/sysrq-trigger
sleep 60
