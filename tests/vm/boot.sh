#!/bin/sh
# SPDX-License-Identifier: MIT
# Boots a guest and runs a command in it as root, in the tree's directory: boot.sh COMMAND [ARG...];
# without a command, a shell on this terminal. The host's files are there read-only, with what is
# written kept in memory. Exits as the command did; 124 if the guest said nothing, with its console.
# VM is the directory image.sh made (build/vm), VM_SECONDS how long a guest may take (1800),
# VM_CONSOLE a file for its console.
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
vm=${VM:-$tree/build/vm}
[ -e "$vm/initramfs" ] || {
	echo "boot.sh: no $vm/initramfs: run 'make $vm/initramfs'" >&2
	exit 2
}
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
console=${VM_CONSOLE:-$share/console}
terminal=stdio
if [ $# -eq 0 ]; then
	: >"$share/interactive"
	terminal=mon:stdio
fi
for word in "$@"; do
	printf "'%s' " "$(printf '%s\n' "$word" | sed "s/'/'\\\\''/g")"
done >"$share/command"

share() { # NAME PATH OPTIONS
	printf '%s' "local,id=$1,path=$2,security_model=none,multidevs=remap$3"
}

# It has a terminal of its own, so that the guest's output is a byte stream; the console is apart.
# Without AVX: emulated, its instructions take many times as long as those that replace them.
timeout -k 5 "${VM_SECONDS:-1800}" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi \
	-cpu max,avx=off,avx2=off,fma=off,f16c=off \
	-smp 2 -m 1024 -nodefaults -no-user-config -no-reboot -display none \
	-kernel "$vm/vmlinux" -initrd "$vm/initramfs" \
	-append "console=ttyS0 quiet panic=-1 no_timer_check lanyard.tree=$tree" \
	-serial "file:$console" -serial $terminal \
	-fsdev "$(share host / ,readonly=on)" -device virtio-9p-pci,fsdev=host,mount_tag=host \
	-fsdev "$(share vm "$vm/root" ,readonly=on)" -device virtio-9p-pci,fsdev=vm,mount_tag=vm \
	-fsdev "$(share share "$share" '')" -device virtio-9p-pci,fsdev=share,mount_tag=share |
	tr -d '\r' || true
if [ ! -s "$share/status" ]; then
	echo 'boot.sh: the guest ended, or was ended, without a word; its console:' >&2
	cat "$console" >&2
	exit 124
fi
exit "$(cat "$share/status")"
