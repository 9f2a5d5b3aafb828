#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: fuzz.sh BUILD SECONDS JOBS TARGET...
# Runs each target that long, JOBS at a time. What is new goes to BUILD/fuzz/new/TARGET, a
# reproducer to BUILD/fuzz/crashes/; exits 1 when there is one.
set -eu

build=$1 seconds=$2 jobs=$3
shift 3

if [ "$jobs" = one ]; then
	target=$1
	new=$build/fuzz/new/$target log=$build/fuzz/log/$target
	mkdir -p "$new"
	status=0
	"$build/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$build/fuzz/crashes/$target-" \
		"$new" "tests/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	if [ "$status" -eq 0 ]; then
		echo "  $target: $runs runs, $edges edges"
		exit 0
	fi
	found=$(sed -n 's/.*Test unit written to //p' "$log")
	grep -E 'does not hold|ERROR: |runtime error|SUMMARY' "$log" | sed "s/^/  $target: /" || tail -n 20 "$log"
	echo "  $target: FAILED; the input: ${found:-none}; the log: $log"
	exit 1
fi

mkdir -p "$build/fuzz/crashes" "$build/fuzz/log"
echo "fuzz: $# targets, $seconds s each, $jobs at a time"
if ! printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' sh "$0" "$build" "$seconds" one '{}'; then
	echo 'fuzz: a target failed; run BUILD/fuzz/TARGET FILE to see it again' >&2
	exit 1
fi
