#!/bin/sh
# SPDX-License-Identifier: MIT
# A hub of 1000 peers on the kernel's WireGuard: each has its own key and they are what the agent
# says, none is left. What it takes beside `wg setconf` is printed, and judged by nobody: a guest is
# slow. tests/bench/hub.sh has the same for make bench.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
modprobe wireguard
home_new
rounds=${BENCH_WG_ROUNDS:-3}
. tests/bench/hub.sh
made=0
# Put aside: to delete one takes the guest 20 s.
hub_fresh() {
	[ ! -e /sys/class/net/hub ] || ip link set hub name "old$((made += 1))"
	ip link add hub type wireguard
}
hub_new
hub_rounds
hub_table "the kernel's WireGuard, in a guest that QEMU emulates"

hub_fresh
wg setconf hub "$home/plain"
expect_ok 'up' hub_up
wg show hub preshared-keys >"$home/psk"
expect_eq 'preshared keys' "$(grep -c '=$' "$home/psk")" "$peers"
expect_eq 'all different' "$(cut -f 2 "$home/psk" | sort -u | wc -l)" "$peers"
for peer in $(sed -n "1p; $((peers / 2))p; ${peers}p" "$home/psk" | cut -f 1); do
	echo "WGKEYS --psk-mode=agent --point=$point wg://hub@bench/$(echo "$peer" | tr -d = | tr +/ -_)"
done >"$home/ask"
sed '1i WGKEYS --peers=3 wg://hub@bench' "$home/ask" |
	socat -t 30 - UNIX-CONNECT:/run/lanyard/agent.sock |
	perl -MMIME::Base64 -ne 's/^D // || next; chomp; s/%(..)/chr hex $1/ge;
		print encode_base64($_)' >"$home/agent-says"
{
	wg show hub private-key
	sed -n "1p; $((peers / 2))p; ${peers}p" "$home/psk" | cut -f 2
} >"$home/kernel-has"
cmp "$home/agent-says" "$home/kernel-has" || die 'the kernel has other keys than the agent gives'
expect_eq 'private key and three more' "$(wc -l <"$home/agent-says")" 4
expect_ok 'down' lanyard-wg down hub
expect_eq 'no private key is left' "$(wg show hub private-key)" '(none)'
expect_eq 'no preshared key is left' "$(wg show hub preshared-keys | grep -vc '(none)$')" 0
agent_stop || die 'the agent ended badly'
