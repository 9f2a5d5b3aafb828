# SPDX-License-Identifier: MIT
# A shell on a real terminal, for what asks there: a tmux server of the test's own. Sourced after
# lib.sh. What is typed goes through the terminal's line discipline, what is read is its screen
# with everything that has scrolled away.
# shellcheck shell=sh disable=SC2154 # $home

# tty_start: after home_new, which it makes end the terminal as well.
tty_start() {
	trap tty_end EXIT
	tty new-session -d -x 200 -y 60 "exec env -u ENV -u TMUX PS1='\$ ' sh"
	wait_for "tty_screen | grep -q '^\\$'"
}

tty_end() {
	tty_status=$?
	set +e
	[ $tty_status -eq 0 ] || tty_screen | sed 's/^/  terminal: /' >&2
	tty kill-server 2>/dev/null
	(exit "$tty_status")
	home_remove
}

tty() {
	tmux -f /dev/null -S "$home/tmux.sock" "$@"
}

# tty_screen: all of it, without empty lines.
tty_screen() {
	tty capture-pane -p -J -S - | sed 's/ *$//; /^$/d'
}

# tty_type TEXT: and Enter.
tty_type() {
	tty send-keys -l -- "$1"
	tty send-keys Enter
}

# tty_key KEY: C-c, C-d, ...
tty_key() {
	tty send-keys "$1"
}

# tty_run COMMAND: clears the terminal and starts it there; its status comes at the end.
tty_run() {
	tty_number=$((${tty_number:-0} + 1))
	tty_type "clear; echo \"cleared:\" $tty_number"
	# Until the shell waits there again: a prompt that it prints later would stand before what the
	# command says.
	wait_for '[ "$(tty_screen | tail -n 2 | tr "\n" " ")" = "cleared: $tty_number \$ " ]'
	tty clear-history
	tty_answered=0
	tty_type "$1; echo \"status:\" \$?"
}

# tty_prompt TEXT: until the last line of the screen begins with TEXT and waits there; not the line
# that tty_answer has answered.
tty_prompt() {
	tty_wanted=$1
	wait_for 'tty_at_prompt'
}

tty_at_prompt() {
	[ "$(tty_screen | wc -l)" -gt "$tty_answered" ] || return 1
	case $(tty_screen | tail -n 1) in
	"$tty_wanted"*) ;;
	*) false ;;
	esac
}

# tty_answer PROMPT TEXT
tty_answer() {
	tty_prompt "$1"
	tty_answered=$(tty_screen | wc -l)
	tty_type "$2"
}

# tty_status WANTED: the command of tty_run has ended with it; $screen is what is on the terminal.
tty_status() {
	wait_for "tty_screen | grep -q '^status: [0-9]'"
	screen=$(tty_screen)
	expect_match 'exit status' "$screen" "^status: $1\$"
}

# tty_words: the words that `soft init` shows on $screen, on one line.
tty_words() {
	printf '%s\n' "$screen" | grep -E '^ +1?[0-9] [a-z]+|^ +2[0-4] [a-z]+' |
		sed 's/[0-9]//g' | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'
}
