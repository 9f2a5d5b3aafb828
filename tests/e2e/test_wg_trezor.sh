#!/bin/sh
# SPDX-License-Identifier: MIT
# A tunnel between a hardware wallet (psk-mode device, emulated over UDP) and a software device: each
# key is confirmed on the wallet, no more than that; closed when the wallet goes, back with it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
ip link set lo up
"$EMULATORS/trezor" --control "$home/wallet" --label wallet >"$home/wallet.out" 2>&1 &
emulator=$!
tell() { "$EMULATORS/trezor" tell "$home/wallet" "$@"; }
wait_for "grep -q '^port' $home/wallet.out"
port=$(sed -n 's/^port //p' "$home/wallet.out")

wg_device() {
	echo 'confirm = never' >"$home/$1/.config/lanyard/lanyard.conf"
	if [ "$1" = a ]; then
		echo "udp = {\"127.0.0.1:$port\"}" >>"$home/a/.config/lanyard/lanyard.conf"
	else
		wg_home b lanyard soft import --name dev-b --mnemonic-file "$home/words-b" \
			--no-encrypt 2>/dev/null
	fi
}
# wg_hosts sets a trap, which is to end the emulator too.
remove() {
	removed=$?
	kill $emulator 2>/dev/null || true
	if (exit $removed); then wg_remove; else wg_remove; fi # for its $?
}
# messages: what was asked of the wallet, in order; buttons: how many times it asked its owner.
messages() { tell log | sed -n 's/^> *\([A-Za-z]*\).*/\1/p' | tr '\n' ' '; }
buttons() { tell log | grep -c '^< *ButtonRequest' || true; }

WG_MODE_A=device
wg_hosts
trap remove EXIT
grep -q '^psk-mode = device' /etc/lanyard/wg/wga.conf || die "not device: $(cat /etc/lanyard/wg/wga.conf)"

# up, by hand: the interface's key, then the peer's, each on the wallet's screen.
tell reset
tell buttons never
wg_up a &
up=$!
for key in 1 2; do
	tell wait button 60000
	expect_eq "button $key" "$(buttons)" $key
	expect_eq 'no key yet' "$(wg_key a)" '(none)'
	tell yes
done
wait $up || die "up: $(cat "$home/a/up.log")"
expect_eq 'what the wallet was asked' "$(messages)" \
	'Initialize GetECDHSessionKey ButtonAck Initialize GetECDHSessionKey ButtonAck '
expect_match 'said before' "$(cat "$home/a/up.log")" 'the device up to 2 times'
tell buttons auto
expect_ok 'up b' wg_up b
wait_for ping_a
wait_for ping_b
expect_eq 'the public key' "$(wg_show a public-key)" "$key_a"
expect_eq 'one preshared key' "$(wg_psk a)" "$(wg_psk b)"
expect_match 'a preshared key' "$(wg_psk a)" '^[A-Za-z0-9+/]\{43\}=$'
expect_match 'show' "$(on a lanyard-wg show wga)" '^  device: trezor:wallet, serial A210790899570787245CA692, custody device$'
before=$(wg_show a dump | cut -f 1-4,8 | tail -n 1)

# It goes. Nothing announces a UDP port, so the agent learns it from the next use.
tell unplug
wg_line a 'DEVICE trezor:wallet info' | grep -q '^ERR .*device-gone' || die 'the wallet is there still'
wait_for "test \$(wg_phase a) = closed"
expect_eq 'closed: no key' "$(wg_key a)" '(none)'
expect_eq 'closed: no peer' "$(wg_peers a)" ''
! ping_a || die 'closed, and a packet passed to b'
! ping_b || die 'closed, and a packet passed to a'
expect_match 'show says why' "$(on a lanyard-wg show wga)" \
	'^  state: closed, the device trezor:wallet is not connected'

# It is back: the same two buttons, the same keys. Refused on the wallet, it stays closed.
tell reset
tell buttons refuse
tell plug
wait_for "on a lanyard-wg show wga | grep -q refused"
expect_eq 'refused: no key' "$(wg_key a)" '(none)'
! ping_a || die 'refused, and a packet passed'
tell unplug
wg_line a 'DEVICE trezor:wallet info' | grep -q '^ERR' || die 'the wallet is there still'
tell reset
tell buttons auto
tell plug
wait_for "test \$(wg_phase a) = open"
wait_for ping_a
wait_for ping_b
expect_eq 'the peer as it was' "$(wg_show a dump | cut -f 1-4,8 | tail -n 1)" "$before"
expect_eq 'one preshared key' "$(wg_psk a)" "$(wg_psk b)"
expect_eq 'buttons' "$(buttons)" 2
expect_ok 'down' wg_down a
