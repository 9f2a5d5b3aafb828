#!/bin/sh
# SPDX-License-Identifier: MIT
# What the agent remembers: keys and devices over restarts, and that no key silently becomes another.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
soft=$home/.local/share/lanyard/soft
state=$home/.local/state/lanyard
uri=ssh://git@github.com

import() { # NAME WORDS-FILE [OPTION...]
	name=$1 words=$2
	shift 2
	lanyard soft import --name "$name" --mnemonic-file "$words" --no-encrypt "$@" >/dev/null 2>&1
}

# graft OLD NEW OUT: an unencrypted software device with the serial of OLD and the seed of NEW, as
# doc/soft.md has it: what a hardware wallet with other words, or another passphrase, looks like.
graft() {
	{
		head -c 56 "$2"
		tail -c +57 "$1" | head -c 8
		tail -c +65 "$2" | head -c 97
	} >"$home/graft"
	sum=$(sha256sum "$home/graft" | cut -c1-32)
	while [ -n "$sum" ]; do
		rest=${sum#??}
		# shellcheck disable=SC2059
		printf "\\$(printf %03o "0x${sum%"$rest"}")" >>"$home/graft"
		sum=$rest
	done
	chmod 600 "$home/graft"
	mv "$home/graft" "$3"
}

state_of() { # NAME: what `lanyard device list` says of soft:NAME
	lanyard device list | awk -v name="soft:$1" '$3 == name { print $4 }'
}

index_of() {
	lanyard device list | awk -v name="soft:$1" '$3 == name { print $1 }'
}

mkdir -p "$home/.config/lanyard"
printf 'confirm = never\nwait-device = 1\nkey "%s" {\n}\n' "$uri" >"$home/.config/lanyard/lanyard.conf"
import a "$home/words-a"
agent_start
expect_eq 'an unencrypted device is ready at once' "$(state_of a)" ready
wait_for 'ssh-add -L >/dev/null 2>&1'
key_a=$(ssh-add -L)
wg_a=$(lanyard pubkey wg://wg0@peer1)
expect_eq 'its wallet' "$(lanyard device list --json | grep -c \
	'"wallet": "dbfd09ecea69897d8ad3e8c6c08be787df9e489f99217c41d3458767a9867b67"')" 1
expect_ok 'a secret' lanyard secret secret://backup
secret_a=$out
expect_match 'the file' "$(head -n 1 "$state/keys")" '^lanyard keys 1$'
expect_eq 'mode' "$(stat -c %a "$state/keys" "$state/devices" | tr '\n' ' ')" '600 600 '
cp "$state/keys" "$home/keys"
expect_ok 'a second use' lanyard secret secret://backup
expect_ok 'and a signature' lanyard sign age://x 00
expect_eq 'only what is new is written' "$(diff "$home/keys" "$state/keys" | grep -c '^[<>]')" 1
agent_stop

# ---- listing after a restart, with no device; requests that need it wait ----

mv "$soft/a" "$home/a"
agent_start
expect_eq 'listed at once, without the device' "$(ssh-add -L)" "$key_a"
expect_eq 'pubkey too' "$(lanyard pubkey $uri)" "$key_a"
expect_eq 'and that of wg' "$(lanyard pubkey wg://wg0@peer1)" "$wg_a"
expect_eq 'absent' "$(state_of a)" absent
expect_fail 'a secret needs it' 'soft:a .*is not connected and did not come within 1 s' \
	lanyard secret secret://backup
expect_match 'and says at once that it waits' "$(cat "$home/stderr")" 'waiting 1 s for soft:a'
expect_fail 'an unknown device is not waited for' 'no device "soft:never"' \
	lanyard secret -d soft:never secret://x
expect_match 'refused data is not waited for' "$(line "SIGN $uri" 'D hello' END)" \
	'^ERR [0-9]* not-allowed: '
expect_match 'wait-device' "$(line 'SECRET secret://backup')" '^S WAITING [0-9a-f]* soft:a 1$'
agent_stop

printf 'confirm = never\nwait-device = 60\nkey "%s" {\n}\n' "$uri" >"$home/.config/lanyard/lanyard.conf"
agent_start
printf '%s\n' "$key_a" >"$home/key.pub"
echo hello >"$home/hello"
lanyard secret secret://backup >"$home/secret" 2>"$home/waits" &
waits=$!
ssh-keygen -q -Y sign -f "$home/key.pub" -n file "$home/hello" 2>"$home/ssh-waits" &
ssh_waits=$!
lanyard secret -d soft:a secret://leaves >/dev/null 2>"$home/leaves" &
leaves=$!
wait_for "test -s $home/waits -a -s $home/leaves"
wait_for "grep -c '$uri waits up to' $home/agent.log >/dev/null"
kill "$leaves"
wait "$leaves" 2>/dev/null || true
cp -p "$home/a" "$home/a2"
mv "$home/a2" "$soft/a"
wait "$waits" || die "the waiting request: $(cat "$home/waits")"
expect_eq 'its answer' "$(cat "$home/secret")" "$secret_a"
wait "$ssh_waits" || die "the waiting signature: $(cat "$home/ssh-waits")"
printf 'me %s\n' "$key_a" >"$home/signers"
expect_ok 'the signature' ssh-keygen -Y verify -f "$home/signers" -I me -n file \
	-s "$home/hello.sig" <"$home/hello"
! grep -q secret://leaves "$state/keys" || die 'the request of a client that left was done'

# A stop does not wait for requests that wait.
rm "$soft/a"
wait_for '[ "$(state_of a)" = absent ]'
lanyard secret secret://backup >/dev/null 2>"$home/waits" &
waits=$!
wait_for "test -s $home/waits"
agent_stop || die "stop with a waiting request: $agent_status"
! wait "$waits" || die 'the waiting request succeeded without a device'
! grep 'did not come' "$home/waits" || die 'a stop waited for a waiting request'
printf 'confirm = never\nwait-device = 1\nkey "%s" {\n}\n' "$uri" >"$home/.config/lanyard/lanyard.conf"

# ---- another seed under the same name is another device ----

import a "$home/words-b"
agent_start
expect_eq 'the key stays with its device' "$(lanyard pubkey $uri)" "$key_a"
expect_eq 'two devices were called a' "$(lanyard device list | grep -c soft:a)" 2
expect_eq 'what is called a now' "$(lanyard pubkey -d soft:a $uri | grep -c "$key_a")" 0
expect_fail 'and the secret is not that of another seed' 'is not connected' \
	lanyard secret secret://backup
agent_stop
cp -p "$soft/a" "$home/b"

# ---- another seed in the same device: other words, then another BIP-39 passphrase ----

# mismatch WHAT: every use of the device in place fails and changes nothing.
mismatch() {
	cp "$state/keys" "$home/keys"
	agent_start
	expect_fail "$1: pubkey" 'the device.s key is .*, but .* is the known one' \
		lanyard pubkey $uri
	expect_match "$1: names the known key" "$(cat "$home/stderr")" \
		"$(awk '$8 == "'$uri'" { print $7; exit }' "$state/keys")"
	expect_match "$1: and the cause" "$(cat "$home/stderr")" 'another wallet, passphrase'
	expect_match "$1: and what to do" "$(cat "$home/stderr")" 'lanyard key forget -d'
	expect_fail "$1: a secret" 'another wallet (fingerprint .*) than .* (dbfd09ecea69897d)' \
		lanyard secret secret://backup
	expect_fail "$1: a new identity" 'another wallet' lanyard pubkey ssh://new@host
	expect_fail "$1: the plain node" 'another wallet' lanyard pubkey --raw age://new
	expect_fail "$1: WireGuard" 'another wallet' lanyard pubkey wg://wg0@peer1
	expect_eq "$1: still listed" "$(ssh-add -L)" "$key_a"
	expect_fail "$1: a login signature" 'agent refused\|sign.*failed' \
		ssh-keygen -q -Y sign -f "$home/key.pub" -n file "$home/hello2"
	expect_match "$1: the log says why" "$(cat "$home/agent.log")" 'is the known one'
	agent_stop
	cmp -s "$home/keys" "$state/keys" || die "$1: the record has changed"
}
echo hello >"$home/hello2"
graft "$home/a" "$home/b" "$soft/a"
mismatch 'other words'
printf 'TREZOR\n' >"$home/bip39"
import c "$home/words-a" --bip39-passphrase-file "$home/bip39"
graft "$home/a" "$soft/c" "$soft/a"
rm "$soft/c"
mismatch 'BIP-39 passphrase'

# While the agent runs, and back: the same device holds what it held.
agent_start
expect_fail 'before' 'another wallet' lanyard secret secret://backup
rm "$soft/a"
wait_for '[ -z "$(line DEVICES | grep DEVICE)" ]'
cp -p "$home/a" "$home/a2"
mv "$home/a2" "$soft/a"
wait_for 'line DEVICES | grep -q "soft a ready"'
expect_eq 'the right one again' "$(lanyard secret secret://backup)" "$secret_a"
rm "$soft/a"
wait_for '[ -z "$(line DEVICES | grep DEVICE)" ]'
graft "$home/a" "$home/b" "$soft/a"
wait_for 'line DEVICES | grep -q "soft a ready"'
expect_fail 'and the wrong one' 'another wallet' lanyard secret secret://backup

# ---- forgetting ----

expect_fail 'no answer is no' 'terminal\|refused' setsid lanyard key forget $uri
expect_eq 'nothing is forgotten' "$(lanyard key list | grep -c "^$uri ")" 2
expect_fail 'which device' 'all goes with --device' lanyard key forget --all
expect_fail 'no such key' 'no such key is recorded: `lanyard key list`' \
	lanyard key forget -y ssh://nobody@nowhere
serial=$(awk '$8 == "secret://backup" { print $5 }' "$state/keys")
expect_ok 'forget' lanyard key forget -y -d "$serial" --all
expect_match 'shows what' "$out" "^$uri "
expect_eq 'all of that device' "$(grep -c "$serial" "$state/keys")" 0
expect_ok 'forget the one on the other device too' lanyard key forget -y $uri
wait_for "grep -q '$serial.*$uri' $state/keys"
expect_eq 'the config key is learned anew' "$(lanyard pubkey $uri | grep -c "$key_a")" 0
expect_eq 'and offered' "$(ssh-add -L)" "$(lanyard pubkey $uri)"
expect_ok 'the new wallet is the known one now' lanyard secret -d "$serial" secret://backup
[ "$out" != "$secret_a" ] || die 'another seed made the same secret'
agent_stop
rm -r "$soft" "$state"

# ---- locked: what is recorded is answered without a question ----

lanyard soft import --name e --mnemonic-file "$home/words-a" --passphrase-file "$home/passphrase" \
	2>/dev/null
agent_start
expect_eq 'an encrypted device is locked' "$(state_of e)" locked
expect_ok 'unlock' lanyard unlock --passphrase-file "$home/passphrase"
wait_for 'ssh-add -L >/dev/null 2>&1'
agent_stop
agent_start
expect_eq 'listed though locked' "$(ssh-add -L)" "$key_a"
expect_eq 'pubkey' "$(lanyard pubkey $uri </dev/null)" "$key_a"
expect_eq 'still locked' "$(state_of e)" locked
agent_stop
rm -r "$soft" "$state"

# ---- two devices swapped: the serial counts, not the name ----

import a "$home/words-a"
import b "$home/words-b"
printf 'confirm = never\nwait-device = 0\n' >"$home/.config/lanyard/lanyard.conf"
agent_start
on_a=$(lanyard pubkey -d soft:a $uri)
on_b=$(lanyard pubkey -d soft:b age://b)
agent_stop
mv "$soft/a" "$soft/x"
mv "$soft/b" "$soft/a"
mv "$soft/x" "$soft/b"
agent_start
expect_eq 'a is b' "$(index_of b)$(index_of a)" 01
expect_eq 'the key of a' "$(lanyard pubkey $uri)" "$on_a"
expect_eq 'by its new name' "$(lanyard pubkey -d soft:b $uri)" "$on_a"
expect_eq 'the key of b' "$(lanyard pubkey age://b)" "$on_b"
mv "$soft/a" "$soft/x"
wait_for 'line DEVICES | grep -q "soft x ready"'
expect_ok 'renamed while the agent runs' lanyard sign age://b 00
agent_stop

# ---- indices ----

rm "$soft/b"
agent_start
expect_eq 'the other keeps its index' "$(index_of x)" 1
import c "$home/words-a"
wait_for 'line DEVICES | grep -q "soft c ready"'
expect_eq 'a new one gets another' "$(index_of c)" 2
expect_fail 'no wait with wait-device = 0' 'is not connected: connect it' \
	lanyard sign -d 0 age://on-a 00
expect_fail 'forget a connected one' 'is connected' lanyard device forget -y soft:c
expect_fail 'forget one with keys' '1 keys stay with' lanyard device forget -y 0
expect_ok 'forget its key' lanyard key forget -y -d 0 --all
expect_ok 'forget it' lanyard device forget -y 0
expect_fail 'it is gone' 'no device "0"' lanyard device forget -y 0
agent_stop
agent_start
import d "$home/words-a"
wait_for 'line DEVICES | grep -q "soft d ready"'
expect_eq 'its index is free' "$(index_of d)$(index_of x)$(index_of c)" 012

# ---- one agent a state ----

mkdir -m 700 "$home/other"
expect_fail 'a second agent' 'another lanyard-agent.*keeps its state in' \
	timeout 300 lanyard-agent -D --socket-dir "$home/other"

# ---- a disk that is full, a place that cannot be written ----

agent_stop
mkfifo "$home/log"
# The log is no file, so that the limit is for what the agent keeps.
cat "$home/log" >"$home/agent.log" &
reader=$!
rm -f "$home/agent.env"
lanyard-agent -D -s >"$home/agent.env" 2>"$home/log" &
agent_pid=$!
wait_for "test -s $home/agent.env"
daemon=$(line STATUS | sed -n 's/^S PID //p')
cp "$state/keys" "$home/keys"
prlimit --pid "$daemon" --fsize=100:unlimited
expect_ok 'a new key with a full disk' lanyard pubkey -d soft:c age://full
expect_match 'in the keyring' "$(lanyard key list)" age://full
wait_for "grep -q 'warning: cannot write $state/keys' $home/agent.log"
cmp -s "$home/keys" "$state/keys" || die 'a full disk damaged the old file'
expect_eq 'nothing is left behind' "$(find "$state" -name '.lanyard-*')" ''
prlimit --pid "$daemon" --fsize=unlimited:unlimited
agent_stop || die "exit $agent_status"
wait "$reader"
expect_match 'written at the end' "$(cat "$state/keys")" age://full

agent_start
mv "$state" "$home/away"
: >"$state"
expect_ok 'a state directory that is none' lanyard pubkey -d soft:c age://away
expect_match 'said' "$(cat "$home/agent.log")" "warning: .*$state"
rm "$state"
mv "$home/away" "$state"
expect_ok 'and back' lanyard pubkey -d soft:c age://back
expect_eq 'nothing is missing' "$(grep -c 'age://full\|age://away\|age://back' "$state/keys")" 3
if [ "$(id -u)" -ne 0 ]; then
	chmod 500 "$state"
	expect_ok 'a read-only directory' lanyard pubkey -d soft:c age://read-only
	expect_match 'said too' "$(cat "$home/agent.log")" "warning: cannot write $state/keys"
	chmod 700 "$state"
fi
agent_stop

# ---- files that are cut, garbage, or from a newer version: no start, and nothing is overwritten ----

cp -rp "$state" "$home/good"
refuse() { # WHAT FILE PATTERN
	cp -p "$state/$2" "$home/bad"
	expect_fail "$1" "$3" timeout 300 lanyard-agent -D
	expect_match "$1: names the file" "$(cat "$home/stderr")" "$state/$2"
	cmp -s "$home/bad" "$state/$2" || die "$1: the file was overwritten"
	rm "$state/$2"
	cp -p "$home/good/$2" "$state/$2"
}
for file in keys devices; do
	head -c -1 "$home/good/$file" >"$state/$file"
	refuse "$file: last byte gone" $file "$file:[0-9]*: the line is cut; .*move the file away"
	head -n -1 "$home/good/$file" >"$state/$file"
	refuse "$file: last line gone" $file "$file:[0-9]*: the end is missing"
	: >"$state/$file"
	refuse "$file: empty" $file "$file:1: the end is missing"
	head -c 500 /dev/urandom | tr -d '\n' >"$state/$file"
	echo >>"$state/$file"
	refuse "$file: garbage" $file "$file:1: "
	sed '1s/1$/2/' "$home/good/$file" >"$state/$file"
	refuse "$file: newer" $file "$file:1: a newer lanyard wrote it (version 2; this one reads 1)"
	sed '2p' "$home/good/$file" >"$state/$file"
	refuse "$file: a line twice" $file 'is there twice'
	chmod 622 "$state/$file"
	refuse "$file: others can write it" $file 'can be written by others'
done
sed '3s/ [0-9a-f]\{64\} / - /' "$home/good/keys" >"$state/keys"
refuse 'two wallets' keys 'the wallet is not that of the lines before'
agent_start
expect_eq 'the good files start it' "$(lanyard key list | grep -c age://full)" 1
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
