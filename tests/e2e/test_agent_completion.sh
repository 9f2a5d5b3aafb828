#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion of lanyard-agent in bash, zsh and fish: in step with `lanyard-agent --help`.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/completion.sh
. "$(dirname "$0")/completion.sh"
program=lanyard-agent files=$(pwd)/agent/dist/completion
home_new
cd "$home"

lanyard-agent --help | sed -n 's/^ *\(-[a-zA-Z], \)\{0,1\}\(--[a-z][a-z-]*\).*/\2/p' | sort >options
[ "$(wc -l <options)" -eq 9 ] || die "help: $(lanyard-agent --help)"

mkdir there
for in in in_bash in_fish; do
	$in -- | grep '^--.' | sed 's/=$//' | sort >got
	cmp options got || die "$in: options: $(cat got)"
	expect_match "$in: a command" "$($in -- lanyard-w)" '^lanyard-wg$'
done
expect_eq 'bash: a directory' "$(in_bash --socket-dir = the)" there
expect_eq 'bash: a file of the command' "$(in_bash -- ls the)" there
expect_eq 'fish: a directory' "$(in_fish --socket-dir=the | sed 's/.*=//')" there/
# zsh wants a terminal to complete on: compare its words.
zsh -n "$files/_lanyard-agent" || die 'zsh: syntax'
grep -o -- '--[a-z][a-z-]*' "$files/_lanyard-agent" | sort -u | comm -12 - options >got
cmp options got || die "zsh: options: $(cat got)"
