#!/bin/sh
# SPDX-License-Identifier: MIT
# What a guest boots from: image.sh DIRECTORY. Debian's own kernel, and the udev and systemd tools
# that a container lacks, are downloaded and unpacked there, not installed; the initramfs is made.
set -eu
dir=$1
here=$(cd "$(dirname "$0")" && pwd)

die() {
	echo "check-vm: $*" >&2
	exit 1
}

missing=
for tool in apt-get dpkg cpio xz gzip depmod modprobe busybox qemu-system-x86_64; do
	command -v $tool >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null ||
		missing="$missing $tool"
done
[ -z "$missing" ] || die "missing:$missing. It needs Debian 12 (or a container of it) with" \
	"qemu-system-x86, busybox-static, cpio, xz-utils and kmod: 'make deps-vm' installs them there"
PATH=$PATH:/usr/sbin:/sbin
busybox=$(command -v busybox)
case $(ldd "$busybox" 2>&1) in
*'not a dynamic'* | *statically*) ;;
*) die "$busybox is no static one: apt-get install busybox-static" ;;
esac

mkdir -p "$dir/debs"
dir=$(cd "$dir" && pwd)
rm -rf "$dir/new"
mkdir "$dir/new"

# The package that linux-image-amd64 stands for: its name has the version in it.
kernel_package() {
	apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*-amd64\)$/\1/p'
}

download() {
	kernel=$(kernel_package)
	[ -n "$kernel" ] || return 1
	(cd "$dir/debs" && apt-get -qq download "$kernel" udev systemd libsystemd-shared)
}

rm -f "$dir"/debs/*.deb
download 2>"$dir/apt.log" || {
	if [ "$(id -u)" -eq 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi
	download
} >>"$dir/apt.log" 2>&1 || {
	cat "$dir/apt.log" >&2
	die 'apt-get cannot download linux-image-amd64, udev, systemd and libsystemd-shared'
}
for deb in "$dir"/debs/*.deb; do
	dpkg -x "$deb" "$dir/new"
done
rm -f "$dir"/debs/*.deb

# /lib and /bin are links on the host, over which this tree is laid.
for part in bin sbin lib; do
	mkdir -p "$dir/new/usr/$part"
	[ ! -d "$dir/new/$part" ] || cp -a "$dir/new/$part/." "$dir/new/usr/$part"
	rm -rf "${dir:?}/new/$part"
done
# Units of a systemd that is not there are of no use.
rm -rf "$dir/new/var" "$dir/new/etc/systemd" "$dir/new/etc/init.d"
version=$(ls "$dir/new/usr/lib/modules")
depmod -b "$dir/new/usr" "$version"

# Inside the bzImage is the kernel, packed; QEMU starts it faster without unpacking it in the guest.
image=$dir/new/boot/vmlinuz-$version
offset=$(LC_ALL=C grep -abo "$(printf '\3757zXZ')" "$image" | head -n 1 | cut -d: -f1)
[ -n "$offset" ] || die "no xz data in $image"
tail -c "+$((offset + 1))" "$image" | xz -qdc >"$dir/vmlinux" 2>/dev/null || true
[ "$(head -c 4 "$dir/vmlinux" | tail -c 3)" = ELF ] || die "no kernel in $image"

# The initramfs mounts the host's root and hands over.
root=$dir/initramfs.d
rm -rf "$root"
mkdir -p "$root/bin" "$root/modules"
cp "$busybox" "$root/bin/busybox"
cp "$here/init.sh" "$root/init"
chmod 755 "$root/init"
number=100
for module in virtio_pci 9pnet_virtio 9p overlay; do
	for file in $(modprobe -d "$dir/new/usr" -S "$version" --show-depends $module |
		sed -n 's/^insmod //p'); do
		[ -z "$(find "$root/modules" -name "*-${file##*/}")" ] || continue
		number=$((number + 1))
		cp "$file" "$root/modules/$number-${file##*/}"
	done
done
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$dir/initramfs.new"
rm -rf "$root" "$dir/root"
mv "$dir/new" "$dir/root"
mv "$dir/initramfs.new" "$dir/initramfs"
