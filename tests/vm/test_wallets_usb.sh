#!/bin/sh
# SPDX-License-Identifier: MIT
# Several wallets and several programs on the same USB: Trezor and KeepKey at once, another program's
# turn, and Trezors with the firmware of before 1.7, by hidraw.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
modprobe vhci_hcd
alice_new
rules_install
usermod -aG lanyard alice
agent_start

# ---- two wallets: one waits for its button, the other works ----

emulator peer --usb webusb
emulator kk --profile keepkey --usb webusb --device-id 0123456789ABCDEF01234567
listed trezor:peer
listed keepkey:kk
signs 'Trezor' trezor:peer 0
signs 'KeepKey' keepkey:kk 1
asked peer
for i in 2 3 4; do
	expect_ok "KeepKey, signature $i" lanyard sign -d keepkey:kk gpg://keepkey:kk@example $digest
	kill -0 $client || die 'Trezor did not wait'
done
tell peer yes
wait $client || die "Trezor: $(cat "$home/stderr")"
tell peer buttons auto
tell kk quit
unlisted keepkey:kk

# ---- another program has it ----

node=$(usb_node 1209:53c1)
hold "$node" 0
expect_fail 'held' "$node is in use by hold_interface (process $holder)" \
	lanyard sign -d trezor:peer -k nist256p1 "$who" $digest
let_go
signs 'let go' trezor:peer 0
hold "$node" 0 # between our flows it is free
let_go
tell peer quit
unlisted trezor:peer

# ---- firmware of before 1.7: hidraw ----

for kind in hid hid-v1; do
	emulator old --usb $kind
	listed trezor:old
	signs $kind trezor:old 0
	unplugged old
	tell old quit
	unlisted trezor:old
done
agent_stop || die 'the agent ended badly'
