#!/bin/sh
# SPDX-License-Identifier: MIT
# A wallet that answers wrongly, at every message of a signature and of a shared key: never a wrong
# result, and the next request works. (With the driver alone, and unplugged or silent at every packet:
# tests/unit/test_trezor_faults.c; on USB: tests/vm.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
conf=$home/.config/lanyard/lanyard.conf
mkdir -p "${conf%/*}"
emulator_pid=
trap 'status=$?; set +e; kill $emulator_pid 2>/dev/null; (exit $status); home_remove' EXIT
tell() { "$EMULATORS/trezor" tell "$home/control" "$@"; }

digest=cd8552569d6e4509266ef137584d1e62c7579b5b8ed69bbafa4b864c6521e7c2
peer=0374f2051423651bb1b840ec8cb20ed4784221be328f276bdd42c9b7509d377860
sign() { lanyard sign -k nist256p1 gpg://a@b.example $digest; }
ecdh() { lanyard ecdh -k nist256p1 gpg://a@b.example $peer; }

# faulty OPERATION RIGHT FAULT...: its result is the right one or none.
faulty() {
	operation=$1 right=$2
	shift 2
	tell fault "$@"
	if got=$($operation 2>"$home/stderr"); then
		expect_eq "$operation, $*" "$got" "$right"
	else
		[ -s "$home/stderr" ] || die "$operation, $*: not said why"
		failed=$((failed + 1))
	fi
	tell fault none
	wait_for "lanyard devices | grep -q $device"
	expect_eq "$operation after $*" "$($operation 2>&1)" "$right"
}

for device in trezor:peer keepkey:peer; do
	profile=trezor-one
	[ $device = trezor:peer ] || profile=keepkey
	: >"$home/emulator.out"
	"$EMULATORS/trezor" --control "$home/control" --profile $profile >"$home/emulator.out" 2>&1 &
	emulator_pid=$!
	wait_for "grep -q '^port' $home/emulator.out"
	printf '%s\n' 'confirm = never' "udp = {\"127.0.0.1:$(sed -n 's/^port //p' "$home/emulator.out")\"}" >"$conf"
	agent_start
	wait_for "lanyard devices 2>/dev/null | grep -q $device"
	operations='sign ecdh'
	[ $device = trezor:peer ] || operations=sign
	for operation in $operations; do
		right=$($operation)
		failed=0
		features=4
		[ $device = trezor:peer ] || features=$(tell reset && $operation >/dev/null && tell log |
			awk '$2 == "Features" { print $4 }')
		for n in 0 1 2; do # ButtonRequest, and both packets of the result
			for fault in garbage mark; do
				faulty "$operation" "$right" $fault $((features + 1 + n))
			done
		done
		[ $failed -eq 6 ] || die "$operation, noise: $failed of 6 were noticed"
		for type in 0 3 12 54 62 999; do
			faulty "$operation" "$right" type 2 $type
			faulty "$operation" "$right" type 3 $type
		done
		for length in 0 1 64 4097 4294967295; do
			faulty "$operation" "$right" length 3 $length
		done
		for n in 2 3; do
			faulty "$operation" "$right" repeat $((features + n))
		done
		[ $failed -ge 14 ] || die "$operation: only $failed faults were noticed"
	done
	agent_stop || die 'the agent ended badly'
	kill $emulator_pid
	wait $emulator_pid || true
	rm -rf "$home/.local/state"
done
