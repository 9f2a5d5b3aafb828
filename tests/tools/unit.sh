#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the unit tests. A leak in a test is a failure too: Criterion counts such a test as passed, for
# LeakSanitizer speaks after it has ended.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT

"$@" >"$log" 2>&1
status=$?
cat "$log"
if grep -q 'ERROR: LeakSanitizer' "$log"; then
	echo 'unit: a test leaks memory, see above' >&2
	status=1
fi
exit $status
