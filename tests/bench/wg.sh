#!/bin/sh
# SPDX-License-Identifier: MIT
# A hub of 1000 peers on wireguard-go: `lanyard-wg up` (psk-mode agent) beside `wg setconf` with the
# same peers and keys in a file, in turns; and the watcher's memory, with rotation. wg.sh BUILD; root.
# It writes the table between the wg markers of doc/BENCHMARKS.md.
if [ -z "${WG_NAMESPACE:-}" ]; then
	# shellcheck disable=SC2016 # the inner shell expands it
	set -- unshare -m -n --propagation private env WG_NAMESPACE=1 BIN="$1" sh "$0" "$1"
	[ "$(id -u)" -eq 0 ] || set -- sudo -n "$@"
	exec "$@"
fi
BIN=$1
cd "$(dirname "$0")/../.."
. tests/e2e/lib.sh
home_new
. tests/bench/hub.sh
doc=$PWD/doc/BENCHMARKS.md
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/wireguard
[ -L /var/run ] || mount --bind /run /var/run
cp -a /etc "$home/etc"
mount --bind "$home/etc" /etc
wg_end() {
	status=$?
	lanyard-wg down hub >/dev/null 2>&1
	ip link delete hub 2>/dev/null
	agent_stop
	umount /etc
	if (exit "$status"); then home_remove; else home_remove; fi # for its $?
}
trap wg_end EXIT

hub_fresh() {
	ip link delete hub 2>/dev/null || true
	wait_for '! test -e /var/run/wireguard/hub.sock'
	LOG_LEVEL=error wireguard-go hub >/dev/null 2>&1
}
hub_new
hub_rounds
rm "$home/keyed"

# memory: the watcher's, with a tree for each peer.
sed -i '/^rotate/d; s/^\[interface\]/&\nrotate = 60/' /etc/lanyard/wg/hub.conf
hub_fresh
wg setconf hub "$home/plain"
hub_up >"$home/log" 2>&1 || die "$(cat "$home/log")"
watcher=$(lanyard-wg show hub | sed -n 's/.*watcher: process //p')
anon=$(sed -n 's/^RssAnon:\s*\([0-9]*\).*/\1/p' "/proc/$watcher/status")

hub_table wireguard-go >"$home/table"
cat >>"$home/table" <<EOF2

The watcher of that hub with \`rotate = 60\`: RssAnon $anon KiB (the budget is 1024 KiB and 2 KiB a peer: $((1024 + 2 * peers)) KiB).
EOF2
cat "$home/table"
awk -v table="$home/table" '
	/<!-- wg:end/ {skip = 0}
	!skip {print}
	/<!-- wg:begin/ {
		skip = 1
		while ((getline line < table) > 0)
			print line
	}' "$doc" >"$home/doc"
cat "$home/doc" >"$doc"
