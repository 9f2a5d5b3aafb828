#!/bin/sh
# SPDX-License-Identifier: MIT
# What goes wrong on USB: no right to the node, another program that has it, a client that leaves, a
# wallet that stops in the middle, one that is pulled out and put back at once.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
modprobe vhci_hcd
alice_new
echo 'wallet "trezor:peer" { timeout = 10 }' >"$home/.config/lanyard/lanyard.conf"

# leave: a client goes away at the button; the device is told to stop, and works on.
leave() {
	asked peer
	kill $client
	tell peer wait idle 5000 || die 'it still waits for its button'
	wait $client || true
	tell peer buttons auto
	signs 'after a client has left' trezor:peer 0
}

# ---- not listed, and why ----

agent_start
emulator peer --usb webusb
wait_for 'lanyard devices 2>&1 | grep -q "^lanyard: no access to /dev/bus/usb/.*root:root"'
expect_fail 'nothing to use' 'no device is usable: no access to /dev/bus/usb/' lanyard pubkey ssh://a@b
agent_stop
rules_install
usermod -aG lanyard alice
hold "$(usb_node 1209:53c1)" 0
agent_start
wait_for "lanyard devices 2>&1 | grep -q '^lanyard: .*is in use by hold_interface (process $holder)'"
let_go
listed trezor:peer # by itself
expect_eq 'no trouble is left' "$(lanyard devices 2>&1 | grep -c '^lanyard:')" 0

# ---- a client that leaves, a wallet that stops, one that is out and in again at once ----

leave
for n in 0 5 9; do # at Initialize, SignIdentity, ButtonAck
	said='does not answer'
	[ $n -lt 9 ] || said='nobody confirmed on trezor:peer within 10 s'
	tell peer fault stall $n
	expect_fail "stall at $n" "$said" lanyard sign -k nist256p1 "$who" $digest
	tell peer unplug
	unlisted trezor:peer
	tell peer plug
	listed trezor:peer
	signs "after a stall at $n" trezor:peer 0
done
: >"$home/agent.log"
for i in 1 2 3; do
	tell peer unplug
	tell peer plug
	listed trezor:peer
	signs "replugged, $i" trezor:peer 0
done
# Seen before udev has come to it: that is no news.
expect_eq 'nothing to do for the user' "$(grep -c 'no access' "$home/agent.log")" 0
tell peer quit
unlisted trezor:peer

# ---- the same with hidraw, where nothing but looking keeps two programs apart ----

emulator peer --usb hid
listed trezor:peer
leave
node=$(line 'DEVICE trezor:peer info' | sed 's/.*address: hid:\([^%]*\).*/\1/' | head -n 1)
setpriv --reuid alice --regid alice --init-groups sh -c 'exec sleep 600 3<>"$1"' - "$node" &
holder=$!
wait_for "[ -e /proc/$holder/fd/3 ]"
expect_fail 'held' "$node is in use by sleep (process $holder)" \
	lanyard sign -k nist256p1 "$who" $digest
let_go
signs 'let go' trezor:peer 0
agent_stop || die 'the agent ended badly'
