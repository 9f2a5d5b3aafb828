#!/bin/sh
# SPDX-License-Identifier: MIT
# doc/PROTOCOL.md is what the agent does: every example is replayed, every status keyword is in its
# table. (Commands and errors: tests/unit/test_protocol_doc.c.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
doc=doc/PROTOCOL.md
mkdir "$home/blocks"

# Each fenced block to a file NNN.LANGUAGE.
awk -v dir="$home/blocks" '
	/^```/ && !inside { inside = 1; out = sprintf("%s/%03d.%s", dir, ++n, substr($0, 4)); printf "" >out; next }
	/^```/ { inside = 0; close(out); next }
	inside { print >out }' $doc
set -- "$home"/blocks/*
[ $# -gt 15 ] || die "only $# examples"

lanyard soft import --name home --mnemonic-file "$home/words-a" --passphrase-file "$home/passphrase" 2>/dev/null
# Whoever runs the test, root or not, sees WGKEYS.
mkdir -p "$home/.config/lanyard"
printf 'allow-owner = wg\nconfirm = never\n' >"$home/.config/lanyard/lanyard.conf"
agent_start
for block; do
	case $block in
	*.abnf) continue ;;
	*.replay | *.console) ;;
	*) die "$block: a block of another kind is not replayed" ;;
	esac
	timeout 300 sh tests/e2e/replay.sh "$block" "$home" ||
		die "the agent does not do what $doc says: $(cat "$block")"
done

# The test itself: what is not so fails.
printf 'S: OK lanyard [...] ready\nC: HELLO\nS: S VERSION 9.9.9\n' >"$home/wrong.replay"
! timeout 300 sh tests/e2e/replay.sh "$home/wrong.replay" "$home" 2>/dev/null || die 'a wrong line passed'
printf 'S: OK lanyard [...] ready\nC: HELLO\nS: ...\nS: S PROTOCOL 1\n' >"$home/wrong.replay"
! timeout 300 sh tests/e2e/replay.sh "$home/wrong.replay" "$home" 2>/dev/null || die 'a missing line passed'
printf '$ echo a; echo b\na\n' >"$home/wrong.console"
! timeout 300 sh tests/e2e/replay.sh "$home/wrong.console" "$home" 2>/dev/null || die 'wrong output passed'

# Status keywords: those that the code sends, those of the table.
cat agent/line*.c agent/watch.c | tr -d '\n\t' | sed 's/S INQUIRE_MAXLEN/\nline_status(lc, "INQUIRE_MAXLEN"/g' |
	grep -o '\(line_status([^",]*, \|status_format([^",]*, \)"[A-Z_]*"' | sed 's/.*"\(.*\)"/\1/' |
	sort -u >"$home/sent"
sed -n '/^## Status lines/,/^## /s/^| `\([A-Z_]*\)` .*/\1/p' $doc | sort -u >"$home/told"
diff "$home/sent" "$home/told" >"$home/difference" ||
	die "status keywords (<: sent, >: in $doc): $(cat "$home/difference")"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
