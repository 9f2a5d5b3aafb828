#!/bin/sh
# SPDX-License-Identifier: MIT
# Starting, finding, replacing and stopping the agent.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new

# As a daemon: prints its environment, leaves sockets that only we can use.
expect_ok 'start as a daemon' lanyard-agent -s
eval "$out" >/dev/null
first=$LANYARD_AGENT_PID
agent_pid=$first
expect_eq 'socket directory' "$LANYARD_SOCK" "$home/run/lanyard/agent.sock"
expect_eq 'directory mode' "$(stat -c %a "$home/run/lanyard")" 700
expect_eq 'agent.sock mode' "$(stat -c %a "$LANYARD_SOCK")" 600
expect_eq 'ssh.sock mode' "$(stat -c %a "$SSH_AUTH_SOCK")" 600
expect_ok 'ssh-add reaches it' sh -c 'ssh-add -L; test $? -eq 1'

# A second one finds the first.
expect_ok 'second start' lanyard-agent -s
expect_match 'prints the first one' "$out" "LANYARD_AGENT_PID='$first'"
expect_match 'says so' "$(cat "$home/stderr")" "running already (pid $first"
expect_ok 'csh' lanyard-agent -c
expect_match 'csh syntax' "$out" "^setenv SSH_AUTH_SOCK '$SSH_AUTH_SOCK';"
status=0
lanyard-agent -D >/dev/null 2>"$home/stderr" || status=$?
expect_eq 'second in the foreground' $status 2
expect_match 'names it' "$(cat "$home/stderr")" "pid $first"

# -k stops it and leaves no socket.
expect_ok 'kill' lanyard-agent -k -s
expect_match 'unset' "$out" '^unset SSH_AUTH_SOCK;'
[ ! -e "$LANYARD_SOCK" ] || die 'agent.sock is still there'
! alive "$first" || die 'the agent still runs'
expect_fail 'an option' 'there is no option -x$' lanyard-agent --foreground -xD
expect_fail 'an option' 'there is no option --foo$' lanyard-agent --foo
expect_fail 'an option' 'option --config needs a value$' lanyard-agent --config
expect_fail 'an option' 'option --kill takes no value$' lanyard-agent --kill=7
expect_eq '-h' "$(lanyard-agent -h)" "$(lanyard-agent --help)"
expect_eq '-V' "$(lanyard-agent -V)" "$(lanyard-agent --version)"
expect_fail 'kill again' 'no agent is running' lanyard-agent -k
agent_pid=

# A killed agent leaves sockets; the next one replaces them.
agent_start
kill -9 "$LANYARD_AGENT_PID"
status=0
wait "$agent_pid" || status=$?
expect_eq 'its keeper says how it ended' $status 137
[ -S "$LANYARD_SOCK" ] || die 'no stale socket to test with'
agent_start
expect_ok 'works on a replaced socket' line STATUS
agent_stop || die "SIGTERM: exit $agent_status"
[ ! -e "$home/run/lanyard/agent.sock" ] || die 'the socket outlived a clean exit'

# Ten starts at once: exactly one agent.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	lanyard-agent -s >>"$home/many" 2>/dev/null &
done
wait
expect_eq 'all name one agent' "$(grep -c '^LANYARD_AGENT_PID' "$home/many")" 10
expect_eq 'the same one' "$(grep '^LANYARD_AGENT_PID' "$home/many" | sort -u | wc -l)" 1
lanyard-agent -k >/dev/null

# A keeper that is killed takes its daemon with it, in good order.
agent_start
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null || true
wait_for "! alive $LANYARD_AGENT_PID"
[ ! -e "$LANYARD_SOCK" ] || die 'the daemon left its socket when its keeper was killed'
agent_pid=

# -- COMMAND: an agent of its own, with the environment set; the status is the command's.
agent_start
mine=$LANYARD_SOCK
expect_ok 'command' lanyard-agent -- sh -c 'echo "$LANYARD_SOCK $SSH_AUTH_SOCK $LANYARD_AGENT_PID"
	umask; lanyard status --json >/dev/null; ssh-add -L; test $? -eq 1; ulimit -c; cat' <"$home/words-a"
theirs=${out%% *}
[ "$theirs" != "$mine" ] || die 'the command got the agent that was there'
expect_match 'its directory' "$out" "^$home/run/lanyard/cmd\.[^/]*/agent.sock $home/run/lanyard/cmd\.[^/]*/ssh.sock [0-9]*$"
expect_match 'its umask is ours' "$out" "^$(umask)\$"
expect_match 'so is its core limit' "$out" "^$(ulimit -c)\$"
expect_match 'its standard input too' "$out" "^$WORDS_A\$"
[ ! -e "${theirs%/*}" ] || die 'the directory of a command is left'
expect_ok 'the other agent lives' line STATUS
agent_stop
status=0
lanyard-agent -- sh -c 'exit 7' || status=$?
expect_eq 'status of the command' $status 7
status=0
lanyard-agent -- sh -c 'kill -9 $$' || status=$?
expect_eq 'killed command' $status 137
status=0
lanyard-agent -- /nonexistent/command 2>"$home/stderr" || status=$?
expect_eq 'no such command' $status 127
expect_match 'says so' "$(cat "$home/stderr")" 'lanyard-agent: /nonexistent/command: No such file'
lanyard-agent --socket-dir "$home/run/own" -- sh -c 'echo "$LANYARD_SOCK"' >"$home/out"
expect_eq 'a given directory' "$(cat "$home/out")" "$home/run/own/agent.sock"
[ -d "$home/run/own" ] || die 'a directory that was given is removed'

# A signal to the keeper goes to the command; the daemon follows it.
lanyard-agent -- sh -c 'echo "$LANYARD_AGENT_PID" >"$HOME/pid"
	trap "echo term >\"$HOME/trapped\"; exit 3" TERM
	while :; do sleep 0.05; done' &
agent_pid=$!
wait_for "test -s $home/pid"
kill $agent_pid
status=0
wait $agent_pid || status=$?
agent_pid=
expect_eq 'status after SIGTERM' $status 3
expect_eq 'the command got it' "$(cat "$home/trapped")" term
! alive "$(cat "$home/pid")" || die 'the daemon outlived its command'
expect_eq 'nothing is left' "$(find "$home/run/lanyard" -name 'cmd.*')" ''

# A directory that others can write is refused, so is a path that does not fit a socket address.
mkdir -m 700 "$home/open"
chmod 770 "$home/open"
expect_fail 'open directory' "$home/open" lanyard-agent -D --socket-dir "$home/open"
long=$home/$(printf '%0100d' 0)
expect_fail 'long path' '107' lanyard-agent -D --socket-dir "$long"

# Bad options and configs.
expect_fail 'unknown option' 'usage:' lanyard-agent --frobnicate
expect_fail 'operand' 'usage:' lanyard-agent something
printf 'log = "loud"\n' >"$home/bad.conf"
expect_fail 'bad config' "bad.conf:1.*log" lanyard-agent -D --config "$home/bad.conf"
expect_fail 'missing config' "none.conf" lanyard-agent -D --config "$home/none.conf"

# SIGTERM and SIGINT end it cleanly at any moment of its start and life.
for i in 0 1 2 3 4 5 6 7 8 9; do
	for signal in TERM INT; do
		lanyard-agent -D -s >"$home/agent.env" 2>"$home/agent.log" &
		agent_pid=$!
		sleep 0.0$i
		status=0
		kill -$signal $agent_pid
		# A shell starts background processes with SIGINT ignored, so that one sent before main()
		# has begun is lost: send it again.
		sleep 0.05
		while alive $agent_pid; do
			kill -$signal $agent_pid 2>/dev/null || true
			sleep 0.05
		done
		wait $agent_pid || status=$?
		agent_pid=
		# Before main() has blocked signals the default action is as clean: nothing exists yet.
		[ $status -eq 0 ] || [ $status -gt 128 ] || die "$signal after 0.0$i s: exit $status"
		[ ! -e "$home/run/lanyard/agent.sock" ] || die "$signal after 0.0$i s: left its socket"
	done
done
