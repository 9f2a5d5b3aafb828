#!/bin/sh
# SPDX-License-Identifier: MIT
# A lock with its own passphrase: ssh-add -x and lanyard lock --passphrase are the same.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
agent_start
lanyard ssh add git@github.com >"$home/key.pub"
echo 'open sesame' >"$home/right"
echo 'open barley' >"$home/wrong"
ssh_lock() {
	cat "$home/right" "$home/right" | ssh-add -x 2>&1
}
ssh_unlock() {
	ssh-add -X <"$home/$1" 2>&1
}
locked_is() {
	expect_eq 'status' "$(lanyard status | sed -n 's/^locked  *//p')" "$1"
}
closed() {
	locked_is 'yes: all'
	expect_match "$1: nothing listed" "$(ssh-add -L 2>&1 || true)" 'no identities'
	expect_match "$1: KEYS" "$(line KEYS)" '^ERR [0-9]* locked: '
	expect_match "$1: SECRET" "$(line 'SECRET secret://x')" '^ERR [0-9]* locked: '
	expect_match "$1: the device has wiped its secrets" "$(lanyard devices)" 'soft:a  *locked'
}
opened() {
	locked_is "${2:-no}"
	expect_eq "$1: listed" "$(ssh-add -L | cut -d' ' -f1,2)" "$(cut -d' ' -f1,2 "$home/key.pub")"
	expect_ok "$1: used" lanyard secret secret://x
}
opened 'at first'
expect_match 'nothing to open' "$(ssh_unlock right || true)" 'refused operation\|[Ff]ailed'
for how in ssh lanyard; do
	for open in ssh lanyard; do
		case $how in
		ssh) ssh_lock >/dev/null || die 'ssh-add -x' ;;
		lanyard) lanyard lock --passphrase --new-passphrase-file "$home/right" ;;
		esac
		closed "by $how"
		# No second passphrase over the first; no other way in.
		expect_match 'ssh-add -x again' "$(ssh_lock || true)" 'refused operation\|[Ff]ailed'
		expect_fail 'lock --passphrase again' 'locked already' \
			lanyard lock --passphrase --new-passphrase-file "$home/wrong"
		expect_ok 'a plain lock needs nothing' lanyard lock
		expect_match 'a wrong one' "$(ssh_unlock wrong || true)" 'refused operation\|[Ff]ailed'
		expect_fail 'a wrong one' 'wrong' lanyard unlock --passphrase-file "$home/wrong" soft:a
		closed 'after wrong ones'
		case $open in
		ssh) ssh_unlock right >/dev/null || die 'ssh-add -X' ;;
		lanyard) expect_ok 'unlock' lanyard unlock --passphrase-file "$home/right" ;;
		esac
		opened "by $open"
	done
done

# What was locked before is so afterwards.
lanyard lock decrypt
ssh_lock >/dev/null
ssh_unlock right >/dev/null
opened 'again' 'partly: decrypt'
lanyard unlock
# So is what is locked meanwhile.
ssh_lock >/dev/null
expect_ok 'lock a class too' lanyard lock decrypt
ssh_unlock right >/dev/null
opened 'but for that' 'partly: decrypt'
lanyard unlock
expect_fail 'all or nothing' 'locks all, not sign' lanyard lock --passphrase \
	--new-passphrase-file "$home/right" sign
locked_is no

# A plain lock is not opened by a passphrase that somebody sets afterwards.
lanyard lock
expect_match 'ssh-add -x' "$(ssh_lock || true)" 'refused operation\|[Ff]ailed'
expect_match 'ssh-add -X' "$(ssh_unlock right || true)" 'refused operation\|[Ff]ailed'
locked_is 'yes: all'
lanyard unlock

# Each wrong try is answered later than the last, and holds up only those that try.
uptime_cs() { # hundredths of a second, by no clock that is ever set
	sed 's/ .*//; s/[.]//' /proc/uptime
}
ssh_lock >/dev/null
for i in 1 2 3 4; do ssh_unlock wrong >/dev/null || true; done
start=$(uptime_cs)
ssh_unlock wrong >/dev/null &
slow=$!
locked_is 'yes: all'
wait $slow || true
cs=$(($(uptime_cs) - start))
[ $cs -ge 49 ] || die "the fifth wrong answer came after $cs hundredths of a second"
ssh_unlock right >/dev/null || die 'the right one is not taken'
opened 'at last'

# Who leaves while waiting holds up nobody; the agent ends with tries that wait.
ssh_lock >/dev/null
for i in 1 2 3; do
	printf 'UNLOCK\nD wrong\nEND\n' | timeout 0.2 socat -u - "UNIX-CONNECT:$LANYARD_SOCK" || true
done
expect_ok 'unlock' lanyard unlock --passphrase-file "$home/right"
ssh_lock >/dev/null
for i in 1 2 3 4 5 6; do
	(ssh_unlock wrong >/dev/null || true) &
done
wait_for "grep -q 'a wrong passphrase for the lock' $home/agent.log"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
