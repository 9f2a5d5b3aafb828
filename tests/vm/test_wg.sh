#!/bin/sh
# SPDX-License-Identifier: MIT
# lanyard-wg with the kernel's WireGuard, by netlink: up, packets, removed means closed in both
# directions, restored, many allowed IPs, a device that comes after up, down.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/../e2e/wg.sh"
modprobe wireguard
modprobe veth
home_new
wg_hosts
device=$home/a/.local/share/lanyard/soft/dev-a
# A guest is slow.
ping_a() { on a ping -q -n -c 1 -W 3 10.7.0.2 >/dev/null 2>&1; }
ping_b() { on b ping -q -n -c 1 -W 3 10.7.0.1 >/dev/null 2>&1; }

expect_ok 'up a' wg_up a
expect_ok 'up b' wg_up b
[ -z "$(ls /var/run/wireguard)" ] || die 'this is not the kernel'
wait_for ping_a
wait_for ping_b
expect_eq 'one preshared key' "$(wg_psk a)" "$(wg_psk b)"
expect_match 'a preshared key' "$(wg_psk a)" '^[A-Za-z0-9+/]\{43\}=$'
expect_ok 'up again' on a lanyard-wg up wga
expect_match 'up again' "$(cat "$home/stderr")" 'has its keys already'

# More allowed IPs than one netlink message holds: all come back after a close.
ips=$(awk 'BEGIN { for (i = 0; i < 1200; i++) printf "%s10.%d.%d.0/24", i ? "," : "", 64 + i / 256, i % 256 }')
on a wg set wga peer "$key_b" allowed-ips "10.7.0.2/32,$ips" persistent-keepalive 25
wg_show a dump | cut -f 1,3,4,8 | tail -n 1 >"$home/before"
expect_eq 'allowed IPs' "$(wg_show a allowed-ips | cut -f 2 | tr -cd / | wc -c)" 1201
start=$(date +%s%N)
mv "$device" "$home/taken"
wait_for 'test "$(wg_phase a)" = closed'
ms=$((($(date +%s%N) - start) / 1000000))
echo "| closed $ms ms after the device went (on a real machine at most 2 s) |"
expect_eq 'closed: no key' "$(wg_key a)" '(none)'
expect_eq 'closed: no peer' "$(wg_peers a)" ''
! ping_a || die 'closed, and a packet passed'
! ping_b || die 'closed, and a packet passed to it'
mv "$home/taken" "$device"
wait_for ping_a
wg_show a dump | cut -f 1,3,4,8 | tail -n 1 >"$home/after"
tr ',\t' '\n\n' <"$home/before" | sort >"$home/before.sorted"
tr ',\t' '\n\n' <"$home/after" | sort >"$home/after.sorted"
cmp "$home/before.sorted" "$home/after.sorted" || die 'the peer is not as it was'
expect_ok 'down a' wg_down a

# on-missing = wait: up without the device, which then comes.
sed -i '/^on-missing/d; s/^\[interface\]/&\non-missing = wait/' /etc/lanyard/wg/wga.conf
mv "$device" "$home/taken"
wait_for "! wg_line a DEVICES | grep -q dev-a"
expect_ok 'up without the device' wg_up a
expect_eq 'no key yet' "$(wg_key a)" '(none)'
start=$(date +%s)
mv "$home/taken" "$device"
wait_for ping_a
echo "| a packet $(($(date +%s) - start)) s after the device came (on a real machine at most 10) |"
expect_ok 'down' wg_down a
expect_eq 'files left' "$(ls /run/lanyard/wg | grep '^wga' | tr '\n' ' ')" 'wga.args wga.lock '
