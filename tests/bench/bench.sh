#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares the release build with ssh-agent, gpg-agent and the floor, in one run and in turns, and
# writes the table between the markers of doc/BENCHMARKS.md: bench.sh BUILD. Some three minutes.
# shellcheck source=tests/e2e/lib.sh
cd "$(dirname "$0")/../.."
BIN=$1
doc=$PWD/doc/BENCHMARKS.md
report=$PWD/tests/bench/report.awk
. tests/e2e/lib.sh

ROUNDS=${BENCH_ROUNDS:-21}
SECONDS_MAX=3                             # of one run of the load generator
SIGNATURES=500 LISTINGS=2000              # or as many as that time allows
KEYS='01 02 03 04 05 06 07 08 09 10'      # of each of the two types
IDLE_CLIENTS=100 IDLE_SECONDS=${BENCH_IDLE:-20}
ed25519=ssh-ed25519 nistp256=ecdsa-sha2-nistp256

# Ends everything but lanyard's agent, which lib.sh ends.
peers_stop() {
	for pid in ${openssh_pid:-} ${floor_pid:-} ${traced_pid:-}; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" || true
	done
	openssh_pid='' floor_pid='' traced_pid=''
	gpg_stop
}

bench_end() {
	status=$?
	peers_stop
	gpgconf --remove-socketdir 2>/dev/null || true
	if (exit "$status"); then home_remove; else home_remove; fi # for its $?
}

# ---- the peers: the same number and types of keys each ----

lanyard_make() {
	conf=$home/.config/lanyard
	mkdir -p "$conf"
	for key in $KEYS; do
		printf 'key "ssh://bench@host%s" {\n}\n' "$key"
	done >"$conf/lanyard.conf"
	for key in $KEYS; do
		printf 'key "ssh://bench@host%s" {\n\tcurve = nist256p1\n}\n' "$key"
	done >>"$conf/lanyard.conf"
	chmod 600 "$conf/lanyard.conf"
	lanyard soft import --name bench --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
	lanyard_sock=$XDG_RUNTIME_DIR/lanyard/ssh.sock
}

openssh_make() {
	for key in $KEYS; do
		ssh-keygen -q -t ed25519 -N '' -f "$home/e$key"
		ssh-keygen -q -t ecdsa -b 256 -N '' -f "$home/n$key"
	done
	openssh_sock=$home/openssh.sock
	# A copy has no set-group-ID bit, which valgrind could not follow.
	cp "$(command -v ssh-agent)" "$home/ssh-agent"
}

gpg_make() {
	mkdir -m 700 "$GNUPGHOME"
	gpgconf --create-socketdir 2>/dev/null || true
	for key in $KEYS; do
		for curve in ed25519 nistp256; do
			gpg --batch --quiet --passphrase '' --quick-generate-key "$curve $key" \
				$curve cert,auth never 2>/dev/null
		done
	done
	gpg --batch --list-secret-keys --with-colons --with-keygrip 2>/dev/null |
		awk -F: '$1 == "grp" {print $10}' >"$GNUPGHOME/sshcontrol"
	printf 'enable-ssh-support\ndisable-scdaemon\n' >"$GNUPGHOME/gpg-agent.conf"
	gpg_sock=$(gpgconf --list-dirs agent-ssh-socket)
	gpg_stop
}

# It puts itself into the background, whatever it is told.
gpg_stop() {
	gpgconf --kill gpg-agent 2>/dev/null || true
	wait_for "! test -S \"$gpg_sock\""
}

floor_make() {
	floor_sock=$home/floor.sock
}

peers_start() {
	agent_start
	ssh-agent -D -a "$openssh_sock" >/dev/null &
	openssh_pid=$!
	gpg-agent --daemon >/dev/null 2>&1
	gpg_pid=$(gpg-connect-agent --no-autostart 'getinfo pid' /bye | sed -n 's/^D //p')
	"$BIN/bench/floor" "$floor_sock" 10 &
	floor_pid=$!
	wait_for "test -S $openssh_sock && test -S $gpg_sock && test -S $floor_sock"
	SSH_AUTH_SOCK=$openssh_sock ssh-add -q "$home"/e?? "$home"/n??
	for peer in lanyard openssh gpg floor; do
		eval "sock=\$${peer}_sock"
		wait_for "test \$(SSH_AUTH_SOCK=$sock ssh-add -L | wc -l) -eq 20"
	done
	lanyard_pid=$agent_pid
}

# ---- what is measured; every line of $results is a kind, its names, its numbers ----

# say KIND FIELD...: a result.
say() {
	echo "$*" >>"$results"
}

# start_once PEER KEYS COMMAND...: until it lists at least so many.
start_once() {
	peer=$1 keys=$2
	shift 2
	eval "sock=\$${peer}_sock"
	numbers=$("$BIN/bench/idle" start "$sock" "$keys" "$@")
	say start "$peer" "$keys" "$numbers"
}

measure_start() {
	round=0
	while [ $((round += 1)) -le "$ROUNDS" ]; do
		start_once lanyard 0 lanyard-agent -D
		start_once openssh 0 ssh-agent -D -a "$openssh_sock"
		start_once gpg 0 gpg-agent --daemon
		gpg_stop
		start_once lanyard 20 lanyard-agent -D
		start_once gpg 20 gpg-agent --daemon
		gpg_stop
	done
}

# The peers in turns, every other round backwards: what the machine does meanwhile hits all of them.
measure_load() {
	round=0
	while [ $((round += 1)) -le "$ROUNDS" ]; do
		order='lanyard openssh gpg floor'
		[ $((round % 2)) -eq 0 ] || order='floor gpg openssh lanyard'
		echo "bench: round $round of $ROUNDS" >&2
		for what in list $ed25519 $nistp256; do
			count=$SIGNATURES
			[ $what != list ] || count=$LISTINGS
			for clients in 1 8 64; do
				for peer in $order; do
					eval "sock=\$${peer}_sock"
					numbers=$("$BIN/bench/load" $what "$sock" $clients $count \
						$SECONDS_MAX)
					say load $what $clients "$peer" $round "$numbers"
				done
			done
		done
	done
}

measure_idle() {
	for peer in lanyard openssh gpg floor; do
		eval "sock=\$${peer}_sock pid=\$${peer}_pid"
		numbers=$("$BIN/bench/idle" hold "$sock" "$pid" $IDLE_CLIENTS "$IDLE_SECONDS")
		say idle "$peer" "$numbers"
	done
}

measure_flow() {
	sh "$(dirname "$report")/flow.sh" "$BIN" >>"$results"
}

measure_wait() {
	sh "$(dirname "$report")/wait.sh" "$BIN" >>"$results"
}

# count_instructions TYPE PEER COUNT COMMAND...: all that it and its children execute while it makes
# so many signatures, as callgrind counts them.
count_instructions() {
	type=$1 peer=$2 count=$3
	shift 3
	valgrind -q --tool=callgrind --vgdb=no --callgrind-out-file="$home/callgrind.%p" "$@" \
		>/dev/null 2>"$home/callgrind.log" &
	traced_pid=$!
	if [ "$peer" != raw ]; then
		eval "sock=\$${peer}_sock"
		wait_for "test -S $sock"
		[ "$peer" != openssh ] || SSH_AUTH_SOCK=$sock ssh-add -q "$home"/e?? "$home"/n??
		wait_for "test \$(SSH_AUTH_SOCK=$sock ssh-add -L | wc -l) -eq 20"
		"$BIN/bench/load" "$type" "$sock" 1 "$count" 60 >/dev/null
		kill $traced_pid
	fi
	wait $traced_pid || true
	traced_pid=
	numbers=$(awk '$1 == "totals:" {sum += $2} END {printf "%.0f", sum}' "$home"/callgrind.[0-9]*)
	say instructions "$type" "$peer" "$count" "$numbers"
	rm -f "$home"/callgrind.[0-9]*
}

# What a signature adds is the difference between 100 and 200 of them.
measure_instructions() {
	command -v valgrind >/dev/null || return 0
	for type in $ed25519 $nistp256; do
		for count in 100 200; do
			count_instructions $type lanyard $count "$BIN/lanyard-agent" -D
			count_instructions $type openssh $count "$home/ssh-agent" -D -a "$openssh_sock"
			count_instructions $type raw $count "$BIN/bench/floor" raw $type $count
		done
	done
}

# ---- the table ----

describe() {
	say machine "$(nproc) × $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)," \
		"load average $(cut -d' ' -f1 /proc/loadavg) before the run"
	say program lanyard "$(lanyard-agent --version)"
	say program openssh "$(ssh -V 2>&1 | cut -d, -f1 | tr _ ' ')"
	say program gpg "$(gpg-agent --version | sed -n 1p)"
	say program libraries "libsodium $(pkg-config --modversion libsodium), libcrypto $(pkg-config \
		--modversion libcrypto), libuv $(pkg-config --modversion libuv)"
	say run "$ROUNDS" "$IDLE_CLIENTS" "$IDLE_SECONDS"
}

gpg_sock=
home_new
GNUPGHOME=$home/gnupg
export GNUPGHOME
trap bench_end EXIT
results=$home/results
lanyard_make
openssh_make
gpg_make
floor_make
describe
echo 'bench: start' >&2
measure_start
peers_start
measure_load
echo 'bench: idle' >&2
measure_idle
agent_stop || die "lanyard-agent: exit $agent_status"
peers_stop
echo "bench: a wallet's flow" >&2
measure_flow
echo 'bench: a listing while a wallet waits' >&2
measure_wait
echo 'bench: instructions' >&2
measure_instructions

awk -f "$report" "$results" >"$home/table"
cat "$home/table"
awk -v table="$home/table" '
	/<!-- bench:end/ {skip = 0}
	!skip {print}
	/<!-- bench:begin/ {
		skip = 1
		while ((getline line < table) > 0)
			print line
	}' "$doc" >"$home/doc"
cat "$home/doc" >"$doc"
