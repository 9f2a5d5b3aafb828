#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: cover.sh BUILD
# Replays each target's corpus and prints the line coverage that it alone gives of the files it is
# for; exits 1 below 95 %. With MISSED=1 also the lines that were not reached.
set -eu

build=$1
min=95

# target, file, and functions that are no part of the parser (README.md says why).
table='
buf          protocol/buf.c
client       protocol/client.c
config       agent/config_parse.c
config       agent/config_values.c
config       agent/config_scan.c
destination  agent/destination.c
encode       derive/encode.c
identity     derive/identity.c
known_hosts  ssh/known_hosts.c
line         protocol/line.c
mnemonic     derive/mnemonic.c
peer         agent/peer.c         peer_read peer_name peer_chain
pinentry     agent/pinentry.c
soft_file    devices/soft/file.c
ssh_accept   ssh/accept.c
ssh_answer   ssh/answer.c
ssh_bind     ssh/bind.c
ssh_bind     ssh/host.c
ssh_bind     ssh/destination.c     ssh_destinations_known name_is_known
ssh_bind     derive/hostkey.c      hash_hmac_sha1
ssh_cert     ssh/cert.c
ssh_cert     ssh/cert_file.c
ssh_frame    ssh/message.c
ssh_key      ssh/blob.c
ssh_signed   ssh/signed.c
state        agent/state.c
text         protocol/text.c
wallet       devices/trezor/wire.c
wallet       devices/trezor/messages.c pack bytes_of slice_of_text message_empty message_initialize message_pin message_passphrase message_get_public_key set_identity message_sign message_ecdh message_cipher
wg_conf      wg-hook/conf.c           conf_path conf_read
wg_settings  wg-hook/settings.c       settings_read settings_path
wg_settings  wg-hook/settings_write.c
wg_events    wg-hook/events.c        events_open events_next events_close events_fd ended take_line
wg_netlink   wg-hook/netlink_parse.c
wg_uapi      wg-hook/uapi_parse.c
'

# profile TARGET: what its corpus runs, once a target.
profile() {
	[ -e "$build/fuzz/$1.profdata" ] && return
	REPLAY_QUIET=1 LLVM_PROFILE_FILE="$build/fuzz/$1.profraw" \
		"$build/fuzz/$1" "tests/fuzz/corpus/$1"
	llvm-profdata merge -o "$build/fuzz/$1.profdata" "$build/fuzz/$1.profraw"
}

# count TARGET FILE FUNCTION...: "lines missed" of the file's other functions.
count() {
	target=$1 file=$2
	shift 2
	llvm-cov report -show-functions -path-equivalence=.,"$PWD" -instr-profile "$build/fuzz/$target.profdata" \
		"$build/fuzz/$target" "$file" |
		awk -v leave=" $* " '
			/^TOTAL/ { next }
			NF >= 7 && $5 ~ /^[0-9]+$/ {
				name = $1; sub(/.*:/, "", name)
				if (!index(leave, " " name " ")) { lines += $5; missed += $6 }
			}
			END { print lines + 0, missed + 0 }'
}

# missed TARGET FILE: the lines that did not run.
missed() {
	llvm-cov show -path-equivalence=.,"$PWD" -instr-profile "$build/fuzz/$1.profdata" "$build/fuzz/$1" "$2" |
		grep -E '^ *[0-9]+\| *0\|' || true
}

rm -f "$build"/fuzz/*.profdata "$build"/fuzz/*.profraw
low=$(mktemp)
trap 'rm -f "$low"' EXIT
echo "$table" | while read -r target file left_out; do
	[ -n "$target" ] || continue
	profile "$target"
	# shellcheck disable=SC2086 # a list of names
	set -- $(count "$target" "$file" $left_out)
	[ "$1" -gt 0 ] || { echo "fuzz-cover: $file: no function of it in $target" >&2; exit 1; }
	percent=$(((($1 - $2) * 1000 + $1 / 2) / $1))
	printf '  %-12s %-22s %4d of %4d lines  %d.%d %%\n' "$target" "$file" $(($1 - $2)) "$1" \
		$((percent / 10)) $((percent % 10))
	if [ -n "${MISSED:-}" ]; then missed "$target" "$file"; fi
	[ $((($1 - $2) * 100)) -ge $(($1 * min)) ] || echo "$file" >>"$low"
done
if [ -s "$low" ]; then
	echo "fuzz-cover: below $min %:" $(cat "$low") >&2
	exit 1
fi
