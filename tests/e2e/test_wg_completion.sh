#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion of lanyard-wg in bash, zsh and fish: in step with `lanyard-wg --help`.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/completion.sh
. "$(dirname "$0")/completion.sh"
program=lanyard-wg files=$(pwd)/wg-hook/dist
home_new
cd "$home"

lanyard-wg --help >help
sed -n 's/^  \([a-z][a-z]*\) *IFACE.*/\1/p' help | sort >commands
sed -n 's/^ *\(-[a-zA-Z], \)\{0,1\}\(--[a-z-]*\).*/\2/p' help | sort -u >options
[ "$(wc -l <commands)" -eq 10 ] && [ "$(wc -l <options)" -eq 10 ] || die "help: $(cat help)"

for in in in_bash in_fish; do
	$in '' | sort >got
	cmp commands got || die "$in: commands: $(cat got)"
	$in -- | grep '^--' | sed 's/=$//' | sort >got
	cmp options got || die "$in: options: $(cat got)"
	$in 'te' >got
	expect_eq "$in: one command" "$(cat got)" teardown
done
expect_eq 'bash: a mode' "$(in_bash setup wg0 --psk-mode = d)" device
expect_eq 'bash: a mode, all' "$(in_bash setup wg0 --psk-mode = | tr '\n' ' ')" 'agent device single none '
expect_eq 'fish: a mode' "$(in_fish 'setup wg0 --psk-mode=d' | sed 's/.*=//')" device
expect_eq 'bash: nothing after the interface' "$(in_bash up wg0 '')" ''
# zsh wants a terminal to complete on: compare its words.
zsh -n "$files/_lanyard-wg" || die 'zsh: syntax'
sed -n 's/^.*commands=(\(.*\))$/\1/p' "$files/_lanyard-wg" | tr ' ' '\n' | sort >got
cmp commands got || die "zsh: commands: $(cat got)"
grep -o -- '--[a-z-]*' "$files/_lanyard-wg" | sort -u | comm -12 - options >got
cmp options got || die "zsh: options: $(cat got)"
