#!/bin/sh
# SPDX-License-Identifier: MIT
# A hub with 1000 peers of psk-mode agent: one release gives all the keys, and the watcher, whom the
# agent tells of each, is not dropped meanwhile. Root, with an /etc and a /run of its own.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/wireguard
[ -L /var/run ] || mount --bind /run /var/run
cp -a /etc "$home/etc"
mount --bind "$home/etc" /etc
rm -rf /etc/lanyard /etc/wireguard
mkdir -m 700 /etc/wireguard
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
mkdir -p "$home/.config/lanyard"
echo 'confirm = never' >"$home/.config/lanyard/lanyard.conf"
XDG_RUNTIME_DIR=/run agent_start
finish() {
	finished=$?
	set +e
	lanyard-wg down hub >/dev/null 2>&1
	ip link delete hub 2>/dev/null
	agent_stop >/dev/null 2>&1
	umount /etc
	(exit $finished)
	home_remove
}
trap finish EXIT

# Any number below 2^255 - 19 passes for a public key; nobody answers here.
perl -MMIME::Base64 -e 'print "[Interface]\n"; for (1 .. 1000) {
	printf "[Peer]\nPublicKey = %s\n", encode_base64(pack("N", $_) . "\x5a" x 28, "") }' \
	>/etc/wireguard/hub.conf
expect_ok 'setup' env -i "$BIN/lanyard-wg" setup hub -y --identity wg://hub@x
point=$(sed -n "s/^wg.b.agent.point //p" doc/DERIVATION.md)
point=$(perl -MMIME::Base64 -e 'print encode_base64(pack("H*", shift), "")' "$point")
sed -i "s|^\\[peer.*|&\\npsk-point = $point|" /etc/lanyard/wg/hub.conf
LOG_LEVEL=error wireguard-go hub >/dev/null 2>&1
sed '/# >>>/,/# <<</d' /etc/wireguard/hub.conf >"$home/plain"
wg setconf hub "$home/plain"

expect_ok 'up' env -i PATH="$PATH" "$BIN/lanyard-wg" up hub
expect_eq 'preshared keys' "$(wg show hub preshared-keys | grep -c '=$')" 1000
expect_eq 'all different' "$(wg show hub preshared-keys | cut -f 2 | sort -u | wc -l)" 1000
expect_eq 'one release' "$(grep -c '1000 preshared keys to follow' "$home/agent.log")" 1
! grep -q 'does not read' "$home/agent.log" || die 'the watcher was dropped'
expect_match 'open' "$(lanyard-wg show hub)" 'state: open'
expect_ok 'down' env -i PATH="$PATH" "$BIN/lanyard-wg" down hub
expect_eq 'no key is left' "$(wg show hub private-key)" '(none)'
