#!/bin/sh
# SPDX-License-Identifier: MIT
# lanyard lock and unlock: all, and each class of use, on both sockets.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name a --mnemonic-file "$home/words-a" --passphrase-file "$home/passphrase" 2>/dev/null
agent_start
unlock() {
	lanyard unlock --passphrase-file "$home/passphrase" "$@"
}
unlock
lanyard ssh add "$user@localhost" >"$home/key.pub"
cp "$home/key.pub" "$home/authorized_keys"
sshd_start "$home/authorized_keys"
point=$(lanyard pubkey -k curve25519 --raw age://other)
locked_is() {
	expect_eq 'status' "$(lanyard status | sed -n 's/^locked  *//p')" "$1"
}
login() {
	ssh -F "$home/.ssh/config" "$user@localhost" true
}
sshsig() {
	rm -f "$home/text.sig"
	echo text | ssh-keygen -q -Y sign -n file -f "$home/key.pub"
}
# All that there is to use, by class.
auth='login' sign='sshsig' decrypt="lanyard ecdh gpg://me@example.org $point"
release="lanyard secret secret://x"
uses() {
	for class in auth sign decrypt release; do
		eval "use=\$$class"
		case " $1 " in
		*" $class "*) ! $use >/dev/null 2>&1 || die "$class works while locked: $1" ;;
		*) $use >/dev/null 2>"$home/stderr" || die "$class: $(cat "$home/stderr")" ;;
		esac
	done
}
locked_is no
uses ''

# Each class by itself: the others go on, and are listed; to end it somebody has to be there.
for one in auth sign decrypt; do
	lanyard lock $one
	locked_is "partly: $one"
	uses $one
	expect_match 'still listed' "$(ssh-add -L)" localhost
	expect_fail 'ending it asks' 'no terminal' setsid -w lanyard unlock $one
	echo wrong >"$home/wrong"
	expect_fail 'a wrong passphrase' 'wrong' lanyard unlock --passphrase-file "$home/wrong" $one
	locked_is "partly: $one"
	unlock $one
	locked_is no
done
uses ''
lanyard lock sign
expect_match 'why' "$(line 'SIGN age://x' 'D abc' END)" 'locked: sign is locked: run `lanyard unlock sign`$'
lanyard lock decrypt
lanyard lock auth
locked_is 'partly: auth, sign, decrypt'
uses 'auth sign decrypt'
unlock
locked_is no
lanyard lock sign
unlock auth
locked_is 'partly: sign'

# All: nothing is used, nothing is listed.
lanyard lock all
locked_is 'yes: all'
uses 'auth sign decrypt release'
expect_match 'ssh lists nothing' "$(ssh-add -L 2>&1 || true)" 'no identities'
for command in KEYS 'FORGET ssh://x@y' 'REMOVE ssh://x@y' 'PUBKEY ssh://x@y' 'ADD ssh://x@y' \
	'SECRET secret://x' 'DEVICE soft:a info'; do
	expect_match "$command" "$(line "$command")" '^ERR [0-9]* locked: '
done
expect_match 'the devices are' "$(lanyard devices)" 'soft:a  *locked'
lanyard lock auth
locked_is 'yes: all'
# A class may come back alone; what hands out keys comes with all of them only.
unlock auth
locked_is 'partly: sign, decrypt, release'
uses 'sign decrypt release'
expect_match 'listed again' "$(ssh-add -L)" localhost
unlock sign
unlock decrypt
locked_is 'partly: release'
expect_match 'release' "$(line 'SECRET secret://x')" 'run `lanyard unlock all`$'
unlock all
locked_is no
uses ''
# By itself, when nothing was used for a while.
agent_stop
mkdir -p "$home/.config/lanyard"
# (Without lanyard-logind: below, the keeper's processes are counted.)
printf 'confirm = never\nlock-after = 15m\nlock-on = {}\n' >"$home/.config/lanyard/lanyard.conf"
LANYARD_TEST_CLOCK=$home/clock
export LANYARD_TEST_CLOCK
agent_start
unlock
for i in 1 2 3 4; do
	clock_add $((14 * 60))
	lanyard sign age://x 00 >/dev/null || die 'locked while it is in use'
done
locked_is no
clock_add $((15 * 60))
wait_for 'lanyard status | grep -q "^locked  *yes: all"'
expect_match 'why' "$(cat "$home/agent.log")" 'no key was used for 900 s'
uses 'auth sign decrypt release'
unlock
locked_is no

# A lock does not wait for a passphrase to be stretched: that process is gone, and its memory.
mkfifo "$home/leaves.in" "$home/next.in"
socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/leaves.in" >"$home/leaves" &
leaves=$!
exec 7>"$home/leaves.in"
others() {
	# Children of the keeper besides the daemon, while they have memory.
	for child in $(pgrep -P "$agent_pid" | grep -vx "$LANYARD_AGENT_PID"); do
		! grep -q '^VmRSS' "/proc/$child/status" 2>/dev/null || echo "$child"
	done | grep .
}
answers() {
	grep -c '^OK$\|^ERR' "$home/leaves" || true
}
ask() {
	# Until Argon2id runs; it takes some 100 ms, which a busy machine misses: false.
	lanyard lock
	before=$(answers)
	printf 'UNLOCK\nD %s\nEND\n' "$PASSPHRASE" >&7
	until stretch=$(others); do
		[ "$(answers)" -eq "$before" ] || return
	done
}
caught_by_lock() {
	ask || return
	expect_eq 'a lock meanwhile' "$(line LOCK)" OK
	expect_eq 'what stretched it' "$(others)" ''
	wait_for '[ "$(answers)" -gt "$before" ]'
	# (Or it was ready just before.)
	tail -n 1 "$home/leaves" | grep -q '^ERR [0-9]* locked: '
}
caught_running() {
	ask || return
	while [ "$(answers)" -eq "$before" ]; do
		kill -STOP "$stretch" 2>/dev/null || return
		! grep -q '^State:.T' "/proc/$stretch/status" || return 0
	done
	return 1
}
lanyard lock
wait_for caught_by_lock
locked_is 'yes: all'
# A client left, and its request ends later: meanwhile its descriptor's number is nobody else's, who
# would not be heard any more from that end on.
wait_for caught_running
kill "$leaves"
wait "$leaves" || true
lanyard status >/dev/null
socat - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/next.in" >"$home/next" &
exec 7>"$home/next.in"
wait_for "grep -q '^OK lanyard' $home/next"
kill -CONT "$stretch"
wait_for '[ -z "$(others)" ]'
lanyard lock soft:a
echo STATUS >&7
wait_for "grep -q '^S PID' $home/next"
exec 7>&-
unlock
expect_fail 'a class that is none' 'release' lanyard lock release
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
