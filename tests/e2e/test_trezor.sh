#!/bin/sh
# SPDX-License-Identifier: MIT
# Trezor and KeepKey, emulated over UDP: recorded answers, ssh logins, PIN, passphrase, buttons,
# cancel, unplug, two at once, and how many packets it takes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
conf=$home/.config/lanyard/lanyard.conf
mkdir -p "${conf%/*}" "$home/state"
emulators=
for table in sign ecdh; do # an empty field is one, which it would not be between tabs
	tr '\t' '|' <"tests/vectors/trezor_one_$table.tsv" >"$home/$table.txt"
done

# emulator NAME OPTION...: starts one; its port is in $port.
emulator() {
	name=$1
	shift
	: >"$home/$name.out"
	timeout 900 "$EMULATORS/trezor" --control "$home/$name" --label "$name" "$@" \
		>"$home/$name.out" 2>&1 &
	emulators="$emulators $!"
	wait_for "grep -q '^port' $home/$name.out"
	port=$(sed -n 's/^port //p' "$home/$name.out")
}

# tell NAME COMMAND...: as the person or the test's hand; prints the answer without "ok".
tell() {
	tell_name=$1
	shift
	"$EMULATORS/trezor" tell "$home/$tell_name" "$@"
}

emulators_stop() {
	for pid in $emulators; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	emulators=
}
trap 'status=$?; set +e; emulators_stop; (exit $status); home_remove' EXIT

# config LINE...: and an agent with it, once it has found COUNT devices.
fresh() {
	count=$1
	shift
	agent_stop || true
	rm -rf "$home/.local/state"
	printf '%s\n' 'confirm = never' "$@" >"$conf"
	agent_start
	wait_for "[ \$(lanyard devices 2>/dev/null | grep -c 'trezor:\|keepkey:') -ge $count ]"
}

# ask COMMAND ANSWER...: a line command whose INQUIREs are answered in turn; $said is what came. An
# answer "pin" is what to press for the right PIN on the screen of the device.
ask() {
	rm -f "$home/ask.in"
	mkfifo "$home/ask.in"
	socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/ask.in" >"$home/ask.out" &
	socat_pid=$!
	exec 9>"$home/ask.in"
	printf '%s\n' "$1" >&9
	shift
	asked=0
	for answer in "$@"; do
		asked=$((asked + 1))
		wait_for "[ \$(grep -c ^INQUIRE $home/ask.out) -ge $asked ]"
		[ "$answer" != pin ] || answer=$(tell "$name" pin | grep '^[1-9]*$')
		printf 'D %s\nEND\n' "$answer" >&9
	done
	wait_for "[ \$(grep -c '^OK\|^ERR' $home/ask.out) -ge 2 ]"
	exec 9>&-
	wait $socat_pid
	said=$(sed 1d "$home/ask.out")
}

# ---- the answers of real firmware ----

emulator peer
conf_peer="udp = {\"127.0.0.1:$port\"}"
fresh 1 "$conf_peer" 'allow-owner = wg'
expect_match 'listed' "$(lanyard devices)" 'A210790899570787245CA692  *trezor:peer  *ready  *device'
expect_match 'info' "$(line 'DEVICE trezor:peer info')" 'model: Trezor One%0Afirmware: 1.14.1'

rows=0
while IFS='|' read -r uri index curve signing data _ public signature; do
	case $signing:$data in gpg:*) ;; *) continue ;; esac
	case $uri in *"'"*) continue ;; esac
	got=$(lanyard sign -k "$curve" -i "$index" "$uri" "$data" 2>"$home/stderr") || got=refused
	# A longer digest is cut by us, where the device would refuse it.
	[ ${#data} -le 64 ] || [ "$curve" = ed25519 ] ||
		signature=$(lanyard sign -k "$curve" -i "$index" "$uri" "$(printf %.64s "$data")")
	expect_eq "$uri $index $curve $data" "$got" "$signature"
	[ "$signature" = refused ] || [ -n "$public" ] || die 'a row without its key'
	rows=$((rows + 1))
done <"$home/sign.txt"
[ $rows -ge 10 ] || die "only $rows signatures compared"
digest=cd8552569d6e4509266ef137584d1e62c7579b5b8ed69bbafa4b864c6521e7c2
signature=$(lanyard sign -k nist256p1 gpg://a@b.example $digest)
for more in 00 ffffffffffffffffffffffffffffffff $digest; do # up to SHA-512
	expect_eq "a digest and $more" "$(lanyard sign -k nist256p1 gpg://a@b.example $digest$more)" "$signature"
done
tell peer reset
expect_fail 'SHA-1' '32 to 64 bytes' lanyard sign -k nist256p1 gpg://a@b.example "$(printf %.40s $digest)"
expect_eq 'nobody asked' "$(tell peer log | grep -c Sign || true)" 0
rows=0
while IFS='|' read -r uri index curve peer public shared; do
	case $uri in gpg://*) ;; *) continue ;; esac
	got=$(lanyard ecdh -k "$curve" -i "$index" "$uri" "$peer" 2>"$home/stderr") || got=refused
	[ "$curve" != curve25519 ] || shared=${shared#04}
	expect_eq "$uri $index $curve $public" "$got" "$shared"
	rows=$((rows + 1))
done <"$home/ecdh.txt"
[ $rows -ge 8 ] || die "only $rows shared keys compared"
# SECRET, through what is made of it (doc/DERIVATION.md, wg.public).
expect_eq 'wg://' "$(lanyard pubkey wg://wg0@peer1)" 'nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I='
# What WireGuard gets: the private key, and a preshared key with the wallet's own q.
vector() { grep "^$1 " doc/DERIVATION.md | cut -d' ' -f2; }
point=$(perl -e 'print pack("H*", shift)' "$(vector wg.b.agent.point)" | base64)
expect_eq 'WGKEYS' "$(line 'WGKEYS wg://wg0@peer1' \
	"WGKEYS --psk-mode=device --rotate=120 --point=$point $(vector wg.a.peer-uri)" |
	perl -ne 's/^D // or next; chomp; s/%([0-9A-F]{2})/chr hex $1/ge; print unpack("H*", $_), "\n"')" \
	"$(vector wg.a.private)
$(vector wg.pair.r120)"

# ---- packets: Initialize and Features, the call, its button, its answer, and no other ----

lanyard pubkey -k nist256p1 'gpg://a@b.example' >/dev/null
tell peer reset
expect_ok 'a signature' lanyard sign -k nist256p1 'gpg://a@b.example' $digest
expect_eq 'what was said' "$(tell peer log | grep '[<>]' | awk '{ print $1 $2, $NF }' | tr '\n' ' ')" \
	'>Initialize 1 <Features 4 >SignIdentity 2 <ButtonRequest 1 >ButtonAck 1 <SignedIdentity 2 '
tell peer reset
expect_ok 'a shared key' lanyard ecdh -k nist256p1 'gpg://a@b.example' \
	0374f2051423651bb1b840ec8cb20ed4784221be328f276bdd42c9b7509d377860
expect_eq 'what was said' "$(tell peer log | grep '[<>]' | awk '{ print $1 $2, $NF }' | tr '\n' ' ')" \
	'>Initialize 1 <Features 4 >GetECDHSessionKey 2 <ButtonRequest 1 >ButtonAck 1 <ECDHSessionKey 2 '

# ---- logins ----

for curve in ed25519 nist256p1; do
	lanyard ssh add -k $curve "$user@localhost" >>"$home/authorized"
done
sshd_start "$home/authorized"
for type in ssh-ed25519 ecdsa-sha2-nistp256; do
	expect_ok "login with $type" ssh -F "$home/.ssh/config" -o PubkeyAcceptedAlgorithms=$type localhost echo hello
	expect_eq "login with $type" "$out" hello
	grep -q "Accepted publickey.*$(printf %s $type | sed 's/ssh-ed25519/ED25519/;s/ecdsa.*/ECDSA/')" \
		"$home/sshd.log" || die "not with $type: $(cat "$home/sshd.log")"
done
sshd_stop
# More than its 512 bytes: said with the reason and the way out, before anybody is asked.
ssh-keygen -q -t rsa -b 3072 -N '' -f "$home/rsa"
SSHD_HOSTKEY=$home/rsa sshd_start "$home/authorized"
tell peer reset
if ssh -F "$home/.ssh/config" localhost true 2>"$home/stderr"; then die 'a login that is too long'; fi
expect_eq 'nobody asked' "$(tell peer log | grep -c Button)" 0
wait_for "grep -q 'PubkeyAuthentication unbound' $home/agent.log"
expect_ok 'the way out' ssh -F "$home/.ssh/config" -o PubkeyAuthentication=unbound localhost echo hello
sshd_stop

# ---- its button ----

tell peer buttons refuse
expect_fail 'refused' 'refused on trezor:peer' lanyard sign 'gpg://a@b.example' $digest
tell peer buttons never
lanyard sign 'gpg://a@b.example' $digest >/dev/null 2>&1 &
client=$!
tell peer wait button 60000
kill $client
tell peer wait idle 60000 || die 'a client that goes away leaves the device waiting'
wait $client 2>/dev/null || true
tell peer buttons auto
expect_ok 'after a cancel' lanyard sign 'gpg://a@b.example' $digest

# Unplugged while it waits for its button: said at once; back by itself.
tell peer buttons never
lanyard sign 'gpg://a@b.example' $digest >/dev/null 2>"$home/stderr" &
client=$!
tell peer wait button 60000
tell peer unplug
wait $client && die 'signed by nobody'
grep -q 'trezor:peer is not there: connect it and try again' "$home/stderr" || die "unplugged: $(cat "$home/stderr")"
wait_for '! lanyard devices | grep -q trezor:peer'
tell peer buttons auto
tell peer plug
wait_for 'lanyard devices | grep -q trezor:peer'
expect_ok 'after it came back' lanyard sign 'gpg://a@b.example' $digest

# The agent is killed meanwhile: the next one finds the wallet all the same.
tell peer buttons never
lanyard sign 'gpg://a@b.example' $digest >/dev/null 2>&1 &
client=$!
tell peer wait button 60000
kill -9 "$LANYARD_AGENT_PID"
wait "$agent_pid" 2>/dev/null || true
wait $client 2>/dev/null || true
agent_start
wait_for 'lanyard devices | grep -q trezor:peer'
tell peer buttons auto
expect_ok 'after the agent was killed' lanyard sign 'gpg://a@b.example' $digest

# Another program gives it another name: what is said and listed follows.
tell peer label other
expect_ok 'named anew' lanyard sign 'gpg://a@b.example' $digest
wait_for "lanyard devices | grep -q 'trezor:other  *ready'"
expect_match 'recorded' "$(lanyard device list)" 'trezor:other'
expect_ok 'by its name' lanyard sign -d trezor:other 'gpg://a@b.example' $digest
tell peer buttons refuse
expect_fail 'the same name' 'refused on trezor:other' lanyard sign 'gpg://a@b.example' $digest
tell peer buttons auto
tell peer label peer
expect_ok 'named back' lanyard sign 'gpg://a@b.example' $digest
wait_for "lanyard devices | grep -q 'trezor:peer  *ready'"

# A device that lies about its key or its signature.
tell peer fault bad-key
expect_fail 'another key' 'is the known one' lanyard sign 'gpg://a@b.example' $digest
tell peer fault bad-signature
expect_fail 'another signature' 'signature is not by the known key' \
	lanyard sign 'gpg://a@b.example' $digest
tell peer fault none
expect_ok 'the truth again' lanyard sign 'gpg://a@b.example' $digest

# ---- two at once, four clients each: one waits for its button, the other works ----

emulator slow --device-id 0123456789ABCDEF01234567 --mnemonic "$WORDS_B" --buttons never
fresh 2 "udp = {\"127.0.0.1:$port\", ${conf_peer#*\{}"
for i in 1 2 3 4; do
	lanyard pubkey -d trezor:slow "gpg://slow$i@example" >/dev/null
	lanyard pubkey -d trezor:peer "gpg://peer$i@example" >/dev/null
done
: >"$home/order"
tell slow reset
tell peer reset
pids=
for i in 1 2 3 4; do
	for d in slow peer; do
		(lanyard sign -d trezor:$d "gpg://$d$i@example" $digest >/dev/null && echo $d \
			>>"$home/order") &
		pids="$pids $!"
	done
	[ $i -gt 1 ] || tell slow wait button 60000
done
# buttons NAME: how many it asked to be pressed.
buttons() { tell "$1" log | grep -c '^< *ButtonRequest' || true; }
wait_for "[ \$(wc -l <$home/order) -ge 4 ]"
expect_eq 'the other ones are done' "$(tr '\n' ' ' <"$home/order")" 'peer peer peer peer '
expect_eq 'their buttons' "$(buttons peer)" 4
expect_eq 'its queue waits for the first' "$(tell slow state) $(buttons slow)" 'button 7 1'
tell slow buttons auto # presses the one it waits for too
for pid in $pids; do wait "$pid" || die 'one of two devices failed'; done
expect_eq 'order' "$(tr '\n' ' ' <"$home/order")" 'peer peer peer peer slow slow slow slow '
expect_eq 'one button a signature' "$(buttons peer) $(buttons slow)" '4 4'
# Called the same: whatever takes a device says how to name each of them, and no other.
for d in slow peer; do
	tell $d label same
	lanyard sign "gpg://${d}1@example" $digest >/dev/null
done
lanyard soft import --name third --mnemonic-file "$home/words-a" --no-encrypt >/dev/null 2>&1
wait_for 'lanyard devices | grep -q soft:third'
for command in 'LOCK @' 'UNLOCK @' 'DEVICE @' 'FORGET --device=@ --all' 'PUBKEY --device=@ ssh://x'; do
	said=$(line "${command%@*}trezor:same${command#*@}")
	expect_match "$command: which" "$said" '^ERR [0-9]* ambiguous: several devices match "trezor:same"'
	expect_eq "$command: candidates" "$(echo "$said" | grep -c '^S CANDIDATE .* trezor:same$')" 2
	expect_eq "$command: no other" "$(echo "$said" | grep -c '^S ')" 2
done
expect_fail 'the command for each' 'lanyard lock 0123456789ABCDEF01234567 ' lanyard lock trezor:same
rm -r "$home/.local/share/lanyard/soft"
agent_stop
emulators_stop

# ---- PIN ----

# unlock_asks: an UNLOCK that has asked for its PIN. Descriptor 9 answers; $client is who asks.
unlock_asks() {
	rm -f "$home/ask.in" "$home/ask.out"
	mkfifo "$home/ask.in"
	socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/ask.in" >"$home/ask.out" &
	client=$!
	exec 9>"$home/ask.in"
	echo 'UNLOCK trezor:peer' >&9
	wait_for "grep -qs ^INQUIRE $home/ask.out"
}

emulator peer --pin 1234 --pin-scale 10
fresh 1 "udp = {\"127.0.0.1:$port\"}"
expect_match 'locked' "$(lanyard devices)" 'trezor:peer  *locked'
expect_fail 'nobody to ask' 'run .lanyard unlock trezor:peer' lanyard pubkey ssh://a@b
ask 'UNLOCK trezor:peer' 1111
expect_match 'the question' "$said" '^INQUIRE PIN PIN of trezor:peer.*7-8-9'
expect_match 'wrong PIN' "$said" '^ERR .* bad-pin: wrong PIN for trezor:peer.*1 s'
expect_eq 'asked once' "$(tell peer pin-fails)" 1
# Who leaves while the device looks at a wrong one has made it count all the same.
unlock_asks
tell peer wait pin-delay 60000 &
delayed=$!
printf 'D 1111\nEND\n' >&9
wait "$delayed" || die 'the device did not look at the PIN'
kill $client
exec 9>&-
tell peer wait idle 60000
wait_for '[ "$(tell peer pin-fails)" = 2 ]'
ask 'UNLOCK trezor:peer' 1111
expect_match 'wrong PIN' "$said" '^ERR .* bad-pin: wrong PIN for trezor:peer, 3 in a row'
expect_eq 'counted' "$(tell peer pin-fails)" 3
ask 'UNLOCK trezor:peer' 12a
expect_match 'no digits' "$said" '^ERR .* invalid: the PIN of trezor:peer'
expect_eq 'not sent' "$(tell peer pin-fails)" 3
# Restarted while somebody looks for the digits: it does not know what it asked.
unlock_asks
tell peer plug
printf 'D 1111\nEND\n' >&9
wait_for "grep -q ^ERR $home/ask.out"
expect_match 'restarted' "$(cat "$home/ask.out")" 'knows nothing of its question any more'
exec 9>&-
wait $client
expect_eq 'not looked at' "$(tell peer pin-fails)" 3
ask 'UNLOCK trezor:peer' pin
expect_match 'right PIN' "$said" '^OK'
expect_match 'ready' "$(lanyard devices)" 'trezor:peer  *ready'
expect_ok 'unlocked' lanyard pubkey ssh://a@b
# The right one ends the count of the wrong ones, also when its answer comes with nothing between.
tell peer lock
ask 'UNLOCK trezor:peer' pin
expect_match 'after it locked itself' "$said" '^OK'
expect_eq 'not again' "$(printf '%s\n' "$said" | grep -c AGAIN)" 0
lanyard lock trezor:peer
expect_match 'locked' "$(lanyard devices)" 'trezor:peer  *locked'
expect_fail 'locked' 'is locked: run' lanyard sign 'gpg://a@b.example' $digest
tell peer wait idle 60000
ask 'UNLOCK trezor:peer' pin
expect_match 'unlocked again' "$said" '^OK'
agent_stop
emulators_stop

# ---- passphrase ----

emulator peer --passphrase
udp="udp = {\"127.0.0.1:$port\"}"
fresh 1 "$udp"
ask 'UNLOCK trezor:peer' ''
expect_match 'an empty one is not sent' "$said" '^ERR .*passphrase = none'
ask 'UNLOCK trezor:peer' TREZOR
expect_match 'the question' "$said" '^INQUIRE PASSPHRASE BIP-39 passphrase of trezor:peer'
expect_match 'accepted' "$said" '^OK'
# As recorded, of the wallet behind that passphrase.
key=02d15b5dfea948322c3e7accb0a0cab4b4f48a1a2b2264d7af1e5d7ee2dcdd33c1
expect_eq 'its key' "$(lanyard pubkey --raw -k nist256p1 ssh://satoshi@bitcoin.org)" $key
lanyard pubkey 'gpg://a@b.example' >/dev/null
tell peer reset
expect_ok 'a signature' lanyard sign 'gpg://a@b.example' $digest
expect_eq 'asked once a session' "$(tell peer log | grep -c Passphrase)" 0
# A mistyped one is another wallet: found out, and not kept.
lanyard lock trezor:peer
ask 'UNLOCK trezor:peer' TREZOR2
expect_match 'another wallet' "$said" '^ERR .* mismatch: trezor:peer: this passphrase opens another wallet'
expect_match 'not kept' "$(lanyard devices)" 'trezor:peer  *locked'
ask 'UNLOCK trezor:peer' TREZOR
expect_match 'asked again' "$said" '^INQUIRE PASSPHRASE'
expect_ok 'the right one again' lanyard sign 'gpg://a@b.example' $digest
fresh 1 "$udp" 'wallet "trezor:peer" {' 'passphrase = none' '}'
expect_eq 'the wallet without' "$(lanyard pubkey --raw -k nist256p1 ssh://satoshi@bitcoin.org)" \
	03f7f1edbb379abf3a12bccbfee14316d2823257bd25e7f3f927c813b0d597f446
fresh 1 "$udp" 'wallet "trezor:peer" {' 'passphrase = device' '}'
expect_fail 'it has no keyboard' 'no way to type' lanyard pubkey ssh://satoshi@bitcoin.org
agent_stop
emulators_stop

# ---- KeepKey ----

emulator peer --profile keepkey
fresh 1 "udp = {\"127.0.0.1:$port\"}"
expect_match 'listed' "$(lanyard devices)" 'keepkey:peer  *ready  *device'
expect_eq 'the same keys' "$(lanyard pubkey -k nist256p1 ssh://satoshi@bitcoin.org | cut -d' ' -f2)" \
	'AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPfx7bs3mr86ErzL/uFDFtKCMle9Jefz+SfIE7DVl/RGoHFWmYCA4NM6xJvfUSy3DANjw//PmGH1tZHhtS0MMmU='
expect_eq 'a secret' "$(lanyard secret -i 1 secret://backup/disk)" \
	a958e3ddf179f57699913362f15a8401e7e37947065a038ee69dfa4123185156
expect_fail 'no ECDH' 'cannot do that' lanyard ecdh -k nist256p1 'gpg://a@b.example' \
	0374f2051423651bb1b840ec8cb20ed4784221be328f276bdd42c9b7509d377860
lanyard pubkey 'gpg://a@b.example' >/dev/null
tell peer reset
expect_ok 'a signature' lanyard sign 'gpg://a@b.example' $digest
expect_eq 'what was said' "$(tell peer log | grep '[<>]' | awk '{ print $1 $2 }' | tr '\n' ' ')" \
	'>GetFeatures <Features >SignIdentity <ButtonRequest >ButtonAck <SignedIdentity '
lanyard ssh add "$user@localhost" >"$home/authorized"
sshd_start "$home/authorized"
expect_ok 'login' ssh -F "$home/.ssh/config" -o PubkeyAuthentication=unbound localhost echo hello
sshd_stop

# It has one passphrase for all programs: what another one typed opens another wallet, and is not
# taken for ours, neither for what there is no recorded key for.
agent_stop
emulators_stop
emulator peer --profile keepkey --passphrase
fresh 1 "udp = {\"127.0.0.1:$port\"}"
ask 'UNLOCK keepkey:peer' TREZOR
expect_match 'asked' "$said" '^INQUIRE PASSPHRASE'
lanyard pubkey 'gpg://a@b.example' >/dev/null
secret=$(lanyard secret secret://backup/disk)
tell peer passphrase other
expect_fail 'a secret of another wallet' 'needs its passphrase' lanyard secret secret://backup/disk
expect_match 'locked' "$(lanyard devices)" 'keepkey:peer  *locked'
ask 'UNLOCK keepkey:peer' TREZOR
expect_match 'asked again' "$said" '^INQUIRE PASSPHRASE'
expect_eq 'the same secret' "$(lanyard secret secret://backup/disk)" "$secret"
tell peer passphrase other
expect_fail 'a key of another wallet' 'needs its passphrase' lanyard pubkey ssh://new@host
ask 'UNLOCK keepkey:peer' TREZOR
tell peer passphrase other
ask 'UNLOCK keepkey:peer' TREZOR
expect_match 'asked although it has one' "$said" '^INQUIRE PASSPHRASE'
expect_eq 'the same secret again' "$(lanyard secret secret://backup/disk)" "$secret"
# And one that was mistyped when it is asked for once more.
tell peer lock
expect_fail 'forgotten' 'needs its passphrase' lanyard sign 'gpg://a@b.example' $digest
expect_match 'locked by itself' "$(lanyard devices)" 'keepkey:peer  *locked'
ask 'UNLOCK keepkey:peer' TREZOR2
expect_match 'mistyped' "$said" '^ERR .* mismatch: keepkey:peer: this passphrase opens another wallet'
ask 'UNLOCK keepkey:peer' TREZOR
expect_match 'asked after a mistyped one' "$said" '^INQUIRE PASSPHRASE'
expect_eq 'the same secret after it' "$(lanyard secret secret://backup/disk)" "$secret"

# ---- one that is not set up yet ----

agent_stop
emulators_stop
emulator peer --empty
fresh 1 "udp = {\"127.0.0.1:$port\"}"
expect_match 'not set up' "$(lanyard devices)" 'trezor:Trezor_One .*not set up'
expect_fail 'no keys' 'has no keys yet: set it up' lanyard sign 'gpg://a@b.example' $digest
tell peer setup
expect_ok 'set up meanwhile' lanyard sign 'gpg://a@b.example' $digest
expect_match 'its wallet is recorded' "$(lanyard device list)" 'trezor:peer  *ready  *1  *[0-9a-f]\{16\}'
agent_stop
emulators_stop
emulator peer --empty
printf '%s\n' 'confirm = never' "udp = {\"127.0.0.1:$port\"}" >"$conf"
agent_start
wait_for "lanyard devices | grep -q 'not set up'"
expect_fail 'not another wallet' 'has no keys yet: set it up' lanyard sign 'gpg://a@b.example' $digest

# ---- one that is not understood, and one that comes late ----

agent_stop
emulators_stop
emulator peer
tell peer fault thp
udp="udp = {\"127.0.0.1:$port\"}"
fresh 1 "$udp"
expect_match 'listed with the reason' "$(line DEVICES)" 'needs%20THP,%20not%20supported%20yet'
tell peer quit
agent_stop
printf '%s\n' 'confirm = never' "$udp" >"$conf"
agent_start
wait_for "grep -q 'udp:127.0.0.1:$port is not there; it is looked for every 3 s' $home/agent.log"
emulator peer --port "$port"
wait_for 'lanyard devices | grep -q trezor:peer'
