#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every end-to-end test: run.sh ASAN-BUILD RELEASE-BUILD [NAME...]. A test is a script
# tests/e2e/test_NAME.sh; it gets the sanitised programs in BIN, the release ones in RELEASE and the
# emulators in EMULATORS. It has no terminal, so that no agent of it finds one to ask on.
set -u
BIN=$1 RELEASE=$2
EMULATORS=$BIN/emulators
export BIN RELEASE EMULATORS
shift 2
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
log=$(mktemp) session=$(mktemp)
trap 'rm -f "$log" "$session"' EXIT

for test in tests/e2e/test_*.sh; do
	name=${test##*/test_} name=${name%.sh}
	case " $* " in
	"  " | *" $name "*) ;;
	*) continue ;;
	esac
	start=$(date +%s)
	# A session of its own, so that what a test leaves running can be found and ended.
	# shellcheck disable=SC2016 # the inner shell expands them
	if setsid -w sh -c 'echo $$ >"$1"; exec timeout -k 20 900 sh "$2"' sh "$session" "$test" \
		</dev/null >"$log" 2>&1; then
		passed=$((passed + 1))
		printf 'ok   %-24s %3d s\n' "$name" $(($(date +%s) - start))
	else
		failed=$((failed + 1))
		printf 'FAIL %-24s\n' "$name"
		sed 's/^/     /' "$log"
	fi
	pkill -s "$(cat "$session")" || true
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
