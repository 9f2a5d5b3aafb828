#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# The guest's first process: the host's files read-only below, what image.sh unpacked over them, a
# tmpfs over both for what is written. Then guest.sh.
bb=/bin/busybox
fail() {
	echo "init: cannot make ready: $*"
	exit 1
}
$bb mkdir -p /proc /host /vm /rw /new
for module in /modules/*; do
	$bb insmod "$module" || fail "$module"
done
p9=trans=virtio,version=9p2000.L,cache=loose,msize=262144
$bb mount -t 9p -o ro,$p9 host /host || fail 'the host share'
$bb mount -t 9p -o ro,$p9 vm /vm || fail 'the vm share'
$bb mount -t tmpfs -o mode=755 rw /rw || fail tmpfs
$bb mkdir /rw/upper /rw/work
$bb mount -t overlay -o lowerdir=/vm:/host,upperdir=/rw/upper,workdir=/rw/work root /new ||
	fail overlay
# The rest of the command line is for guest.sh: the tree's path on the host.
$bb mount -t proc proc /proc
tree=$($bb sed -n 's/.*lanyard\.tree=\([^ ]*\).*/\1/p' /proc/cmdline)
$bb umount /proc
exec $bb switch_root /new /bin/sh "$tree/tests/vm/guest.sh" "$tree"
