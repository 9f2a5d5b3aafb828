#!/bin/sh
# SPDX-License-Identifier: MIT
# Who may talk to the agent, and who may look into it: other users not even through open doors, the
# same user not into its memory. Needs a second user, so root: by sudo for everybody else.
if [ "$(id -u)" -ne 0 ]; then
	exec sudo -n env BIN="$BIN" RELEASE="$RELEASE" EMULATORS="$EMULATORS" sh "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
agent_start
lanyard ssh add git@github.com >/dev/null
expect_eq 'directory' "$(stat -c %a "${LANYARD_SOCK%/*}")" 700
expect_eq 'sockets' "$(stat -c %a "$LANYARD_SOCK" "$SSH_AUTH_SOCK" | sort -u)" 600
as() {
	as_uid=$1
	shift
	setpriv --reuid="$as_uid" --regid="$as_uid" --clear-groups "$@"
}
greeting() {
	as "$1" socat -t 30 - "UNIX-CONNECT:$2" </dev/null 2>"$home/stderr"
}

# Another user: kept out by the modes; with the doors opened, by the user that the kernel names.
expect_fail 'the modes' 'Permission denied' greeting 65534 "$LANYARD_SOCK"
chmod 755 "$home" "$home/run" "$home/run/lanyard"
chmod 666 "$LANYARD_SOCK" "$SSH_AUTH_SOCK"
expect_eq 'agent.sock is mute' "$(greeting 65534 "$LANYARD_SOCK" || true)" ''
wait_for "grep -q 'line: uid 65534 is neither ours nor root: refused' $home/agent.log"
as 65534 ssh-add -L >"$home/out" 2>&1 || true
! grep -q ssh-ed25519 "$home/out" || die 'another user gets a listing'
wait_for "grep -q 'ssh: uid 65534 is neither ours nor root: refused' $home/agent.log"
expect_match 'its own user' "$(greeting 0 "$LANYARD_SOCK")" '^OK lanyard'
agent_stop

# An agent of another user: that user has no way into the processes, root may use the sockets.
mkdir "$home/programs"
install "$BIN/lanyard" "$BIN/lanyard-agent" "$home/programs"
chown -R 65534:65534 "$home/.local" "$home/run"
rm "$home/agent.env"
HOME=$home setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$home/programs/lanyard-agent" -D -s >"$home/agent.env" 2>"$home/agent.log" &
agent_pid=$!
wait_for "test -s $home/agent.env || ! alive $agent_pid"
# shellcheck disable=SC1091
. "$home/agent.env" >/dev/null
expect_match 'root' "$(greeting 0 "$LANYARD_SOCK")" '^OK lanyard'
expect_eq 'its own user' "$(greeting 65534 "$LANYARD_SOCK" | cut -c1-10)" 'OK lanyard'
greeting 65533 "$LANYARD_SOCK" && die 'a third user is let in'
for pid in $(ps -o pid= -u 65534); do
	program=$(ps -o comm= -p "$pid") || continue # it has ended
	case $program in lanyard-agent) ;; *) continue ;; esac
	found=1
	expect_eq "$pid is not dumpable" "$(stat -c %u "/proc/$pid/mem")" 0
	for file in mem environ maps fd; do
		! as 65534 sh -c "ls /proc/$pid/$file/ || head -c 1 /proc/$pid/$file" >/dev/null 2>&1 ||
			die "its user can read /proc/$pid/$file"
	done
done
expect_eq 'processes looked at' "${found:-0}" 1
# The test itself would notice: an ordinary process of the same user is open.
setpriv --reuid=65534 --regid=65534 --clear-groups sleep 60 &
sleeper=$!
wait_for "[ \"\$(ps -o comm= -p $sleeper)\" = sleep ]"
as 65534 head -c 1 "/proc/$sleeper/environ" >/dev/null || die 'nothing can be read at all'
kill "$sleeper"

# A directory that belongs to somebody else is no place for sockets.
mkdir -m 700 "$home/foreign"
chown 12345 "$home/foreign"
expect_fail 'foreign directory' 'user id 12345' "$BIN/lanyard-agent" -D --socket-dir "$home/foreign"

# A server that somebody else runs is not believed.
mkdir -m 755 "$home/false"
chown 65534 "$home/false"
setpriv --reuid=65534 --regid=65534 --clear-groups \
	socat "UNIX-LISTEN:$home/false/agent.sock" 'SYSTEM:echo OK lanyard' &
server=$!
wait_for "listens $home/false/agent.sock"
expect_fail 'false agent' '65534' env LANYARD_SOCK="$home/false/agent.sock" "$BIN/lanyard" status
kill "$server" 2>/dev/null || true # it serves one client
wait "$server" || true
