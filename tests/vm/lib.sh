# SPDX-License-Identifier: MIT
# Shared by the tests in a guest: what tests/e2e/lib.sh has, for an ordinary user. The script itself
# is root. POSIX sh.
# shellcheck shell=sh
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

# alice_new: a private home of "alice", as whom lanyard, lanyard-agent, ssh and socat are run from here
# on, with the groups that she has then.
alice_new() {
	home_new
	user=alice
	useradd --no-create-home --home-dir "$home" --shell /bin/sh --password '*' $user
	mkdir "$home/bin" "$home/.config" "$home/.config/lanyard"
	for program in "$BIN/lanyard" "$BIN/lanyard-agent" "$(command -v ssh)" "$(command -v socat)"; do
		printf '#!/bin/sh\nexec setpriv --reuid alice --regid alice --init-groups %s "$@"\n' \
			"$program" >"$home/bin/${program##*/}"
	done
	chmod 755 "$home"/bin/*
	chown -R $user: "$home"
	PATH=$home/bin:$PATH
}

# emulator NAME OPTION...: starts an emulated wallet, as a USB device.
emulator() {
	"$EMULATORS/trezor" --control "$home/$1.control" --label "$@" >"$home/$1.out" 2>&1 &
	eval "emulator_$1=\$!"
	wait_for "grep -q '^port' $home/$1.out || ! kill -0 $!"
	grep -q '^port' "$home/$1.out" || die "emulator: $(cat "$home/$1.out")"
}

# tell NAME COMMAND...: as the person or the test's hand; prints the answer without "ok".
tell() {
	tell_name=$1
	shift
	"$EMULATORS/trezor" tell "$home/$tell_name.control" "$@"
}

# usb_node VENDOR:PRODUCT: the node of the only such device.
usb_node() {
	lsusb -d "$1" | sed -n 's,^Bus \([0-9]*\) Device \([0-9]*\):.*,/dev/bus/usb/\1/\2,p'
}

# rules_install: what `make install` installs, and what it asks for: the rule, and its group.
rules_install() {
	cp -a build/vm/installed/. /
	systemd-sysusers
	udevadm control --reload
	udevadm trigger --settle --subsystem-match=usb --subsystem-match=hidraw
}

# listed DEVICE: waits until it is.
listed() {
	wait_for "lanyard devices 2>&1 | grep -q '$1 *ready'"
}

unlisted() {
	wait_for "! lanyard devices 2>&1 | grep -q '$1'"
}

# hold NODE INTERFACE: another program of hers, $holder, has it.
hold() {
	: >"$home/held"
	setpriv --reuid alice --regid alice --init-groups "$BIN/vm/hold_interface" "$1" "$2" \
		>"$home/held" 2>&1 &
	holder=$!
	wait_for "test -s $home/held"
	grep -q held "$home/held" || die "$1 is not free: $(cat "$home/held")"
}

let_go() {
	kill "$holder"
	wait "$holder" || true
}

# A request, and what comes of it.
digest=cd8552569d6e4509266ef137584d1e62c7579b5b8ed69bbafa4b864c6521e7c2
who='gpg://Satoshi Nakamoto <satoshi@nakamoto.bit>'

# signs WHAT DEVICE INDEX: it makes the signature that real firmware made with the same words.
signs() {
	want=$(awk -F '\t' -v i="$3" -v d=$digest \
		'$2 == i && $3 == "nist256p1" && $4 == "gpg" && $5 == d { print $8 }' \
		tests/vectors/trezor_one_sign.tsv)
	[ ${#want} -eq 128 ] || die "no vector with index $3"
	expect_ok "$1" lanyard sign -d "$2" -i "$3" -k nist256p1 "$who" $digest
	expect_eq "$1" "$out" "$want"
}

# asked NAME: starts a signature by "trezor:NAME" that waits for its button; the client is $client, and
# what it says is in $home/stderr.
asked() {
	tell "$1" buttons never
	lanyard sign -d "trezor:$1" -k nist256p1 "$who" $digest >/dev/null 2>"$home/stderr" &
	client=$!
	tell "$1" wait button 20000
}

# What is said, as it is a transfer or udev that tells first.
gone='not there\|device was removed'

# unplugged NAME: while it waits for its button, said at once; back by itself.
unplugged() {
	asked "$1"
	tell "$1" unplug
	wait "$client" && die 'signed by nobody'
	grep -q "$gone" "$home/stderr" || die "unplugged: $(cat "$home/stderr")"
	unlisted "trezor:$1"
	tell "$1" buttons auto
	tell "$1" plug
	listed "trezor:$1"
	signs 'after it came back' "trezor:$1" 0
}
