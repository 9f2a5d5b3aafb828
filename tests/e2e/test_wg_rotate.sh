#!/bin/sh
# SPDX-License-Identifier: MIT
# rotate = 60: preshared keys that change on both ends, by clocks twelve times as fast (test builds).
# The handshakes are real and forced: the private key is set to another and back, in one request,
# which ends what is sent under the old session and nothing else.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
wg_hosts
for h in a b; do sed -i '/^rotate /d; s/^\[interface\]/&\nrotate = 60/' /etc/lanyard/wg/wg$h.conf; done
export LANYARD_WG_CLOCK_RATE=12

# force: a's next packet begins a handshake.
force() {
	hex=$(wg_key a | base64 -d | od -An -v -tx1 | tr -d ' \n')
	printf 'set=1\nprivate_key=%064d\nprivate_key=%s\n\n' 7 "$hex" |
		socat -t 5 - UNIX-CONNECT:/var/run/wireguard/wga.sock >/dev/null
}
handshake() { wg_show a latest-handshakes | cut -f 2; }
both_new() {
	psk=$(wg_psk a)
	[ "$psk" != "$old" ] && [ "$psk" = "$(wg_psk b)" ]
}

expect_ok 'up a' wg_up a
expect_ok 'up b' wg_up b
wait_for ping_a
expect_match 'show' "$(on a lanyard-wg show wga)" '^  preshared keys: change every 60 s$'
nsenter --net=/run/netns/a ping -n -i 0.05 -W 10 10.7.0.2 >"$home/ping" 2>&1 &
ping=$!
used=
for epoch in 1 2 3; do
	old=$(wg_psk a)
	wait_for both_new
	case " $used " in *" $psk "*) die "epoch $epoch: a preshared key again" ;; esac
	used="$used $psk"
	before=$(handshake)
	# Its time has no fractions.
	wait_for "test \$(date +%s) -gt $before"
	force
	wait_for "test \$(handshake) -gt $before"
done
sleep 0.3
kill -INT $ping
wait $ping || true
lost=$(sed -n 's/.* \([0-9.]*\)% packet loss.*/\1/p' "$home/ping")
expect_eq "packets lost over three epochs: $(tail -n 2 "$home/ping")" "$lost" 0
[ "$(grep -c 'bytes from' "$home/ping")" -gt 100 ] || die "too few packets: $(tail -n 2 "$home/ping")"

# The other way round: one end that stays at its key has no handshake, and loses its session.
frozen=$(wg_watcher b)
kill -STOP "$frozen"
old=$(wg_psk a)
wait_for "test \$(wg_psk a) != $old"
before=$(handshake)
force
for i in 1 2 3 4 5; do
	! ping_a || die 'a handshake with an old preshared key'
done
expect_eq 'no handshake' "$(handshake)" "$before"
kill -CONT "$frozen"
wait_for ping_a
expect_eq 'the same key again' "$(wg_psk a)" "$(wg_psk b)"

# Clocks that differ: by 20 s it works and nothing is said; by 90 s it does not, and is said.
export LANYARD_WG_CLOCK_RATE=6
expect_ok 'down a' wg_down a
expect_ok 'down b' wg_down b
expect_ok 'up a' wg_up a
LANYARD_WG_CLOCK_SHIFT=20 expect_ok 'up b, 20 s ahead' wg_up b
wait_for ping_a
! on a lanyard-wg show wga | grep notice || die 'said of 20 s'
expect_ok 'down b' wg_down b
LANYARD_WG_CLOCK_SHIFT=90 expect_ok 'up b, 90 s ahead' wg_up b
force
nsenter --net=/run/netns/a ping -q -n -i 0.5 -W 1 10.7.0.2 >/dev/null 2>&1 &
ping=$!
wait_for 'on b lanyard-wg show wgb | grep -q "notice: no handshake with .*clocks differ by more than 30 s"'
kill $ping
