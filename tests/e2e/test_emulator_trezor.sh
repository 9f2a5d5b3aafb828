#!/bin/sh
# SPDX-License-Identifier: MIT
# The emulated Trezor and KeepKey answer what the real firmwares answered, packet by packet and call
# by call, and do the faults that other tests ask of them.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
vectors=$PWD/tests/vectors
emulator=$EMULATORS/trezor
expect_ok 'replay' "$EMULATORS/trezor-replay" "$emulator" "$vectors/trezor_wire.txt" \
	"$vectors/keepkey_wire.txt" "$vectors/trezor_calls.tsv" "$vectors/keepkey_calls.tsv" \
	"$vectors/trezor_notes.txt"

# From a shell: where it listens, commands and their status, the end.
timeout 300 "$emulator" --control "$home/control" --buttons 'delay 5' >"$home/emulator.out" &
pid=$!
wait_for "test -s $home/emulator.out"
expect_match 'its port' "$(cat "$home/emulator.out")" '^port [0-9][0-9]*$'
expect_eq 'its state' "$("$emulator" tell "$home/control" state)" idle
expect_ok 'a command of words' "$emulator" tell "$home/control" fault vanish 3
expect_fail 'no such fault' 'vanish N, stall N' "$emulator" tell "$home/control" fault nonsense
expect_ok 'quit' "$emulator" tell "$home/control" quit
wait "$pid" || die "the emulator ended with $?"
expect_fail 'nobody there' 'cannot reach' "$emulator" tell "$home/control" state
