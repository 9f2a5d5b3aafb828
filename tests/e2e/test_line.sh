#!/bin/sh
# SPDX-License-Identifier: MIT
# The line protocol on agent.sock, with socat as the client.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
agent_start

expect_eq 'hello' "$(line HELLO | sed 's/[0-9.]*$//' | tr '\n' '|')" 'S VERSION |S PROTOCOL |OK|'
expect_eq 'hello 1' "$(line 'HELLO 1' | tail -n 1)" OK
expect_match 'hello 2' "$(line 'HELLO 2')" '^ERR [0-9]* unsupported: '
for verb in HELLO HELP DEVICES DEVICE PUBKEY SIGN ECDH SECRET UNLOCK LOCK STATUS OPTION BYE; do
	expect_match "help lists $verb" "$(line HELP)" "^# $verb[ :]"
done
expect_match 'devices' "$(line DEVICES)" '^S DEVICE 0 [0-9a-f]* soft a ready agent$'
expect_match 'unknown command' "$(line FROB)" '^ERR [0-9]* unknown-command: .*HELP'
expect_match 'lower case is fine' "$(line hello)" '^S VERSION'
expect_match 'option' "$(line 'OPTION ttyname=/dev/pts/1')" '^OK$'
expect_match 'unknown option' "$(line 'OPTION x=y')" '^ERR [0-9]* invalid: '
expect_match 'unknown word option' "$(line 'PUBKEY --frob ssh://a@b')" '^ERR [0-9]* syntax: '
expect_eq 'comments and empty lines' "$(line '# hello' '' BYE)" OK
expect_eq 'CR LF' "$(printf 'BYE\r\n' | socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" | sed 1d)" OK

# Classes: what each identity may not do is refused before any device is asked.
wg=wg://wg0@peer1
expect_match 'SIGN on wg' "$(line "SIGN $wg")" '^ERR [0-9]* not-allowed: '
expect_match 'ECDH on wg' "$(line "ECDH $wg")" '^ERR [0-9]* not-allowed: '
expect_match 'SECRET on wg' "$(line "SECRET $wg")" '^ERR [0-9]* not-allowed: '
expect_match 'SECRET on gpg' "$(line 'SECRET gpg://x')" '^ERR [0-9]* not-allowed: '
expect_match 'ECDH on ssh' "$(line 'ECDH ssh://a@b')" '^ERR [0-9]* not-allowed: '
expect_match 'SECRET on ssh' "$(line 'SECRET ssh://a@b')" '^ERR [0-9]* not-allowed: '
expect_match 'SIGN on secret' "$(line 'SIGN secret://x')" '^ERR [0-9]* not-allowed: '
expect_match 'ECDH on secret' "$(line 'ECDH secret://x')" '^ERR [0-9]* not-allowed: '
expect_match 'SECRET on other' "$(line 'SECRET age://x')" '^ERR [0-9]* not-allowed: '
expect_match 'SSH data is parsed here too' "$(line 'SIGN ssh://a@b' 'D hello' END)" \
	'^ERR [0-9]* not-allowed: '

# SECRET and the WireGuard key, as a real Trezor One with the same words makes them.
expect_match 'wg public key' "$(line "PUBKEY $wg")" '^D nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I=$'

# Pipelining: everything in one write, answers in order, also after a half-close.
expect_eq 'pipelined' "$(line 'SIGN age://x' 'D abc' END 'SIGN age://x' CAN BYE |
	sed 's/^D .*/D/; s/^\(ERR [0-9]* [a-z-]*\).*/\1/' | tr '\n' '|' | sed 's/[0-9]\{5,\}/N/g')" \
	'S INQUIRE_MAXLEN N|INQUIRE DATA|D|OK|S INQUIRE_MAXLEN N|INQUIRE DATA|ERR N canceled|OK|'

# Limits: 1000 bytes are a line, 1001 are not.
pad() { printf '#%0*d' $(($1 - 1)) 0; }
expect_eq '1000 bytes' "$(line "$(pad 1000)" BYE)" OK
expect_match '1001 bytes' "$(line "$(pad 1001)" BYE)" '^ERR [0-9]* too-large: '
expect_match '100 KB without a newline' \
	"$(head -c 100000 /dev/zero | tr '\0' x | socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" 2>/dev/null |
		sed 1d)" '^ERR [0-9]* too-large: '
expect_match 'lone CR' "$(printf 'BY\rE\n' | socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK")" '^ERR'
expect_match 'NUL' "$(printf 'BY\000E\n' | socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK")" '^ERR'
expect_match 'encoded NUL' "$(line 'PUBKEY ssh://a%00b')" '^ERR'
expect_match 'encoded LF' "$(line 'PUBKEY ssh://a%0Ab')" '^ERR'
expect_match 'data in place of an answer' "$(line 'SIGN age://x' HELP)" '^ERR [0-9]* syntax: '

# An answer that is too long; a client that vanishes in the middle; the agent lives on.
expect_match 'point too long' "$(line 'ECDH age://x' "D $(printf '%0100d' 0)" END)" \
	'^ERR [0-9]* too-large: '
for i in 1 2 3 4 5 6 7 8 9 10; do
	printf 'SIGN age://x\nD abc\n' | timeout 0.0$i socat -u - "UNIX-CONNECT:$LANYARD_SOCK" || true
	printf 'SIGN age://x\nD abc\nEND\nLOCK\nUNLOCK\n' |
		socat -u - "UNIX-CONNECT:$LANYARD_SOCK" || true
done
line UNLOCK >/dev/null
expect_match 'still alive' "$(line DEVICES)" '^S DEVICE 0 .* ready'
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
