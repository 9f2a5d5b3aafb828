#!/bin/sh
# SPDX-License-Identifier: MIT
# lock-on: the agent locks when logind says that the machine goes to sleep, which waits until no
# secret is left in memory, and that the session is locked; and goes on without logind. With the
# release programs: their memory is looked at, with root's eyes.
if [ "$(id -u)" -ne 0 ]; then
	exec sudo -n env BIN="$BIN" RELEASE="$RELEASE" EMULATORS="$EMULATORS" sh "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
memscan=$BIN/memscan
BIN=$RELEASE
home_new
cd "$home"
bus_pid='' logind_pid=''
DBUS_SYSTEM_BUS_ADDRESS=unix:path=$home/bus
trap 'end=$?; set +e; kill -CONT "$(cat daemon)" 2>/dev/null; bus_stop; (exit $end); home_remove' EXIT
"$memscan" keys age://x <words-a >secrets

# ---- a bus and a logind of our own ----

bus_start() {
	cat >bus.conf <<END
<busconfig><type>system</type><listen>unix:path=$home/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow send_type="*"/><allow receive_sender="*"/></policy></busconfig>
END
	dbus-daemon --config-file=bus.conf --nofork --nopidfile >bus.log 2>&1 &
	bus_pid=$!
	wait_for "listens $home/bus"
}
bus_stop() {
	for stop_pid in $logind_pid $bus_pid; do
		kill "$stop_pid" 2>/dev/null || true
		wait "$stop_pid" || true
	done
	bus_pid='' logind_pid=''
	rm -f bus
}
# What is in memory at the moment at which the machine would sleep.
cat >hook <<END
"$memscan" \$(cat "$home/daemon") <"$home/secrets" >"$home/slept-with" 2>"$home/hook.log"
[ \$? -le 1 ]
END
logind_start() {
	rm -f in
	mkfifo in
	"$EMULATORS/logind" "sh $home/hook" <in >>logind.log &
	logind_pid=$!
	exec 8>in
}
logind_stop() {
	exec 8>&-
	kill "$logind_pid"
	wait "$logind_pid" || true
	logind_pid=''
}
# told N LINE: logind has said the line N times since its log was emptied.
told() {
	[ "$(grep -c "^$2" logind.log)" -eq "$1" ]
}
logind() {
	echo "$@" >&8
}

unlock() {
	lanyard unlock soft:a --passphrase-file passphrase 2>/dev/null
	lanyard sign age://x 00 >/dev/null || die 'it does not sign'
}
locked() {
	[ "$(lanyard status | sed -n 's/^locked  *//p')" = 'yes: all' ]
}
state_is() {
	[ "$(lanyard status | sed -n 's/^logind  *//p')" = "$1" ]
}
start() {
	: >logind.log
	agent_start
	echo "$LANYARD_AGENT_PID" >daemon
}

lanyard soft import --name a --mnemonic-file words-a --passphrase-file passphrase 2>/dev/null

# ---- without a bus: as ever, and it is said once ----

start
wait_for 'grep -q "logind is not watched.*: no system bus: " agent.log'
unlock
expect_match 'status' "$(lanyard status)" '^logind  *no system bus: No such file'
# It is tried again.
bus_start
wait_for 'state_is "there is no logind on the system bus"'
: >logind.log
logind_start
wait_for 'state_is ok'
agent_stop
wait_for 'told 1 released'
expect_eq 'said' "$(grep -c 'logind is not watched.*no system bus' agent.log)" 1

# ---- sleep ----

start
wait_for 'told 1 "inhibit sleep lanyard delay"'
wait_for 'state_is ok'
expect_match 'doctor' "$(lanyard doctor || true)" '^ok  *logind '
unlock
"$memscan" "$LANYARD_AGENT_PID" <secrets >live || [ $? -eq 1 ]
expect_match 'secrets are found while they are in use' "$(cat live)" '^seed'

# sleeps STOPPED: the machine goes to sleep and wakes up; false if that came too early. While the daemon
# is stopped it cannot wipe anything, and the machine waits.
sleeps() {
	: >logind.log
	rm -f slept-with
	unlock
	early=
	[ -z "$1" ] || kill -STOP "$LANYARD_AGENT_PID"
	logind sleep
	logind ping
	wait_for 'told 1 pong'
	[ -z "$1" ] || told 0 released || early=1
	kill -CONT "$LANYARD_AGENT_PID"
	wait_for 'told 1 released'
	[ -e slept-with ] || die 'nobody looked'
	wait_for locked
	logind wake
	wait_for 'told 1 "inhibit sleep lanyard delay"'
	[ -z "$early" ] && [ ! -s slept-with ]
}
for stopped in yes '' ''; do
	# Where everything else stands still for five seconds meanwhile, it is too early.
	sleeps "$stopped" || sleeps "$stopped" || sleeps "$stopped" ||
		die "the machine did not wait (${early:-0}), or slept with: $(cat slept-with)"
done
expect_match 'why' "$(cat agent.log)" 'the machine goes to sleep'

# An agent that does not answer holds up the machine for five seconds and no longer.
: >logind.log
kill -STOP "$LANYARD_AGENT_PID"
logind sleep
wait_for 'told 1 released'
kill -CONT "$LANYARD_AGENT_PID"
logind wake
wait_for 'told 1 inhibit'

# ---- a session's lock ----

wait_for locked
for signal in lock hint; do
	unlock
	: >logind.log
	logind $signal other
	logind active ours
	logind ping
	wait_for 'told 1 pong'
	lanyard sign age://x 00 >/dev/null || die "another user's $signal locks"
	logind $signal ours
	wait_for locked
done

# What another program says to us alone is not logind's word.
unlock
: >logind.log
logind wake
logind ping
wait_for 'told 1 pong'
helper=$(pgrep -f -P "$agent_pid" lanyard-logind)
holder=$(dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
	org.freedesktop.DBus.ListNames | sed -n 's/.*"\(:[0-9.]*\)".*/\1/p' | while read -r name; do
	dbus-send --system --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus \
		org.freedesktop.DBus.GetConnectionUnixProcessID "string:$name" 2>/dev/null |
		grep -q " $helper\$" && echo "$name"
done || true)
[ -n "$holder" ] || die 'lanyard-logind is not on the bus'
dbus-send --system --type=signal "--dest=$holder" /org/freedesktop/login1 \
	org.freedesktop.login1.Manager.PrepareForSleep boolean:true
dbus-send --system --type=signal "--dest=$holder" /org/freedesktop/login1/session/_31 \
	org.freedesktop.login1.Session.Lock
logind ping
wait_for 'told 2 pong'
lanyard sign age://x 00 >/dev/null || die 'anybody can lock'
told 0 released || die 'anybody can take the inhibitor away'

# ---- logind, the bus and the program go and come back ----

logind_stop
wait_for 'state_is "there is no logind on the system bus"'
lanyard sign age://x 00 >/dev/null || die 'logind went away, and it does not sign'
: >logind.log
logind_start
wait_for 'told 1 inhibit'
wait_for 'state_is ok'
logind lock ours
wait_for locked
unlock
: >logind.log
kill -KILL "$helper"
wait_for 'told 1 inhibit'
wait_for 'state_is ok'
logind lock ours
wait_for locked
unlock
bus_stop
wait_for '! state_is ok'
bus_start
: >logind.log
logind_start
wait_for 'told 1 inhibit'
wait_for 'state_is ok'
logind lock ours
wait_for locked

# ---- by the config ----

conf=$HOME/.config/lanyard/lanyard.conf
cp "$conf" old
pgrep -f -P "$agent_pid" lanyard-logind >/dev/null || die 'it does not run'
agent_stop || die "exit $agent_status: $(cat agent.log)"
expect_eq 'it ends with the agent' "$(pgrep -f "^lanyard-logind" -s 0 || true)" ''
(cat old && echo 'lock-on = {}') >"$conf"
start
state_is off || die "lock-on = {}: $(lanyard status)"
! pgrep -f -P "$agent_pid" lanyard-logind >/dev/null || die 'it runs'
(cat old && echo 'lock-on = {"session-lock"}') >"$conf"
lanyard reload
wait_for 'state_is ok'
unlock
logind sleep
logind lock other
logind lock ours
wait_for locked
told 0 inhibit || die 'an inhibitor that nobody wants'
! grep -q 'goes to sleep' agent.log || die 'it locks for sleep'
agent_stop || die "exit $agent_status: $(cat agent.log)"
(cat old && echo 'lock-on = {"sleep"}') >"$conf"
start
wait_for 'told 1 inhibit'
wait_for 'state_is ok'
unlock
logind lock ours
logind hint ours
logind ping
wait_for 'told 1 pong'
lanyard sign age://x 00 >/dev/null || die 'it locks for the session'
agent_stop || die "exit $agent_status: $(cat agent.log)"
