# SPDX-License-Identifier: MIT
# Shared by the tests of WireGuard: two hosts, a and b, each a network namespace with a tunnel wga or
# wgb, an agent and a software device of its own. Sourced after lib.sh by a script that began with
# wg_enter. /run and /etc are private; Debian's wireguard-go stands in for the kernel.
# shellcheck shell=sh

# wg_enter: the script again as root (by sudo if need be) in a mount and network namespace.
wg_enter() {
	[ -z "${WG_NAMESPACE:-}" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		exec sudo -n env BIN="$BIN" RELEASE="$RELEASE" EMULATORS="$EMULATORS" sh "$0"
	fi
	WG_NAMESPACE=1 exec unshare -m -n --propagation private sh "$0"
}

# wg_hosts [IDENTITY-OF-A IDENTITY-OF-B]: everything up to two tunnels that are set up and not up.
wg_hosts() {
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/wireguard /run/netns
	[ -L /var/run ] || mount --bind /run /var/run
	cp -a /etc "$home/etc"
	mount --bind "$home/etc" /etc
	rm -rf /etc/lanyard /etc/wireguard
	mkdir -m 700 /etc/wireguard
	trap wg_remove EXIT
	export WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go LOG_LEVEL=error
	for h in a b; do
		ip netns add $h
		ip -n $h link set lo up
	done
	ip link add veth-a netns a type veth peer name veth-b netns b
	ip -n a address add 192.0.2.1/24 dev veth-a
	ip -n b address add 192.0.2.2/24 dev veth-b
	ip -n a link set veth-a up
	ip -n b link set veth-b up
	lanyard_a=$home/a lanyard_b=$home/b
	for h in a b; do
		mkdir -p "$home/$h/run" "$home/$h/.config/lanyard"
		wg_device $h
		wg_agent $h
	done
	key_a=$(wg_public a "${1:-wg://wga@alice}") key_b=$(wg_public b "${2:-wg://wgb@bob}")
	wg_conf a 1 "$key_b" 2 >/etc/wireguard/wga.conf
	wg_conf b 2 "$key_a" 1 >/etc/wireguard/wgb.conf
	on a lanyard-wg setup wga -y --socket-dir "$home/a/run/lanyard" --psk-mode="${WG_MODE_A:-agent}" \
		--identity "${1:-wg://wga@alice}" >"$home/setup.log" 2>&1 || die "$(cat "$home/setup.log")"
	on b lanyard-wg setup wgb -y --socket-dir "$home/b/run/lanyard" --psk-mode=agent \
		--identity "${2:-wg://wgb@bob}" >"$home/setup.log" 2>&1 || die "$(cat "$home/setup.log")"
	for h in a b; do
		sed -i "/^agent-user/d; /^socket/d; s|^\[interface\]|&\nsocket = $home/$h/run/lanyard/agent.sock|" \
			/etc/lanyard/wg/wg$h.conf
	done
	wg_points
}

# wg_device HOST: the config of its agent, and the device. A test may define another after sourcing.
wg_device() {
	printf '%s\n' "${WG_CONFIG:-confirm = never}" >"$home/$1/.config/lanyard/lanyard.conf"
	wg_home "$1" lanyard soft import --name "dev-$1" --mnemonic-file "$home/words-$1" \
		"${WG_ENCRYPT:---no-encrypt}" 2>/dev/null
}

# wg_points: each side is told the point of the other.
wg_points() {
	point_a=$(lanyard-wg pub wga "$key_b" | sed -n 's/^peer .* point //p')
	point_b=$(lanyard-wg pub wgb "$key_a" | sed -n 's/^peer .* point //p')
	lanyard-wg point wga "$key_b" "$point_b" >/dev/null 2>&1 || die 'point of b'
	lanyard-wg point wgb "$key_a" "$point_a" >/dev/null 2>&1 || die 'point of a'
}

# wg_conf HOST NUMBER PEER NUMBER: a wg-quick config.
wg_conf() {
	cat <<EOF2
[Interface]
Address = 10.7.0.$2/24
ListenPort = 5182$2

[Peer]
PublicKey = $3
AllowedIPs = 10.7.0.$4/32
Endpoint = 192.0.2.$4:5182$4
EOF2
}

# wg_home HOST COMMAND...: with the home of that host's user.
wg_home() {
	wg_host=$1
	shift
	HOME=$home/$wg_host XDG_RUNTIME_DIR=$home/$wg_host/run "$@"
}

# wg_agent HOST: starts its agent.
wg_agent() {
	rm -f "$home/$1/env"
	# Not by wg_home: $! would be a shell.
	HOME=$home/$1 XDG_RUNTIME_DIR=$home/$1/run lanyard-agent -D -s >"$home/$1/env" \
		2>>"$home/$1/agent.log" &
	eval "agent_$1=$!"
	wait_for "test -s $home/$1/env"
	wait_for "wg_line $1 DEVICES | grep -q '^S DEVICE'"
}

# wg_agent_end HOST [SIGNAL]
wg_agent_end() {
	eval "wg_pid=\$agent_$1"
	# shellcheck disable=SC2154
	kill "-${2:-TERM}" "$wg_pid"
	wait "$wg_pid" || true
}

# wg_line HOST LINE...: to its agent.
wg_line() {
	wg_at=$1
	shift
	printf '%s\n' "$@" | socat -t 30 - "UNIX-CONNECT:$home/$wg_at/run/lanyard/agent.sock" | sed 1d
}

# wg_public HOST IDENTITY
wg_public() {
	wg_line "$1" "PUBKEY $2" | sed -n 's/^D //p' | sed 's/%3D/=/g; s/%2B/+/g; s/%2F/\//g; s/ .*//'
}

# on HOST COMMAND...: in its network namespace.
on() {
	wg_ns=$1
	shift
	nsenter --net="/run/netns/$wg_ns" "$@"
}

# wg_up HOST, wg_down HOST: stock wg-quick.
wg_up() { on "$1" wg-quick up "wg$1" >"$home/$1/up.log" 2>&1; }
wg_down() { on "$1" wg-quick down "wg$1" >"$home/$1/down.log" 2>&1; }

# ping_a: one packet from a to b and back; ping_b the other way.
ping_a() { on a ping -q -n -c 1 -W 0.4 10.7.0.2 >/dev/null 2>&1; }
ping_b() { on b ping -q -n -c 1 -W 0.4 10.7.0.1 >/dev/null 2>&1; }

# wg_show HOST WHAT: of wg(8)
wg_show() { on "$1" wg show "wg$1" "$2"; }
wg_psk() { wg_show "$1" preshared-keys | cut -f 2; }
wg_key() { wg_show "$1" private-key; }
wg_peers() { wg_show "$1" peers; }
wg_phase() { sed -n 's/^phase //p' "/run/lanyard/wg/wg$1.state" 2>/dev/null || true; }
# wg_watcher HOST: its process; wg_guard its other half.
wg_watcher() { lanyard-wg show "wg$1" | sed -n 's/^ *watcher: process //p'; }

wg_remove() {
	wg_status=$?
	set +e
	trap - EXIT
	if [ $wg_status -ne 0 ]; then
		for h in a b; do
			sed "s/^/  agent $h: /" "$home/$h/agent.log"
			[ ! -s "$home/$h/up.log" ] || sed "s/^/  up $h: /" "$home/$h/up.log"
			on $h lanyard-wg show wg$h | sed "s/^/  $h: /"
		done >&2
	fi
	for h in a b; do
		on $h wg-quick down wg$h >/dev/null 2>&1
		eval "wg_agent_end $h" 2>/dev/null
	done
	umount /etc
	(exit $wg_status)
	home_remove
}
