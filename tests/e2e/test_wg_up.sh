#!/bin/sh
# SPDX-License-Identifier: MIT
# A tunnel by stock wg-quick, whose keys are in no file: up, packets, the same preshared key on both
# ends though it was never exchanged, up twice, down leaves none.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
wg_hosts
chmod 755 "$home"
install "$BIN/lanyard-wg" "$home"

# Of somebody else.
point_x=0WFCNiiD/gELiEOnAxqbHFyWJcrqT4flEbS8eOaqzjA=

expect_ok 'up a' wg_up a
expect_ok 'up b' wg_up b
wait_for ping_a
wait_for ping_b
expect_eq 'the public key' "$(wg_show a public-key)" "$key_a"
expect_match 'a preshared key' "$(wg_psk a)" '^[A-Za-z0-9+/]\{43\}=$'
expect_eq 'one preshared key' "$(wg_psk a)" "$(wg_psk b)"
psk=$(wg_psk a)

# show, to root alone.
expect_ok 'show' on a lanyard-wg show wga
expect_match 'show: the state' "$out" '^  state: open$'
expect_match 'show: the device' "$out" '^  device: soft:dev-a, serial [0-9a-f]*, custody agent$'
expect_match 'show: where the keys are' "$out" 'custody kernel'
expect_fail 'show needs root' 'root' setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$home/lanyard-wg" show wga

# Whoever waits for what the caller of `up` had open waits for no watcher.
expect_ok 'down' on a lanyard-wg down wga
exec 8>"$home/held"
expect_ok 'up with a file open' on a lanyard-wg up wga
exec 8>&-
watcher=$(wg_watcher a)
for half in "$watcher" "$(pgrep -P "$watcher")"; do
	! ls -l "/proc/$half/fd" | grep "$home/held" || die "process $half has the file of up's caller"
done
wait_for ping_a
handshake=$(wg_show a latest-handshakes)

# Again: nothing changes.
expect_ok 'up again' on a lanyard-wg up wga
expect_match 'up again' "$(cat "$home/stderr")" 'has its keys already'
expect_eq 'the same watcher' "$(wg_watcher a)" "$watcher"
expect_eq 'no new handshake' "$(wg_show a latest-handshakes)" "$handshake"
# Without a watcher there is a new one, and the tunnel is there again.
kill -9 "$watcher"
wait_for '! wg_peers a | grep -q .'
expect_ok 'up after a watcher was killed' on a lanyard-wg up wga
wait_for ping_a
expect_eq 'the preshared key again' "$(wg_psk a)" "$(wg_psk b)"

# Both halves of the watcher at once: nobody closes, and show does not say so.
watcher=$(wg_watcher a)
guard=$(pgrep -P "$watcher")
kill -9 "$watcher" "$guard"
wait_for "! alive $watcher && ! alive $guard"
case $(wg_key a) in
'(none)') expect_match 'show: unwatched, closed in time' "$(on a lanyard-wg show wga)" '^  state: closed' ;;
*) expect_match 'show: unwatched' "$(on a lanyard-wg show wga)" '^  state: open and UNWATCHED' ;;
esac
expect_ok 'up of the unwatched' on a lanyard-wg up wga
wait_for ping_a

# A reload of wg-quick@.service, whose config has no keys.
on a wg-quick strip wga >"$home/stripped"
on a wg syncconf wga "$home/stripped"
expect_eq 'after syncconf' "$(wg_key a)" '(none)'
expect_match 'show after syncconf' "$(on a lanyard-wg show wga)" '^  state: closed, something else took the keys out'
expect_ok 'up after syncconf' on a lanyard-wg up wga
expect_eq 'the preshared key after syncconf' "$(wg_psk a)" "$(wg_psk b)"
wait_for ping_a

# Not the same again when the settings have changed.
expect_ok 'another point' lanyard-wg point wga "$key_b" "$point_x"
expect_ok 'up with another point' on a lanyard-wg up wga
[ "$(wg_psk a)" != "$(wg_psk b)" ] || die 'the preshared key is of the old point'
expect_ok 'the point again' lanyard-wg point wga "$key_b" "$point_b"
expect_ok 'up with the point' on a lanyard-wg up wga
expect_eq 'the preshared key of the point' "$(wg_psk a)" "$(wg_psk b)"
expect_fail 'another index' 'another device, passphrase, identity or index' on a lanyard-wg up wga -i 7
expect_ok 'up with the index' on a lanyard-wg up wga
wait_for ping_a

# close: nothing passes, endpoint and allowed IPs come back with up.
wg_show a dump | cut -f 1-4 | tail -n 1 >"$home/before"
expect_ok 'close' on a lanyard-wg close wga
expect_eq 'closed: no key' "$(wg_key a)" '(none)'
expect_eq 'closed: no peer' "$(wg_peers a)" ''
! ping_a || die 'closed, and a packet passed'
! ping_b || die 'closed, and a packet passed to it'
expect_match 'show: closed' "$(lanyard-wg show wga)" '^  state: closed, `lanyard-wg close` was run'
expect_ok 'close again' on a lanyard-wg close wga
expect_fail 'a slip' '^lanyard-wg: there is no command "clsoe"$' on a lanyard-wg clsoe wga
expect_fail 'a slip' '^lanyard-wg: "../wga" is no interface: ' on a lanyard-wg up ../wga
for command in close down; do
	for other in veth-a nosuch; do
		expect_fail "$command $other" "^lanyard-wg: $other has no settings .*nothing is done" \
			on a lanyard-wg $command $other
	done
done
expect_match 'the link of another' "$(ip -n a link show veth-a)" '[<,]UP[,>]'
expect_ok 'up after close' on a lanyard-wg up wga
wait_for ping_a
expect_eq 'the peer again' "$(wg_show a dump | cut -f 1-4 | tail -n 1)" "$(cat "$home/before")"

# down by hand: no key is left, the peers are as wg-quick made them, and up works.
expect_ok 'down' on a lanyard-wg down wga
expect_eq 'down: no key' "$(wg_key a)" '(none)'
expect_eq 'down: no preshared key' "$(wg_psk a)" '(none)'
expect_eq 'down: the peer' "$(wg_peers a)" "$key_b"
! ping_a || die 'down, and a packet passed'
expect_fail 'show: not up' 'is not up' lanyard-wg show wga
expect_ok 'down again' on a lanyard-wg down wga
expect_ok 'up after down' on a lanyard-wg up wga
wait_for ping_a

# wg-quick down: the interface goes, the watcher, its guard and their files with it.
watcher=$(wg_watcher a)
expect_ok 'wg-quick down' wg_down a
wait_for "! alive $watcher"
expect_eq 'files left' "$(ls /run/lanyard/wg | grep '^wga' | tr '\n' ' ')" 'wga.args wga.lock '
# An interface that goes without a hook ends its watcher too.
watcher=$(wg_watcher b)
on b ip link delete wgb
wait_for "! alive $watcher"

# Newer versions of wg-quick use addconf, which leaves what a device has, where older ones use setconf.
sed 's/cmd wg setconf/cmd wg addconf/' "$(command -v wg-quick)" >"$home/wg-quick"
grep -q 'cmd wg addconf' "$home/wg-quick" || die 'this wg-quick has neither'
newer() { on a bash "$home/wg-quick" "$1" wga >"$home/a/up.log" 2>&1; }
expect_ok 'up by a newer wg-quick' newer up
expect_eq 'its preshared key' "$(wg_psk a)" "$psk"
expect_eq 'its key' "$(wg_show a public-key)" "$key_a"
expect_ok 'down by a newer wg-quick' newer down

# All traffic through the tunnel: wg-quick's policy rules, which it takes away by the peers' allowed
# IPs, are gone after an up that fails and after the down of a closed one.
mkdir "$home/stub"
printf '#!/bin/sh\n' >"$home/stub/nft"
chmod 755 "$home/stub/nft"
PATH=$home/stub:$PATH
sed -i 's|^AllowedIPs.*|AllowedIPs = 0.0.0.0/0|' /etc/wireguard/wga.conf
rules=$(on a ip rule show)
wg_agent_end a
! wg_up a || die 'without an agent, and up succeeded'
expect_match 'there were rules' "$(cat "$home/a/up.log")" 'ip -4 rule add'
expect_eq 'rules after a failed up' "$(on a ip rule show)" "$rules"
wg_agent a
expect_ok 'up with a default route' wg_up a
[ "$(on a ip rule show)" != "$rules" ] || die 'no rules while up'
expect_ok 'close with a default route' on a lanyard-wg close wga
expect_ok 'down when closed' wg_down a
expect_eq 'rules after down' "$(on a ip rule show)" "$rules"
