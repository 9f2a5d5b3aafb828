#!/bin/sh
# SPDX-License-Identifier: MIT
# How long one client's listing takes while a wallet waits for its button for another, beside the same
# while nothing waits: wait.sh BUILD [ROUNDS]. The wallet is emulated over UDP. Prints
# "wait PROTOCOL STATE ROUND" and load.c's numbers, of 3 s each.
# shellcheck source=tests/e2e/lib.sh
cd "$(dirname "$0")/../.."
BIN=$1 ROUNDS=${2:-7}
. tests/e2e/lib.sh
SECONDS_EACH=3 LISTINGS=1000000
home_new
emulator_pid='' client=''
trap 'status=$?; set +e; kill $client $emulator_pid 2>/dev/null; (exit $status); home_remove' EXIT
tell() { "$BIN/emulators/trezor" tell "$home/wallet" "$@" >/dev/null; }

"$BIN/emulators/trezor" --control "$home/wallet" >"$home/emulator.out" &
emulator_pid=$!
wait_for "grep -q '^port' $home/emulator.out"
mkdir -p "$home/.config/lanyard"
printf 'confirm = never\nudp = {"127.0.0.1:%s"}\n' "$(sed -n 's/^port //p' "$home/emulator.out")" \
	>"$home/.config/lanyard/lanyard.conf"
for key in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20; do
	printf 'key "ssh://bench@host%s" {\n}\n' $key
done >>"$home/.config/lanyard/lanyard.conf"
agent_start
wait_for "test \$(ssh-add -L | wc -l) -eq 20"
lanyard pubkey age://wait >/dev/null

measure() {
	say=$("$BIN/bench/load" "$1" "$2" 1 $LISTINGS $SECONDS_EACH)
	echo "wait $1 $3 $round $say"
}
round=0
while [ $((round += 1)) -le "$ROUNDS" ]; do
	for what in list lines; do
		sock=$SSH_AUTH_SOCK
		[ $what = list ] || sock=$LANYARD_SOCK
		measure $what "$sock" idle
		tell buttons never
		lanyard sign age://wait 00 >/dev/null 2>&1 &
		client=$!
		tell wait button 10000
		measure $what "$sock" button
		# It has waited all the time.
		"$BIN/emulators/trezor" tell "$home/wallet" state | grep -q button || die 'nothing waits'
		tell yes
		wait $client || die 'the signature failed'
		client=
	done
done
