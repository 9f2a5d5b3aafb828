#!/bin/sh
# SPDX-License-Identifier: MIT
# Trezor and KeepKey as USB devices, with udev, libusb and hidraw as a user has them: who may, signing,
# logins, unplugging at any moment, two at once, another program's turn, the old firmware.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
modprobe vhci_hcd
alice_new
digest=cd8552569d6e4509266ef137584d1e62c7579b5b8ed69bbafa4b864c6521e7c2
who='gpg://Satoshi Nakamoto <satoshi@nakamoto.bit>'

# signs WHAT DEVICE INDEX: it makes the signature that real firmware made with the same words.
signs() {
	want=$(awk -F '\t' -v i="$3" -v d=$digest \
		'$2 == i && $3 == "nist256p1" && $4 == "gpg" && $5 == d { print $8 }' \
		tests/vectors/trezor_one_sign.tsv)
	[ ${#want} -eq 128 ] || die "no vector with index $3"
	expect_ok "$1" lanyard sign -d "$2" -i "$3" -k nist256p1 "$who" $digest
	expect_eq "$1" "$out" "$want"
}

# unsigned: a signature that is not made; its error is in $home/stderr.
unsigned() {
	if lanyard sign -k nist256p1 "$who" $digest >/dev/null 2>"$home/stderr"; then
		die 'signed by nobody'
	fi
}

listed() {
	wait_for "lanyard devices 2>/dev/null | grep -q '$1 *ready'"
}

# ---- who may: each message's advice, followed ----

agent_start
emulator peer --usb webusb
wait_for "grep -q 'no access to /dev/bus/usb/.*for alice: the udev rule is missing' $home/agent.log"
cp -a build/vm/installed/. /
systemd-sysusers
udevadm control --reload
udevadm trigger --settle
node=$(usb_node 1209:53c1)
expect_eq 'the rule' "$(stat -c '%U %G %a' "$node")" 'root lanyard 660'
udevadm info "$node" | grep -q 'CURRENT_TAGS=.*:uaccess:' || die 'not for those who are logged in'
wait_for "grep -q 'owner root:lanyard, mode 0660.*usermod -aG lanyard alice' $home/agent.log"
usermod -aG lanyard alice
wait_for "grep -q 'log in again' $home/agent.log"
agent_stop
agent_start
listed trezor:peer
expect_match 'its serial' "$(lanyard devices)" 'A210790899570787245CA692  *trezor:peer  *ready  *device'

# ---- sign, log in ----

signs 'as real firmware' trezor:peer 0
lanyard ssh add "$user@localhost" >"$home/authorized"
sshd_start "$home/authorized"
chown -R $user: "$home/.ssh"
expect_ok 'login' ssh -F "$home/.ssh/config" localhost id -un
expect_eq 'login' "$out" alice
sshd_stop

# ---- unplugged: while it waits for its button, and at every packet of a signature ----

tell peer buttons never
unsigned &
client=$!
tell peer wait button 20000
tell peer unplug
wait $client
grep -q 'not there' "$home/stderr" || die "unplugged: $(cat "$home/stderr")"
wait_for '! lanyard devices 2>&1 | grep -q trezor:peer'
tell peer buttons auto
tell peer plug
listed trezor:peer
signs 'after it came back' trezor:peer 0

tell peer reset
signs 'in how many packets' trezor:peer 0
packets=$(tell peer count | awk '{ print $2 + $4 }')
[ $packets -ge 8 ] || die "a signature in $packets packets"
n=0
while [ $n -lt $packets ]; do
	tell peer fault vanish $n
	expect_fail "unplugged after $n packets" 'not there' \
		lanyard sign -k nist256p1 "$who" $digest
	wait_for '! lanyard devices 2>&1 | grep -q trezor:peer'
	tell peer plug
	listed trezor:peer
	n=$((n + 1))
done
signs 'after all that' trezor:peer 0

# ---- two wallets: one waits for its button, the other works ----

emulator kk --profile keepkey --usb webusb --device-id 0123456789ABCDEF01234567
listed keepkey:kk
signs 'the same words' keepkey:kk 1
for d in trezor:peer keepkey:kk; do
	lanyard pubkey -d $d "gpg://$d@example" >/dev/null
done
tell peer buttons never
(lanyard sign -d trezor:peer gpg://trezor:peer@example $digest >/dev/null && echo peer >>"$home/order") &
client=$!
tell peer wait button 20000
for i in 1 2 3; do
	lanyard sign -d keepkey:kk gpg://keepkey:kk@example $digest >/dev/null || die "keepkey, $i"
	echo kk >>"$home/order"
done
tell peer yes
wait $client || die 'trezor'
expect_eq 'order' "$(tr '\n' ' ' <"$home/order")" 'kk kk kk peer '
tell peer buttons auto

# ---- another program has it ----

node=$(usb_node 1209:53c1)
setpriv --reuid alice --regid alice --init-groups "$BIN/vm/hold_interface" "$node" 0 >"$home/held" &
holder=$!
wait_for "grep -q held $home/held"
expect_fail 'held' "$node is in use by hold_interface (process $holder)" \
	lanyard sign -d trezor:peer -k nist256p1 "$who" $digest
kill $holder
wait $holder || true
signs 'let go' trezor:peer 0
# And between two flows of ours it is free.
setpriv --reuid alice --regid alice --init-groups "$BIN/vm/hold_interface" "$node" 0 >"$home/held" &
holder=$!
wait_for "grep -q held $home/held || ! kill -0 $holder"
grep -q held "$home/held" || die 'the interface is kept between flows'
kill $holder
wait $holder || true
tell peer quit
tell kk quit

# ---- firmware of before 1.7: hidraw ----

for kind in hid hid-v1; do
	emulator old --usb $kind
	listed trezor:old
	signs "$kind" trezor:old 0
	tell old buttons never
	unsigned &
	client=$!
	tell old wait button 20000
	tell old unplug
	wait $client
	grep -q 'not there' "$home/stderr" || die "$kind unplugged: $(cat "$home/stderr")"
	wait_for '! lanyard devices 2>&1 | grep -q trezor:old'
	tell old buttons auto
	tell old plug
	listed trezor:old
	signs "$kind, back" trezor:old 0
	tell old quit
	wait_for '! lanyard devices 2>&1 | grep -q trezor:old'
done
agent_stop || die 'the agent ended badly'
