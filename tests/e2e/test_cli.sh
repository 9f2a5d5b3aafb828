#!/bin/sh
# SPDX-License-Identifier: MIT
# `lanyard pubkey|sign|ecdh|secret|devices|status`, against published SLIP-0013/0017 vectors, and
# the choice among several devices.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name b --mnemonic-file "$home/words-b" --no-encrypt 2>/dev/null
mkdir -p "$home/.config/lanyard"
printf 'wait-device = 1\nconfirm = never\n' >"$home/.config/lanyard/lanyard.conf"
agent_start

# SLIP-0013 and SLIP-0017 nodes (the wallets' own test vectors).
raw() { lanyard pubkey --raw "$@"; }
expect_eq 'slip13 secp256k1' "$(raw -k secp256k1 https://satoshi@bitcoin.org/login)" \
	023a472219ad3327b07c18273717bb3a40b39b743756bf287fbd5fa9d263237f45
expect_eq 'slip13 index 3' "$(raw -k secp256k1 -i 3 ftp://satoshi@bitcoin.org:2323/pub)" \
	0266cf12d2ba381c5fd797da0d64f59c07a6f1b034ad276cca6bf2729e92b20d9c
expect_eq 'slip13 nist256p1' "$(raw -k nist256p1 -i 47 ssh://satoshi@bitcoin.org)" \
	0373f21a3da3d0e96fc2189f81dd826658c3d76b2d55bd1da349bc6c3573b13ae4
expect_eq 'slip13 ed25519' "$(raw -k ed25519 -i 47 ssh://satoshi@bitcoin.org)" \
	0fac2a491e0f5b871dc48288a4cae551bac5cb0ed19df0764d6e721ec5fade18
gpg='gpg://Satoshi Nakamoto <satoshi@bitcoin.org>'
expect_eq 'slip17 curve25519' "$(raw -k curve25519 "$gpg")" \
	9753a0738c55c7ba7c17dd4a9a975ce9b0d2b62e8a1ecef4a76767fad99d3c71
expect_eq 'slip17 is the default curve with --ecdh' "$(raw --ecdh "$gpg")" \
	9753a0738c55c7ba7c17dd4a9a975ce9b0d2b62e8a1ecef4a76767fad99d3c71
expect_eq 'slip17 nist256p1' "$(raw --ecdh -k nist256p1 "$gpg")" \
	03fda61bc6e6be9b1dd99f7f9d04836d1bf2a6ea2426095210c8ce65091b09000a

# ECDH and signatures, byte for byte where they are deterministic.
expect_eq 'ecdh nist256p1' "$(lanyard ecdh -k nist256p1 "$gpg" \
	04811a6c2bd2a547d0dd84747297fec47719e7c3f9b0024f027c2b237be99aac39a9230acbd163d0cb1524a0f5ea4bfed6058cec6f18368f72a12aa0c4d083ff64)" \
	046d1f5c48af2cf2c57076ac2c9d7808db2086f614cb7b8107119ff2c6270cd209749809efe0196f01a0cc633788cef1f4a2bd650c99570d06962f923fca6d8fdf
expect_eq 'ecdh curve25519' "$(lanyard ecdh "$gpg" \
	40a8cf4b6a64c4314e80f15a8ea55812bd735fbb365936a48b2d78807b575fa17a)" \
	e24516669e0b7d3d72e5129fddd07b6644c30915f5c8b7f1f62324afb3624311
hidden=cd8552569d6e4509266ef137584d1e62c7579b5b8ed69bbafa4b864c6521e7c2
expect_eq 'sign gpg ed25519' "$(lanyard sign gpg://satoshi@bitcoin.org $hidden)" \
	f47f1a09a2875b971811ebbece19c3004c3ecbe84e65666dc8c36cc2fc002544af8a3f545375ebe53d73b41c700df2f9020256c31bb774a7eb03ed9819226407
expect_eq 'sign signify' "$(lanyard sign signify://satoshi@bitcoin.org $hidden)" \
	9bb30a7a894e6cdd86e2b75803745e93bd5294b979f9e00ce9dc870642c7f6ad7322af4c54d401ea793494e8a5fdf2bf8b88c6e875094512bd67b94f9188000d
printf '%s' "$hidden" | sed 's/../\\\\x&/g' | xargs printf '%b' >"$home/data"
expect_eq 'data from a file' "$(lanyard sign --file "$home/data" signify://satoshi@bitcoin.org)" \
	"$(lanyard sign signify://satoshi@bitcoin.org $hidden)"
expect_eq 'data from a pipe' "$(lanyard sign --file - signify://satoshi@bitcoin.org <"$home/data")" \
	"$(lanyard sign signify://satoshi@bitcoin.org $hidden)"
expect_eq 'a secret is 32 bytes' "$(lanyard secret secret://backup | tr -d '\n' | wc -c)" 64
expect_eq 'and stays the same' "$(lanyard secret secret://backup)" "$(lanyard secret secret://backup)"
[ "$(lanyard secret secret://backup)" != "$(lanyard secret -i 1 secret://backup)" ] ||
	die 'an index makes another secret'

# What is refused, and how it is said.
expect_fail 'ssh data must parse' 'not-allowed\|neither\|not' lanyard sign ssh://a@b 00
expect_fail 'bad hex' 'hex' lanyard sign signify://a xyz
expect_fail 'bad curve' 'nist256p1' lanyard pubkey -k p384 ssh://a@b
expect_fail 'bad index' '4294967295' lanyard pubkey -i -1 ssh://a@b
expect_fail 'index out of range' '4294967295' lanyard pubkey -i 4294967296 ssh://a@b
expect_fail 'no scheme' '://' lanyard pubkey a@b
expect_fail 'sign with curve25519' 'curve' lanyard sign -k curve25519 age://x 00
expect_fail 'low order point' 'point' lanyard ecdh age://x "$(printf '%064d' 0)"
expect_fail 'a long point' 'what was given is longer than 65 bytes' lanyard ecdh age://x "$(printf '%0132d' 0)"
expect_fail 'wg is not for SECRET' '`lanyard-wg`' lanyard secret wg://wg0@peer1
expect_fail 'dash host' '-' lanyard pubkey -- ssh://-oProxyCommand=x
expect_fail 'ssh over secp256k1' 'raw' lanyard pubkey -k secp256k1 ssh://a@b
for host in ::1 u@fe80::1 2001:db8::5:22; do
	expect_fail "$host" 'stands in brackets' lanyard ssh add "$host"
done
expect_ok 'in brackets' lanyard ssh add 'u@[::1]:2222'
expect_ok 'rm' lanyard ssh rm 'u@[::1]:2222'
expect_fail 'rm of another' 'not offered: `lanyard ssh list`' lanyard ssh rm nobody@nowhere
expect_fail 'nor is it offered' 'use ed25519 or nist256p1' lanyard ssh add -k secp256k1 a@b

# Another spelling of the same host is another key: said.
lanyard pubkey ssh://git@example.org >/dev/null
expect_ok 'near' lanyard pubkey ssh://git@example.org:22
expect_match 'warning' "$(cat "$home/stderr")" 'ssh://git@example.org'

# Devices: a second one makes a choice necessary; never the first.
expect_match 'devices' "$(lanyard devices)" 'soft:b'
expect_match 'devices --json' "$(lanyard devices --json)" '"label": *"b"'
expect_match 'status' "$(lanyard status)" "$LANYARD_SOCK"
expect_match 'status --json' "$(lanyard status --json)" '"locked": *false'
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
wait_for 'lanyard devices | grep -q soft:a'
expect_fail 'ambiguous' 'lanyard pubkey.* -d .*ssh://new@host' lanyard pubkey ssh://new@host
serial_a=$(lanyard soft list | awk '$1 == "a" { print $2 }')
by_label=$(lanyard pubkey -d soft:a ssh://x@y)
expect_eq 'by serial' "$(lanyard pubkey -d "$serial_a" ssh://x@y)" "$by_label"
index=$(lanyard devices --json | tr '{' '\n' | grep '"label": *"a"' | sed 's/.*"index": *\([0-9]*\).*/\1/')
expect_eq 'by index' "$(lanyard pubkey -d "$index" ssh://x@y)" "$by_label"
[ "$(lanyard pubkey -d soft:b ssh://x@y)" != "$by_label" ] || die 'two devices, one key'
expect_eq 'an identity stays with its device' "$(lanyard pubkey ssh://x@y)" "$by_label"
expect_fail 'no such device' 'soft:a' lanyard pubkey -d soft:nope ssh://x@y

# The device goes: what it held cannot be used, what is known of it can be shown.
lanyard soft remove -y a 2>/dev/null
wait_for '! lanyard devices | grep -q soft:a'
expect_eq 'known though gone' "$(lanyard pubkey -d "$serial_a" ssh://x@y)" "$by_label"
expect_fail 'gone' "$serial_a" lanyard sign -d "$serial_a" age://x 00

# A default device in the config.
agent_stop
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
printf 'device = "soft:a"\nconfirm = never\n' >"$home/.config/lanyard/lanyard.conf"
agent_start
expect_eq 'default device' "$(lanyard pubkey wg://wg0@peer1)" \
	nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I=

# No agent: says so, and what to do.
agent_stop
expect_fail 'no agent' 'lanyard-agent' lanyard devices
status=0
lanyard frobnicate 2>"$home/stderr" || status=$?
expect_eq 'unknown noun' $status 2
for noun in devices pubkey sign ecdh secret ssh soft lock unlock status help; do
	expect_ok "help $noun" lanyard help $noun
	expect_match "help $noun" "$out" "lanyard $noun"
done
