#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every test of tests/vm in a guest of its own: run.sh BUILD [NAME...]. A test is a script
# tests/vm/test_NAME.sh, run as root with BUILD in BIN and its emulators in EMULATORS; a guest that
# says nothing has failed. Of what it says, lines that begin with "| " are shown: figures.
set -u
BIN=$1 EMULATORS=$1/emulators
shift
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
log=$(mktemp) VM_CONSOLE=$(mktemp)
export VM_CONSOLE
trap 'rm -f "$log" "$VM_CONSOLE"' EXIT

for test in tests/vm/test_*.sh; do
	name=${test##*/test_} name=${name%.sh}
	case " $* " in
	"  " | *" $name "*) ;;
	*) continue ;;
	esac
	start=$(date +%s)
	if sh tests/vm/boot.sh env "BIN=$BIN" "EMULATORS=$EMULATORS" sh "$test" </dev/null >"$log" 2>&1; then
		passed=$((passed + 1))
		printf 'ok   %-24s %3d s\n' "$name" $(($(date +%s) - start))
		sed -n 's/^| /     &/p' "$log"
	else
		failed=$((failed + 1))
		printf 'FAIL %-24s\n' "$name"
		sed 's/^/     /' "$log"
		echo '     the console of its guest:'
		tail -n 60 "$VM_CONSOLE" | sed 's/^/       /'
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
