#!/bin/sh
# SPDX-License-Identifier: MIT
# WATCH: the state, then every event at once, whoever else watches and however slowly.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new

soft_import() {
	lanyard soft import --name "$1" --mnemonic-file "$home/words-$2" --no-encrypt 2>/dev/null
}

# watch FILE: a client that writes what it is told there.
watch() {
	printf 'WATCH\n' | socat -t 1000 - "UNIX-CONNECT:$LANYARD_SOCK" >"$1" &
	watchers="${watchers:-} $!"
	wait_for "grep -q '^S WATCHING' $1"
}

# event PATTERN: both watchers are told.
event() {
	wait_for "grep -q -- '^S EVENT $1\$' $home/one && grep -q -- '^S EVENT $1\$' $home/two"
}

uid=$(id -u)
soft_import a a
agent_start
serial=$(line DEVICES | sed -n 's/^S DEVICE 0 \([0-9a-f]*\) .*/\1/p')

# The state comes first.
watch "$home/one"
expect_eq 'the state' "$(sed 1d "$home/one" | tr '\n' '|')" \
	"S DEVICE 0 $serial soft a ready agent|S LOCKED no|S WATCHING|"
watch "$home/two"

# Every use of a key, with its result.
line 'SIGN age://x' 'D abc' END >/dev/null
event "key-used age://x 0 ed25519 sign ok $serial soft agent - line [0-9]* $uid .*"
line 'SECRET --index=7 secret://x' >/dev/null
event "key-used secret://x 7 curve25519 secret ok $serial soft agent - line [0-9]* $uid .*"
line 'ECDH age://x' 'D abc' END >/dev/null
event "key-used age://x 0 curve25519 ecdh bad-point $serial soft agent - line [0-9]* $uid .*"
line 'SIGN ssh://u@h' 'D abc' END >/dev/null
event "key-used ssh://u@h 0 ed25519 sign not-allowed $serial soft agent .* line [0-9]* $uid .*"
lanyard ssh add u@h >"$home/u.pub"
echo hello | ssh-keygen -q -Y sign -n file -f "$home/u.pub" >/dev/null 2>&1
event "key-used ssh://u@h 0 ed25519 sign ok $serial soft agent SSHSIG%20with%20ssh://u@h,.*file ssh [0-9]* $uid .*"
expect_eq 'a public key is no use of one' "$(grep -c 'key-used' "$home/one")" 5

# Locked, unlocked; devices come and go.
lanyard lock
event 'locked all'
event "device-state 0 $serial soft a locked agent"
line 'SECRET secret://x' >/dev/null
event "key-used secret://x 0 curve25519 secret locked - - - - line [0-9]* $uid .*"
lanyard unlock
event 'unlocked all'
event "device-state 0 $serial soft a ready agent"
expect_eq 'once each' "$(grep -c '^S EVENT \(locked\|unlocked\) all$' "$home/two")" 2
soft_import b b
event 'device-arrived 1 [0-9a-f]* soft b ready agent'
rm "$HOME/.local/share/lanyard/soft/b"
event 'device-left 1 [0-9a-f]* soft b gone agent'

# A state that changed before: said first.
lanyard lock
watch "$home/three"
expect_match 'locked at the start' "$(cat "$home/three")" '^S LOCKED yes all$'
lanyard unlock

# Any line ends it, the next one is a command again.
expect_eq 'the end' "$(line WATCH 'LOCK anything' HELLO | sed -n '/WATCHING/,$p' |
	sed 's/VERSION.*/VERSION/' | tr '\n' '|')" 'S WATCHING|OK|S VERSION|S PROTOCOL 1|OK|'
expect_match 'no operands' "$(line 'WATCH x')" '^ERR [0-9]* syntax: '

# One that reads nothing is dropped; nobody else misses anything.
uri=age://$(printf '%0400d' 0)
i=0
while [ $i -lt 100 ]; do
	printf 'SIGN %s\nD abc\nEND\n' "$uri"
	i=$((i + 1))
done >"$home/signs"
mkfifo "$home/slow"
exec 9<>"$home/slow"
printf 'WATCH\n' >&9
socat -u - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/slow" &
slow=$!
line HELLO >/dev/null
# The others are not let fall behind, as they might on a machine that stands still in places.
told=0
while [ $told -lt 1500 ]; do
	expect_eq 'signatures' "$(socat -t 100 - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/signs" | grep -c '^D ')" \
		100
	told=$((told + 100))
	wait_for "test \$(grep -c '$uri' $home/one) -eq $told -a \$(grep -c '$uri' $home/two) -eq $told"
done
expect_eq 'clients dropped' "$(grep -c 'does not read what it waits for' "$home/agent.log")" 1
kill $slow 2>/dev/null || true

# The agent's end is theirs.
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
# shellcheck disable=SC2086
wait $watchers
