# SPDX-License-Identifier: MIT
# Shared by the demo and the end-to-end tests: a throw-away home, an agent and an sshd in it.
# Sourced with BIN set to the directory of the programs. POSIX sh.
# shellcheck shell=sh

set -eu

# Words known to everybody: never for anything but tests.
WORDS_A='all all all all all all all all all all all all'
WORDS_B='alcohol woman abuse must during monitor noble actual mixed trade anger aisle'
PASSPHRASE='correct horse'

# home_new: a private home with nothing of the caller's in it, removed when the script ends.
home_new() {
	# Some tests have a second user, who is to get at what is not locked away.
	umask 022
	# The path of a socket in there has 107 bytes at most, and is as the kernel says it.
	home=${TMPDIR:-/tmp}
	[ ${#home} -le 40 ] || home=/tmp
	home=$(cd "$(mktemp -d "$home/lanyard.XXXXXX")" && pwd -P)
	trap home_remove EXIT
	trap 'exit 130' INT TERM
	HOME=$home
	XDG_RUNTIME_DIR=$home/run
	mkdir -m 700 "$XDG_RUNTIME_DIR" "$home/.ssh"
	PATH=$BIN:$PATH
	export HOME XDG_RUNTIME_DIR PATH
	unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME LANYARD_SOCK SSH_AUTH_SOCK DISPLAY \
		WAYLAND_DISPLAY GNUPGHOME SSH_ASKPASS SSH_ASKPASS_REQUIRE GPG_TTY XAUTHORITY CDPATH \
		GREP_OPTIONS POSIXLY_CORRECT TMUX LANG LANGUAGE LC_ALL LC_COLLATE LC_CTYPE LC_MESSAGES \
		LC_NUMERIC LC_TIME
	# No logind of the machine's tells an agent of a test to lock.
	DBUS_SYSTEM_BUS_ADDRESS=unix:path=$home/no-bus
	export DBUS_SYSTEM_BUS_ADDRESS
	# Another ssh-agent has so long to list its keys to a sanitised one of ours.
	LANYARD_TEST_UPSTREAM_MS=20000
	export LANYARD_TEST_UPSTREAM_MS
	printf '%s\n' "$WORDS_A" >"$home/words-a"
	printf '%s\n' "$WORDS_B" >"$home/words-b"
	printf '%s\n' "$PASSPHRASE" >"$home/passphrase"
	user=$(id -un)
}

home_remove() {
	status=$?
	trap - EXIT
	agent_stop >/dev/null 2>&1 || true
	sshd_stop
	cd /
	rm -rf "$home"
	exit "$status"
}

# agent_start [OPTION...]: a foreground agent in the background, its log in $home/agent.log. Nothing
# is to be confirmed, unless a test has a config of its own.
agent_start() {
	if [ ! -e "$HOME/.config/lanyard/lanyard.conf" ]; then
		mkdir -p "$HOME/.config/lanyard"
		echo 'confirm = never' >"$HOME/.config/lanyard/lanyard.conf"
	fi
	rm -f "$home/agent.env"
	lanyard-agent -D -s "$@" >"$home/agent.env" 2>"$home/agent.log" &
	agent_pid=$!
	wait_for "test -s $home/agent.env || ! kill -0 $agent_pid 2>/dev/null"
	# shellcheck disable=SC1091
	. "$home/agent.env" >/dev/null
}

# agent_stop: ends it and returns its exit status.
agent_stop() {
	[ -n "${agent_pid:-}" ] || return 0
	kill "$agent_pid" 2>/dev/null || true
	wait "$agent_pid"
	agent_status=$?
	agent_pid=
	return $agent_status
}

# sshd_start AUTHORIZED_KEYS: a real sshd on a free loopback port, for this user and these keys.
# $SSHD_HOSTKEY is its host key instead of $home/hostkey, $SSHD_MORE more of its configuration.
sshd_start() {
	sshd_made=
	if [ "$(id -u)" -eq 0 ] && [ ! -d /run/sshd ]; then
		mkdir -m 755 /run/sshd
		sshd_made=1
	fi
	[ -e "$home/hostkey" ] || ssh-keygen -q -t ed25519 -N '' -f "$home/hostkey"
	port=22000
	while :; do
		port=$((port + 1))
		cat >"$home/sshd_config" <<EOF
ListenAddress 127.0.0.1
Port $port
HostKey ${SSHD_HOSTKEY:-$home/hostkey}
AuthorizedKeysFile $1
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
${SSHD_MORE:-}
EOF
		rm -f "$home/sshd.log"
		/usr/sbin/sshd -D -e -f "$home/sshd_config" 2>"$home/sshd.log" &
		sshd_pid=$!
		wait_for "grep -qs 'listening on\|Cannot bind\|in use' $home/sshd.log"
		grep -q 'listening on' "$home/sshd.log" && break
		wait "$sshd_pid" || true
		[ "$port" -lt 22200 ] || die 'no free port for sshd'
	done
	printf 'localhost,[localhost]:%s %s\n' "$port" \
		"$(cut -d' ' -f1,2 "${SSHD_HOSTKEY:-$home/hostkey}.pub")" >"$home/.ssh/known_hosts"
	cat >"$home/.ssh/config" <<EOF
Host *
	Port $port
	UserKnownHostsFile $home/.ssh/known_hosts
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
	IdentityFile none
	PreferredAuthentications publickey
	BatchMode yes
EOF
}

sshd_stop() {
	[ -z "${sshd_pid:-}" ] || kill "$sshd_pid" 2>/dev/null || true
	[ -z "${sshd_pid:-}" ] || wait "$sshd_pid" 2>/dev/null || true
	sshd_pid=
	[ -z "${sshd_made:-}" ] || rmdir /run/sshd 2>/dev/null || true
}

# clock_add SECONDS [SLEPT]: so much later it is, to an agent that was started with
# LANYARD_TEST_CLOCK=$home/clock; SLEPT of the seconds the machine was suspended.
clock_add() {
	read -r clock_ms clock_slept 2>/dev/null <"$home/clock" || clock_ms=0 clock_slept=0
	echo "$((clock_ms + $1 * 1000)) $((clock_slept + ${2:-0} * 1000))" >"$home/clock.new"
	mv "$home/clock.new" "$home/clock"
}

# alive PID: it runs (a dead one that nobody has waited for does not).
alive() {
	grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}

# listens SOCKET: it takes connections, which the file alone does not say.
listens() {
	grep -q "^[^ ]* [^ ]* [^ ]* 00010000 .* $1\$" /proc/net/unix
}

# wait_for COMMAND: until it succeeds. A minute is for machines that stand still.
wait_for() {
	wait_left=1200
	until eval "$1"; do
		wait_left=$((wait_left - 1))
		[ $wait_left -gt 0 ] || die "waited in vain for: $1"
		sleep 0.05
	done
}

die() {
	echo "FAILED: $*" >&2
	[ ! -s "$home/agent.log" ] || sed 's/^/  agent: /' "$home/agent.log" >&2
	exit 1
}

# A pinentry in $home/pinentry, which does what script() says and logs to $asks. It takes no
# environment from us: what it needs is in its own command.
pinentry_new() {
	asks=$home/pinentry.log
	cat >"$home/pinentry" <<EOF
#!/bin/sh
exec "$EMULATORS/pinentry" "$home/script" "$asks"
EOF
	chmod 755 "$home/pinentry"
}

# script LINE...: what the next pinentries do.
script() {
	printf '%s\n' "$@" >"$home/script"
	: >"$asks"
}

# How many confirmations were asked for since.
asked() {
	grep -c '^CONFIRM' "$asks" || true
}

# line COMMAND...: sends lines to agent.sock, prints the answers (without the greeting).
line() {
	printf '%s\n' "$@" | socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" | sed 1d
}

# expect_ok WHAT COMMAND...: it must succeed; its output is in $out.
expect_ok() {
	what=$1
	shift
	out=$("$@" 2>"$home/stderr") || die "$what: exit $?: $(cat "$home/stderr")"
}

# expect_fail WHAT PATTERN COMMAND...: it must fail and say something that matches.
expect_fail() {
	what=$1 pattern=$2
	shift 2
	if out=$("$@" 2>"$home/stderr"); then
		die "$what: succeeded: $out"
	fi
	grep -q -- "$pattern" "$home/stderr" || die "$what: said '$(cat "$home/stderr")', not '$pattern'"
}

# expect_eq WHAT GOT WANTED
expect_eq() {
	[ "$2" = "$3" ] || die "$1: got '$2', wanted '$3'"
}

# expect_match WHAT TEXT PATTERN
expect_match() {
	printf '%s\n' "$2" | grep -q -- "$3" || die "$1: '$2' does not match '$3'"
}
