#!/bin/sh
# SPDX-License-Identifier: MIT
# rotate = 60: preshared keys that change on both ends, each by its own clock. The clocks are files
# (test builds), so that nothing happens between two steps of this script; only at the end they run.
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
# Of a handshake that is missing is told sooner.
export LANYARD_WG_CLOCK_RATE=30

# clocks SECONDS AHEAD: those of a, and how far b's is ahead of it.
clocks() {
	echo "$1" >"$home/new" && mv "$home/new" "$home/clock-a"
	echo "$(($1 + $2))" >"$home/new" && mv "$home/new" "$home/clock-b"
}
# force: a's next packet begins a handshake.
force() {
	hex=$(wg_key a | base64 -d | od -An -v -tx1 | tr -d ' \n')
	printf 'set=1\nprivate_key=%064d\nprivate_key=%s\n\n' 7 "$hex" |
		socat -t 30 - UNIX-CONNECT:/var/run/wireguard/wga.sock >/dev/null
}
handshake() {
	printf 'get=1\n\n' | socat -t 30 - UNIX-CONNECT:/var/run/wireguard/wga.sock |
		sed -n 's/^last_handshake_time//p'
}
same() { [ "$(wg_psk a)" = "$(wg_psk b)" ]; }
# both_new: both have one preshared key, other than $old.
both_new() { psk=$(wg_psk a) && [ "$psk" != "$old" ] && [ "$psk" = "$(wg_psk b)" ]; }
notice() { on "$1" lanyard-wg show "wg$1" | grep -q 'notice: no handshake with .* by more than 30 s'; }
replies() { grep -c 'bytes from' "$home/ping" || true; }
pings() {
	: >"$home/ping"
	nsenter --net=/run/netns/a ping -n -i 0.05 10.7.0.2 >"$home/ping" 2>&1 &
	ping=$!
}
# some_pings: that so many more come back.
some_pings() {
	enough=$(($(replies) + 10))
	wait_for '[ "$(replies)" -ge $enough ]'
}

# epochs AHEAD: in three epochs a handshake while both ends have that epoch's key, and packets go on
# while, for the most of 60 s, one end has the next one's already. None is lost.
used=
epochs() {
	pings
	for epoch in 1 2 3; do
		now=$((now + 60)) old=$psk
		clocks $now "$1"
		wait_for both_new
		case " $used " in *" $psk "*) die "$1 s, epoch $epoch: a preshared key again" ;; esac
		used="$used $psk"
		before=$(handshake)
		force
		wait_for '[ "$(handshake)" != "$before" ]'
		some_pings
		[ "$1" -gt 0 ] || continue
		clocks $((now + 60 - $1)) "$1"
		wait_for '! same'
		some_pings
		same && die "$1 s, epoch $epoch: it is over"
	done
	kill -INT $ping
	wait $ping || true
	# The last one may still have been on its way.
	sed -n 's/.* icmp_seq=\([0-9]*\) .*/\1/p' "$home/ping" | sort -n | awk '$1 != NR {exit 1}' ||
		die "$1 s: a packet was lost: $(tail -n 3 "$home/ping")"
	! notice a && ! notice b || die "$1 s: there is a notice"
}

# ---- 90 s: never one key, and said. 50 s: late, but it is done, and nothing is said any more ----

now=1680000000
clocks $now 90
LANYARD_WG_CLOCK=$home/clock-a expect_ok 'up a' wg_up a
LANYARD_WG_CLOCK=$home/clock-b expect_ok 'up b' wg_up b
expect_match 'show' "$(on a lanyard-wg show wga)" '^  preshared keys: change every 60 s$'
pings
for second in 20 40 60; do
	old_a=$(wg_psk a) old_b=$(wg_psk b)
	[ "$old_a" != "$old_b" ] || die "90 s: one preshared key before second $second"
	clocks $((now + second)) 90
	case $second in
	40) wait_for '[ "$(wg_psk b)" != "$old_b" ]' ;;
	60) wait_for '[ "$(wg_psk a)" != "$old_a" ]' ;;
	esac
done
! same || die '90 s: one preshared key'
wait_for 'notice a'
wait_for 'notice b'
expect_eq '90 s: no packet' "$(replies)" 0

# The clock is put nearer; the epochs are the same.
now=$((now + 60))
clocks $((now + 50)) 50
! same || die '50 s: one preshared key too early'
notice a || die '50 s: nothing is said'
expect_eq '50 s: no packet' "$(replies)" 0
# WireGuard tries again every 5 s, and both have one key for 10 s.
clocks $((now + 60)) 50
wait_for same
some_pings
wait_for '! notice a && ! notice b'
kill -INT $ping
wait $ping || true

# ---- 50, 20 and 0 s: no packet is lost ----

now=$((now + 60)) psk=$(wg_psk a)
for ahead in 50 20 0; do epochs $ahead; done

# ---- the other way round: one end that stays at its key has no handshake, and loses its session ----

frozen=$(wg_watcher b)
kill -STOP "$frozen"
clocks $((now + 60)) 0
wait_for '! same'
before=$(handshake)
force
for i in 1 2 3 4 5; do
	! ping_a || die 'a handshake with an old preshared key'
done
expect_eq 'no handshake' "$(handshake)" "$before"
kill -CONT "$frozen"
wait_for same
wait_for ping_a

# ---- by clocks that run, thirty times as fast ----

expect_ok 'down a' wg_down a
expect_ok 'down b' wg_down b
expect_ok 'up a' wg_up a
expect_ok 'up b' wg_up b
for epoch in 1 2; do
	old=$(wg_psk a)
	wait_for both_new
done
