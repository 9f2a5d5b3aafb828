#!/bin/sh
# SPDX-License-Identifier: MIT
# What is left in the memory of a locked agent: nothing that was secret. Looks with root's eyes at the
# release programs, for these are what people run, and the sanitisers keep what was freed.
if [ "$(id -u)" -ne 0 ]; then
	exec sudo -n env BIN="$BIN" RELEASE="$RELEASE" EMULATORS="$EMULATORS" sh "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
memscan=$BIN/memscan
BIN=$RELEASE
home_new
cd "$home"
# Nothing that the program says by itself.
random() {
	od -An -N24 -tx1 /dev/urandom | tr -d ' \n' | tr '0-9a-f' 'g-v'
}
PASSPHRASE=$(random)
changed=$(random)
wrong=$(random)
hidden=$(random)
pin=594837261594837261594837
printf '%s\n' "$PASSPHRASE" >passphrase
printf '%s\n' "$changed" >changed
printf '%s\n' "$wrong" >wrong
conf=$home/.config/lanyard/lanyard.conf
mkdir -p "${conf%/*}"

# secret NAME TEXT: one more to look for.
secret() {
	printf '%s %s\n' "$1" "$(printf %s "$2" | od -An -v -tx1 | tr -d ' \n')" >>secrets
}

# scan: the names of what is in the memory of the agent and of its keeper.
scan() {
	for scan_pid in "$LANYARD_AGENT_PID" "$agent_pid"; do
		"$memscan" "$scan_pid" <secrets >>"$1" || [ $? -eq 1 ] || die 'the scan failed'
	done
	cut -d' ' -f1 "$1" | sort -u | tr '\n' ' '
}

# nothing WHEN: but for what is no secret, which shows that the scan sees.
nothing() {
	rm -f found
	names=$(scan found)
	[ "$names" = 'canary ' ] || die "found $1: $(grep -v '^canary' found)"
}

soft() {
	lanyard soft import --name a --mnemonic-file words-b --passphrase-file passphrase 2>/dev/null
}
unlock() {
	lanyard unlock --passphrase-file passphrase soft:a
}
uri=age://me@example.org
canary=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
secret canary "ssh://canary@$canary"
secret passphrase "$PASSPHRASE"
secret changed "$changed"
secret wrong "$wrong"
secret hidden "$hidden"
secret pin $pin
"$memscan" keys "$uri" secret://x ssh://u@h lanyard://wallet <words-b >>secrets

# script LINE...: what the next pinentries do.
script() {
	printf '%s\n' "$@" >"$home/script"
	: >asks
}
cat >pinentry <<END
#!/bin/sh
exec "$EMULATORS/pinentry" "$home/script" "$home/asks"
END
chmod 755 pinentry
printf 'confirm = never\npinentry = "%s/pinentry"\ndisplay = ":77"\n' "$home" >"$conf"

soft
agent_start
# Each use of each curve; what it answers may be a secret as well.
use() {
	lanyard pubkey "ssh://canary@$canary" >/dev/null
	lanyard ssh add u@h >key.pub
	for curve in ed25519 nist256p1 secp256k1; do
		lanyard sign -k $curve $uri 00112233 >/dev/null
	done
	for curve in curve25519 nist256p1 secp256k1; do
		point=$(lanyard pubkey -k $curve --raw --ecdh age://other)
		echo "shared-$curve $(lanyard ecdh -k $curve $uri "$point")" >>secrets
	done
	echo "secret $(lanyard secret secret://x)" >>secrets
	rm -f text.sig
	echo text >text
	ssh-keygen -q -Y sign -n file -f key.pub text 2>/dev/null
}
unlock
use
found=$(scan live)
expect_match 'the canary is found' "$found" canary
expect_match 'the seed is found while it is in use' "$found" '\<seed\>'
lanyard lock
nothing 'after a lock'

# Failed: a wrong passphrase, data that may not be signed, a point that is none, nobody who asks.
expect_fail 'wrong' 'is wrong' lanyard unlock --passphrase-file wrong soft:a
unlock
for command in 'SIGN ssh://u@h' "ECDH $uri" 'SIGN --curve=curve25519 age://x'; do
	expect_match "$command" "$(line "$command" 'D abc' END)" '^ERR'
done
lanyard lock
nothing 'after failed requests'

# Canceled: while Argon2id runs, in the middle of a passphrase, and while a line is half there.
printf 'UNLOCK soft:a\nD %s\nEND\n' "$PASSPHRASE" | socat -t 0.2 - "UNIX-CONNECT:$LANYARD_SOCK" >/dev/null
for part in "D $PASSPHRASE\n" "D $PASSPHRASE" "D $PASSPHRASE\nCAN\n"; do
	# shellcheck disable=SC2059
	printf "UNLOCK soft:a\n$part" | socat -t 0.2 - "UNIX-CONNECT:$LANYARD_SOCK" >/dev/null
done
unlock
printf 'SECRET secret://x\nSECRET secret://x' | socat -u - "UNIX-CONNECT:$LANYARD_SOCK"
lanyard lock
nothing 'after canceled requests'

# What a pinentry answers, wrong and right; a new passphrase.
unlock
lanyard lock soft:a
lanyard soft change-passphrase a --passphrase-file passphrase --new-passphrase-file changed >/dev/null
agent_stop
script "pin $wrong" "pin $changed"
agent_start
lanyard ssh add u@h >key.pub
use
expect_eq 'it asked' "$(grep -c '^GETPIN' asks)" 2
lanyard lock
nothing 'after a pinentry'
agent_stop

# A wallet: its PIN, as it is typed into the agent, and the passphrase of a hidden wallet.
timeout 900 "$EMULATORS/trezor" --control "$home/wallet" --label w --pin $pin --passphrase >wallet.out 2>&1 &
emulator=$!
wait_for "grep -q '^port' wallet.out"
printf 'confirm = never\nudp = {"127.0.0.1:%s"}\n' "$(sed -n 's/^port //p' wallet.out)" >"$conf"
agent_start
wait_for 'lanyard devices | grep -q trezor:w'
mkfifo in
socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" <in >out &
exec 9>in
echo 'UNLOCK trezor:w' >&9
wait_for "grep -q '^INQUIRE PIN' out"
typed=$("$EMULATORS/trezor" tell "$home/wallet" pin | grep '^[1-9]*$')
secret typed-pin "$typed"
printf 'D %s\nEND\n' "$typed" >&9
wait_for "grep -q '^INQUIRE PASSPHRASE' out"
printf 'D %s\nEND\n' "$hidden" >&9
wait_for "[ \$(grep -c ^OK out) -eq 2 ]"
exec 9>&-
lanyard pubkey -d trezor:w "ssh://canary@$canary" >/dev/null
echo "secret $(lanyard secret -d trezor:w secret://x)" >>secrets
lanyard lock
nothing 'after a wallet'
agent_stop
kill $emulator
wait $emulator 2>/dev/null || true
