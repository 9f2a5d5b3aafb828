#!/bin/sh
# SPDX-License-Identifier: MIT
# agent.sock with other people's Assuan clients: gpg-connect-agent, a program made with libassuan,
# and socat with everything in one write.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
agent_start

connect() {
	gpg-connect-agent -S "$LANYARD_SOCK" "$@" /bye
}

# Bytes of all kinds, and more of them than a line holds.
printf 'hello %%0A \r\n\0 \377 D END\nOK\n' >"$home/data"
head -c 5000 /dev/zero | tr '\0' '%' >>"$home/data"
wanted=$( (
	echo 'SIGN age://x'
	od -An -v -tx1 -w300 "$home/data" | sed 's/ /%/g; s/^/D /'
	echo END
) | socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" | grep '^D ')
pub=$(lanyard pubkey ssh://u@h)

# gpg-connect-agent
expect_match 'HELLO' "$(connect HELLO)" '^S PROTOCOL 1$'
expect_match 'PUBKEY' "$(connect 'PUBKEY ssh://u@h')" "^D $pub$"
expect_eq 'SIGN with /definqfile' \
	"$(connect "/definqfile DATA $home/data" 'SIGN age://x' | grep '^D ')" "$wanted"
expect_match 'SIGN with /definq' "$(connect '/let x hello' '/definq DATA x' 'SIGN signify://release')" \
	'^D 4oQ%AD!%0C#&%B0%AC%DB%CENN4%B2'
expect_match 'an error' "$(connect 'SECRET ssh://u@h')" '^ERR 536871037 not-allowed: '
# A question that nobody defined an answer for is canceled.
expect_match 'SIGN without data' "$(connect 'SIGN age://x')" '^ERR 536871011 canceled: '

# libassuan
expect_ok 'libassuan' "$BIN/assuan_client" "$LANYARD_SOCK" age://x "$(printf 'a b%%c\n\001')"
printf '%s\n' "$out" >"$home/assuan"
expect_match 'status lines' "$out" '^status PROTOCOL 1$'
expect_match 'public key' "$out" "^$(lanyard pubkey age://x)$"
printf 'a b%%c\n\001' >"$home/small"
expect_match 'signature' "$out" "^$(lanyard sign --file "$home/small" age://x)$"
expect_match 'no error' "$out" '^SIGN: source none, code 0 '
expect_match 'the error, as libgpg-error says it' "$out" \
	'^SECRET: source User defined source 1, code 125 (Wrong key usage)$'

# socat, closed for sending at once: every command is answered, in order.
expect_eq 'socat' "$(printf 'PUBKEY ssh://u@h\nSIGN age://x\nD a\nD b\nEND\nNOPE\nBYE\n' |
	socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" | sed 's/[0-9.]\{3,\}/N/; s/^D .*/D/; s/:.*//' |
	tr '\n' '|')" \
	'OK lanyard N ready|D|OK|S INQUIRE_MAXLEN N|INQUIRE DATA|D|OK|ERR N unknown-command|OK|'
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
