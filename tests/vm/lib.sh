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
