#!/bin/sh
# SPDX-License-Identifier: MIT
# A Trezor as a USB device, with udev and libusb as a user has them: who may, signing, a login,
# unplugging at any moment.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
modprobe vhci_hcd
alice_new

# ---- who may: each message's advice, followed ----

agent_start
emulator peer --usb webusb
wait_for "grep -q 'no access to /dev/bus/usb/.*for alice: the udev rule is missing' $home/agent.log"
# A newer systemd lets whoever is logged in use wallets by a rule of its own: not here.
ln -s /dev/null /etc/udev/rules.d/70-uaccess.rules
rules_install
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

# ---- unplugged: while it waits for its button, and at every packet ----

unplugged peer
point=0374f2051423651bb1b840ec8cb20ed4784221be328f276bdd42c9b7509d377860
sign() { lanyard sign -k nist256p1 "$who" $digest; }
ecdh() { lanyard ecdh -k nist256p1 "$who" $point; }
for operation in sign ecdh; do
	right=$($operation)
	tell peer reset
	expect_eq 'in how many packets' "$($operation)" "$right"
	packets=$(tell peer count | awk '{ print $2 + $4 }')
	[ "$packets" -ge 8 ] || die "$operation in $packets packets"
	n=0
	while [ $n -lt "$packets" ]; do
		tell peer fault vanish $n
		expect_fail "$operation, unplugged after $n packets" "$gone" $operation
		unlisted trezor:peer
		tell peer plug
		listed trezor:peer
		n=$((n + 1))
	done
	expect_eq "$operation after all that" "$($operation)" "$right"
done
signs 'after all that' trezor:peer 0
agent_stop || die 'the agent ended badly'
