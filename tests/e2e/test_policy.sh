#!/bin/sh
# SPDX-License-Identifier: MIT
# Confirmations by the config: what is asked, what a yes is worth, and what ends it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
conf=$home/.config/lanyard/lanyard.conf
me=$user@localhost
mkdir -p "${conf%/*}"
LANYARD_TEST_CLOCK=$home/clock
export LANYARD_TEST_CLOCK

pinentry_new
for d in a b; do
	lanyard soft import --name $d --mnemonic-file "$home/words-$d" --passphrase-file "$home/passphrase" 2>/dev/null
done

# fresh LINE...: an agent with this config, $devices unlocked.
devices=a
fresh() {
	agent_stop || true
	printf '%s\n' "pinentry = \"$home/pinentry\"" 'device = "soft:a"' "$@" >"$conf"
	script
	DISPLAY=:77 agent_start
	for d in $devices; do
		lanyard unlock soft:$d --passphrase-file "$home/passphrase" 2>/dev/null
	done
}

# asked: how often a question was on the screen.
sign() {
	lanyard sign "$@" 68656c6c6f >/dev/null
}

secret() {
	lanyard secret "$@" >/dev/null
}

ecdh() {
	lanyard ecdh "$@" 0900000000000000000000000000000000000000000000000000000000000000 >/dev/null
}

# ---- the defaults: signatures are not asked for, key material is, each time ----

fresh
expect_ok 'a signature' sign age://x
expect_ok 'a decryption for gpg' ecdh gpg://me
script ok ok refuse
expect_ok 'a secret that is allowed' secret secret://backup
expect_ok 'asked for again' secret secret://backup
expect_eq 'twice' "$(asked)" 2
expect_fail 'a secret that is refused' 'the use of secret://backup on soft:a was not confirmed' \
	secret secret://backup
expect_match 'the question' "$(cat "$asks")" \
	'^SETDESC Allow giving out a secret key with soft:a?%0Asecret://backup%0AAsked for by what says it is lanyard ([0-9]*) <- '
script refuse
expect_fail 'raw ECDH' 'was not confirmed' ecdh age://x
expect_eq 'asked' "$(asked)" 1
expect_eq 'a public key is not asked for' "$(script; lanyard pubkey age://y >/dev/null; asked)" 0
script fail
expect_fail 'nobody to ask' 'nobody could be asked to confirm secret://backup: .lanyard tty. in a terminal' secret secret://backup

# ---- always, first, never; by key, device, protocol ----

devices='a b'
fresh 'confirm = always' 'policy "age://" { confirm = first }' 'policy "soft:b" { confirm = never }' \
	'key "age://free" { confirm = never }'
script ok ok ok ok
expect_ok 'always' sign other://x
expect_ok 'each time' sign other://x
expect_eq 'asked twice' "$(asked)" 2
expect_ok 'first' sign age://x
expect_ok 'and then not' sign age://x
expect_eq 'once' "$(asked)" 3
expect_match 'it says for how long' "$(cat "$asks")" \
	'Allow a signature with soft:a? (then not again for 10 min, for this key)'
expect_ok 'another key' sign age://y
expect_eq 'is asked for' "$(asked)" 4
expect_ok 'a key that is free' sign age://free
expect_ok 'a device that is free' sign -d soft:b other://b
expect_ok 'even of a secret' secret -d soft:b secret://b
expect_eq 'not asked' "$(asked)" 4

# A yes to a signature is none to a release of the same device, nor the other way round.
script refuse
expect_fail 'a release after a yes to signatures' 'was not confirmed' \
	ecdh age://x
expect_eq 'asked' "$(asked)" 1

# ---- a window for all keys of a device, with a number of uses ----

fresh 'confirm = first' 'scope = all' 'max-uses = 3' 'remember = 1h'
script ok ok
for n in 1 2 3; do
	expect_ok "use $n" sign "age://$n"
done
expect_eq 'one question for three' "$(asked)" 1
expect_match 'it says so' "$(cat "$asks")" 'then not again for 1 h, 3 uses, for all its keys'
expect_ok 'the fourth' sign age://4
expect_eq 'is asked for' "$(asked)" 2
script ok
expect_ok 'another device' sign -d soft:b age://1b
expect_eq 'too' "$(asked)" 1

# ---- how long a window lasts ----

fresh 'confirm = first' 'remember = 1h'
script ok ok ok
expect_ok 'a window' sign age://x
clock_add 3590
expect_ok 'after nearly an hour' sign age://x
expect_eq 'not asked again' "$(asked)" 1
clock_add 10
expect_ok 'after an hour' sign age://x
expect_eq 'asked again' "$(asked)" 2
clock_add 2 2
expect_ok 'after a suspend of two seconds' sign age://x
expect_eq 'asked again' "$(asked)" 3

# ---- what ends a window ----

devices=a
fresh 'confirm = first'
script ok
expect_ok 'a window' sign age://x
expect_ok 'lock' lanyard lock
expect_ok 'unlock' lanyard unlock soft:a --passphrase-file "$home/passphrase"
script refuse
expect_fail 'after a lock' 'was not confirmed' sign age://x
script ok
expect_ok 'a window' sign age://x
mv "$home/.local/share/lanyard/soft/a" "$home/a"
wait_for '! lanyard devices | grep -q soft:a'
mv "$home/a" "$home/.local/share/lanyard/soft/a"
wait_for 'lanyard devices | grep -q soft:a'
expect_ok 'unlock' lanyard unlock soft:a --passphrase-file "$home/passphrase"
script refuse
expect_fail 'after its removal' 'was not confirmed' sign age://x

# ---- while a question is on the screen ----

script hang
lanyard sign age://x 00 >/dev/null 2>"$home/held" &
pid=$!
wait_for "grep -q '^CONFIRM' $asks"
expect_ok 'other work goes on' lanyard status
lanyard lock
wait "$pid" && die 'a use was allowed by a lock'
expect_match 'a lock ends it' "$(cat "$home/held")" 'locked'
expect_ok 'unlock' lanyard unlock soft:a --passphrase-file "$home/passphrase"
wait_for "! alive $(sed -n 's/^start //p' "$asks" | tail -n 1)"

# A client that leaves takes its question away.
script hang
lanyard sign age://x 00 >/dev/null 2>/dev/null &
pid=$!
wait_for "grep -q '^CONFIRM' $asks"
shown=$(sed -n 's/^start //p' "$asks" | tail -n 1)
kill "$pid"
wait "$pid" || true
wait_for "! alive $shown"

# Two wait for one window: one yes is for both.
script "when $home/go" refuse
lanyard sign age://z 00 >/dev/null 2>"$home/one" &
one=$!
wait_for "grep -q '^CONFIRM' $asks"
lanyard sign age://z 00 >/dev/null 2>"$home/two" &
two=$!
lanyard status >/dev/null
: >"$home/go"
wait "$one" || die "the first: $(cat "$home/one")"
wait "$two" || die "the second: $(cat "$home/two")"
expect_eq 'one question' "$(asked)" 1

# The device leaves while its use is asked for.
script "when $home/gone"
lanyard sign age://w 00 >/dev/null 2>"$home/left" &
pid=$!
wait_for "grep -q '^CONFIRM' $asks"
mv "$home/.local/share/lanyard/soft/a" "$home/a"
wait_for '! lanyard devices | grep -q soft:a'
: >"$home/gone"
wait "$pid" && die 'a device that is gone has signed'
expect_match 'an error' "$(cat "$home/left")" 'was unplugged: connect it and try again'
mv "$home/a" "$home/.local/share/lanyard/soft/a"

# ---- ssh: what is proved is in the question ----

fresh "key \"ssh://$me\" { confirm = first }"
expect_ok 'a key' lanyard ssh add "$me"
printf '%s\n' "$out" >"$home/authorized_keys"
sshd_start "$home/authorized_keys"
script ok refuse
expect_ok 'a login that is allowed' ssh -F "$home/.ssh/config" "$me" true
fingerprint=$(ssh-keygen -lf "$home/hostkey.pub" | cut -d' ' -f2)
expect_match 'the question' "$(cat "$asks")" "^SETDESC Allow a login with soft:a? .*%0Alogin with ssh://$me, host $fingerprint (localhost.*), user $user%0AAsked for by what says it is ssh ([0-9]*) <- "
expect_ok 'another login' ssh -F "$home/.ssh/config" "$me" true
expect_eq 'is not asked for' "$(asked)" 1
echo hello >"$home/letter"
expect_fail 'a signature of a file is another class' '.' \
	ssh-keygen -Y sign -n file -f "$home/authorized_keys" "$home/letter"
expect_eq 'asked' "$(asked)" 2
