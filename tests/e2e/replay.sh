#!/bin/sh
# SPDX-License-Identifier: MIT
# Replays one example of doc/PROTOCOL.md against the agent of $LANYARD_SOCK: replay.sh FILE DIR. A FILE
# *.replay is a conversation (C:, S:, C2:, S2:), *.console is commands and what they print; in
# what is expected [...] stands for any text and a line ... for any number of lines.
set -eu
file=$1 dir=$2
number=0

fail() {
	echo "$file, line $number: $*" >&2
	exit 1
}

# pattern TEXT: as a pattern of case, in $pattern
pattern() {
	pattern=$(printf '%s\n' "$1" | sed 's/[][\\*?]/\\&/g; s/\\\[\.\.\.\\\]/*/g')
}

# ---- conversations ----

# client N: its connection, descriptors N + 2 to send and N + 6 to receive
open_clients=
client() {
	case $open_clients in *"$1"*) return ;; esac
	open_clients=$open_clients$1
	rm -f "$dir/in$1" "$dir/out$1"
	mkfifo "$dir/in$1" "$dir/out$1"
	socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" <"$dir/in$1" >"$dir/out$1" &
	eval "exec $(($1 + 2))>$dir/in$1 $(($1 + 6))<$dir/out$1"
}

# receive N: the next line, in $got
receive() {
	eval "IFS= read -r got <&$(($1 + 6))" || got='(the connection ended)'
}

# expect N TEXT
skip=
expect() {
	if [ "$2" = ... ]; then
		skip=1
		return
	fi
	pattern "$2"
	while :; do
		receive "$1"
		# shellcheck disable=SC2254
		case $got in $pattern) break ;; esac
		[ -n "$skip" ] && [ "$got" != '(the connection ended)' ] ||
			fail "the agent said '$got', not '$2'"
	done
	skip=
}

conversation() {
	while IFS= read -r line; do
		number=$((number + 1))
		case $line in
		C:*) who=1 ;;
		C2:*) who=2 ;;
		S:*) who=1 ;;
		S2:*) who=2 ;;
		*) fail "neither C: nor S: $line" ;;
		esac
		client $who
		text=${line#*:} text=${text# }
		case $line in
		C*) printf '%s\n' "$text" >&$((who + 2)) ;;
		S*) expect $who "$text" ;;
		esac
	done <"$file"
	# Nothing more comes.
	exec 3>&- 4>&-
	for who in $(printf %s "$open_clients" | sed 's/./& /g'); do
		receive "$who"
		[ "$got" = '(the connection ended)' ] || fail "the agent said '$got' too"
	done
}

# ---- commands ----

# compare: what is left of $dir/got against the expected lines up to the next command
compare() {
	skip=
	while IFS= read -r want; do
		if [ "$want" = ... ]; then
			skip=1
			continue
		fi
		pattern "$want"
		while :; do
			IFS= read -r got <&7 || fail "the output ended where '$want' should be"
			# shellcheck disable=SC2254
			case $got in $pattern) break ;; esac
			[ -n "$skip" ] || fail "it printed '$got', not '$want'"
		done
		skip=
	done <"$dir/want"
	[ -n "$skip" ] || ! IFS= read -r got <&7 || fail "it printed '$got' too"
}

console() {
	total=$(wc -l <"$file")
	while [ $number -lt "$total" ]; do
		number=$((number + 1))
		command=$(sed -n "${number}s/^\\$ //p" "$file")
		[ -n "$command" ] || fail 'no command'
		sed "1,${number}d; " "$file" | sed '/^\$ /,$d' >"$dir/want"
		sh -c "$command" >"$dir/got" 2>&1 </dev/null || true
		exec 7<"$dir/got"
		compare
		number=$((number + $(wc -l <"$dir/want")))
	done
}

case $file in
*.replay) conversation ;;
*.console) console ;;
*) fail 'neither .replay nor .console' ;;
esac
