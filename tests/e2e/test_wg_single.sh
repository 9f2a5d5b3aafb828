#!/bin/sh
# SPDX-License-Identifier: MIT
# A peer without lanyard: a key pair of its own in a file, and the preshared key that `lanyard-wg psk`
# printed once. Its packets pass; with another preshared key they do not.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
wg_hosts
umask 077
wg genkey >"$home/private"
public=$(wg pubkey <"$home/private")
sed -i "s|$key_b|$public|" /etc/wireguard/wga.conf /etc/lanyard/wg/wga.conf
sed -i '/^psk-point/d; s/^psk-mode.*/psk-mode = single/' /etc/lanyard/wg/wga.conf

lanyard-wg psk wga "$public" 2>"$home/stderr" | cat >"$home/psk"
[ -s "$home/psk" ] || die "psk: $(cat "$home/stderr")"
# plain PSK-FILE: b, as wg-quick has it without any hook.
plain() {
	wg_conf b 2 "$key_a" 1 |
		sed "s|^ListenPort|PrivateKey = $(cat "$home/private")\n&|; s|^AllowedIPs|PresharedKey = $(cat "$1")\n&|" \
			>/etc/wireguard/wgb.conf
	expect_ok 'up b' wg_up b
}
expect_ok 'up a' wg_up a
plain "$home/psk"
wait_for ping_a
expect_eq 'the preshared key' "$(wg_psk a)" "$(cat "$home/psk")"

expect_ok 'down b' wg_down b
wg genpsk >"$home/other"
expect_ok 'down a' wg_down a
expect_ok 'up a' wg_up a
plain "$home/other"
for i in 1 2 3 4 5; do
	! ping_a || die "packet $i passed with another preshared key"
done
