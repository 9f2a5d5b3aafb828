#!/bin/sh
# SPDX-License-Identifier: MIT
# Questions on terminals, with the real pinentry-curses in the panes of a tmux server of our own.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
trap panes_end EXIT
me=$user@localhost

panes_end() {
	panes_status=$?
	set +e
	[ "$panes_status" -eq 0 ] || for pane in one two; do
		echo "-- pane $pane" && pane_screen $pane
	done
	panes kill-server 2>/dev/null
	(exit "$panes_status")
	home_remove
}

panes() {
	tmux -f /dev/null -S "$home/tmux.sock" "$@"
}

# pane_new NAME
pane_new() {
	if [ -S "$home/tmux.sock" ]; then
		panes new-window -d -n "$1" "exec env -u ENV -u TMUX PS1='\$ ' sh"
	else
		panes new-session -d -x 100 -y 40 -n "$1" "exec env -u ENV -u TMUX PS1='\$ ' sh"
	fi
	wait_for "pane_screen $1 | grep -q '^\\$'"
}

pane_screen() {
	panes capture-pane -p -t ":$1" | sed 's/ *$//; /^$/d'
}

# pane_type NAME TEXT: and Enter.
pane_type() {
	panes send-keys -t ":$1" -l -- "$2"
	panes send-keys -t ":$1" Enter
}

# pane_sees NAME TEXT: and no other pane does.
pane_sees() {
	wait_for "pane_screen $1 | grep -qF '$2'"
}

# fresh: an agent with locked devices and no terminal of its own.
fresh() {
	agent_stop || true
	TERM=dumb agent_start "$@"
}

mkdir -p "$home/.config/lanyard"
printf 'pinentry = "%s"\n' "$(command -v pinentry-curses)" >"$home/.config/lanyard/lanyard.conf"
for d in a b; do
	lanyard soft import --name $d --mnemonic-file "$home/words-$d" --passphrase-file "$home/passphrase" 2>/dev/null
done
fresh
lanyard unlock --passphrase-file "$home/passphrase" soft:a
lanyard ssh add -d soft:a --save "$me" >"$home/authorized_keys"
sshd_start "$home/authorized_keys"
fresh
pane_new one
pane_new two

# The asker's own terminal: ssh in the second pane is asked there, and logs in.
pane_type two "ssh -F $home/.ssh/config $me echo logged-in; echo status: \$?"
pane_sees two 'Passphrase of soft:a'
pane_sees two "for login with ssh://$me"
! pane_screen one | grep -q Passphrase || die 'the first pane was asked'
pane_type two "$PASSPHRASE"
pane_sees two 'logged-in'
pane_sees two 'status: 0'

# `lanyard tty`: from then on it is the first pane, whoever asks. Its shell must not read there.
fresh
pane_type one 'lanyard tty; echo "tty: $?"; sleep 1000'
pane_sees one 'tty: 0'
pane_type two 'clear; lanyard pubkey -d soft:a age://1; echo "second: $?"'
pane_sees one 'Passphrase of soft:a'
! pane_screen two | grep -q Passphrase || die 'the second pane was asked though `lanyard tty` said the first'
pane_type one wrong
pane_sees one 'Wrong passphrase'
pane_type one "$PASSPHRASE"
pane_sees two 'second: 0'

# Who leaves takes the dialog along, and leaves the terminal as it was.
lanyard pubkey -d soft:b age://2 >/dev/null 2>&1 &
client=$!
pane_sees one 'Passphrase of soft:b'
kill $client
wait_for "! pane_screen one | grep -q 'Passphrase of soft:b'"
wait_for "test \$(pgrep -c -P $agent_pid) -eq 1"
panes send-keys -t :one C-c
pane_type one 'echo "typed" "well"'
pane_sees one 'typed well'

# That pane is closed: a stale terminal is passed over.
panes kill-window -t :one
pane_type two 'clear; lanyard pubkey -d soft:b age://2; echo "third: $?"'
pane_sees two 'Passphrase of soft:b'
panes send-keys -t :two Tab Tab Enter
pane_sees two 'third: 1'
pane_sees two 'canceled'

# Nobody's terminal: an error at once. And nothing but a terminal of ours will do.
expect_fail 'no terminal anywhere' 'nobody to ask: run `lanyard unlock` in a terminal' lanyard pubkey -d soft:b age://2
expect_fail 'lanyard tty without one' 'not a terminal' lanyard tty
for path in /dev/null /etc/passwd /dev/pts/nonexistent pts/1; do
	expect_match "TTY $path" "$(line "TTY $path")" '^ERR [0-9]* invalid: '
done
expect_match 'a strange terminal type' "$(line "TTY $(panes display-message -p -t :two '#{pane_tty}') ../x")" \
	'^ERR [0-9]* invalid: .*terminal type'

tty=$(panes display-message -p -t :two '#{pane_tty}')
if [ "$(id -u)" -eq 0 ]; then
	chown nobody "$tty"
	expect_match 'a terminal of somebody else' "$(line "TTY $tty")" '^ERR [0-9]* invalid: .*another user'
	chown root "$tty"
fi

# The config's terminal goes before all.
echo "tty = \"$tty\"" >>"$home/.config/lanyard/lanyard.conf"
# As where a service manager starts it: this says nothing of that terminal.
TERM=dumb
export TERM
fresh
pane_type two 'clear; sleep 1000'
wait_for "! pane_screen two | grep -q third"
lanyard pubkey -d soft:b age://2 >"$home/out" 2>&1 &
client=$!
pane_sees two 'Passphrase of soft:b'
pane_type two "$PASSPHRASE"
wait $client || die "asked on the config's terminal: $(cat "$home/out")"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
