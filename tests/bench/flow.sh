#!/bin/sh
# SPDX-License-Identifier: MIT
# What the agent adds to a signature of a hardware wallet, emulated over UDP: flow.sh BUILD [COUNT].
# Prints "flow TYPE", and the medians of the bare flow, of the agent's and of the difference in µs.
#
# The wallet has the last processor, and its clients, the agent among them, the first: four threads
# that wake each other are otherwise put on two processors by chance, the bare client's two on one or on
# both, and the difference is that chance and not the agent.
# shellcheck source=tests/e2e/lib.sh
cd "$(dirname "$0")/../.."
BIN=$1 COUNT=${2:-500}
. tests/e2e/lib.sh
home_new
conf=$home/.config/lanyard
mkdir -p "$conf"
emulator_pid='' relay_pid='' awake=''
trap 'status=$?; set +e; kill $relay_pid $emulator_pid $awake 2>/dev/null; (exit $status); home_remove' EXIT
# No processor sleeps meanwhile: to wake one up takes a virtual machine's host tens of µs, four times
# in a signature. What keeps them awake gives way to everything else.
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
first=${cpus%%[!0-9]*} last=${cpus##*[!0-9]}
for cpu in $(seq "$first" "$last"); do
	taskset -c "$cpu" chrt --idle 0 sh -c 'while :; do :; done' &
	awake="$awake $!"
done

# configure PORT: the agent's wallet is there.
configure() {
	printf 'udp = {"127.0.0.1:%s"}\nlog = warn\n' "$1" >"$conf/lanyard.conf"
	printf 'key "ssh://bench@host" {\n\tcurve = %s\n}\n' "$curve" >>"$conf/lanyard.conf"
	taskset -cp "$first" $$ >/dev/null # the agent too, then
	agent_start
	wait_for 'lanyard devices 2>/dev/null | grep -q trezor:peer'
	wait_for 'ssh-add -L | grep -q ^[es]'
}

taskset -c "$last" "$BIN/emulators/trezor" >"$home/emulator.out" &
emulator_pid=$!
wait_for "grep -q '^port' $home/emulator.out"
port=$(sed -n 's/^port //p' "$home/emulator.out")
for curve in ed25519 nist256p1; do
	type=ssh-ed25519
	[ $curve = ed25519 ] || type=ecdsa-sha2-nistp256
	mkfifo "$home/end"
	"$BIN/bench/flow" relay "$port" "$home/flow" <"$home/end" >"$home/relay.out" &
	relay_pid=$!
	exec 8>"$home/end"
	wait_for "grep -q '^port' $home/relay.out"
	configure "$(sed -n 's/^port //p' "$home/relay.out")"
	"$BIN/bench/load" $type "$SSH_AUTH_SOCK" 1 1 10 >/dev/null
	agent_stop
	exec 8>&-
	wait $relay_pid
	relay_pid=
	rm "$home/end"
	configure "$port"
	numbers=$("$BIN/bench/flow" measure "$port" "$home/flow" "$SSH_AUTH_SOCK" $type "$COUNT")
	echo "flow $type $numbers"
	agent_stop
done
