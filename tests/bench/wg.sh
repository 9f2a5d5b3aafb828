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
peers=${BENCH_PEERS:-1000} rounds=${BENCH_WG_ROUNDS:-7}
doc=$PWD/doc/BENCHMARKS.md
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/wireguard
[ -L /var/run ] || mount --bind /run /var/run
cp -a /etc "$home/etc"
mount --bind "$home/etc" /etc
rm -rf /etc/lanyard /etc/wireguard
mkdir -m 700 /etc/wireguard
wg_end() {
	status=$?
	lanyard-wg down hub >/dev/null 2>&1
	ip link delete hub 2>/dev/null
	agent_stop
	umount /etc
	if (exit "$status"); then home_remove; else home_remove; fi # for its $?
}
trap wg_end EXIT

lanyard soft import --name hub --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
mkdir -p "$home/.config/lanyard"
echo 'confirm = never' >"$home/.config/lanyard/lanyard.conf"
XDG_RUNTIME_DIR=/run agent_start
perl -MMIME::Base64 -e 'print "[Interface]\n"; for (1 .. shift) {
	printf "[Peer]\nPublicKey = %s\nAllowedIPs = 10.%d.%d.1/32\n",
		encode_base64(pack("N", $_) . "\x5a" x 28, ""), $_ >> 8, $_ & 255 }' "$peers" \
	>/etc/wireguard/hub.conf
env -i "$BIN/lanyard-wg" setup hub -y --identity wg://hub@bench --psk-mode=agent >"$home/log" 2>&1 ||
	die "$(cat "$home/log")"
point=$(sed -n 's/^wg.b.agent.point //p' doc/DERIVATION.md)
point=$(perl -MMIME::Base64 -e 'print encode_base64(pack("H*", shift), "")' "$point")
sed -i "s|^\\[peer.*|&\\npsk-point = $point|" /etc/lanyard/wg/hub.conf
sed '/# >>>/,/# <<</d' /etc/wireguard/hub.conf >"$home/plain"

fresh() {
	ip link delete hub 2>/dev/null || true
	wait_for '! test -e /var/run/wireguard/hub.sock'
	LOG_LEVEL=error wireguard-go hub >/dev/null 2>&1
}
# timed NAME COMMAND...: milliseconds into $home/ms-NAME.
timed() {
	name=$1
	shift
	start=$(date +%s%N)
	"$@" >"$home/log" 2>&1 || die "$*: $(cat "$home/log")"
	echo $((($(date +%s%N) - start) / 1000000)) >>"$home/ms-$name"
}
median() { sort -n "$home/ms-$1" | sed -n "$(((rounds + 1) / 2))p"; }
# The median of up's ratios to setconf within a round.
ratio() {
	paste "$home/ms-up" "$home/ms-setconf" | awk '{printf "%.2f\n", $1 / $2}' | sort -n |
		sed -n "$(((rounds + 1) / 2))p"
}
load=$(cut -d' ' -f1 /proc/loadavg)

round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	fresh
	timed plain wg setconf hub "$home/plain"
	timed up env -i PATH="$PATH" "$BIN/lanyard-wg" up hub
	wg showconf hub >"$home/keyed"
	lanyard-wg down hub
	fresh
	timed setconf wg setconf hub "$home/keyed"
done
rm "$home/keyed"

# memory: the watcher's, with a tree for each peer.
sed -i '/^rotate/d; s/^\[interface\]/&\nrotate = 60/' /etc/lanyard/wg/hub.conf
fresh
wg setconf hub "$home/plain"
env -i PATH="$PATH" "$BIN/lanyard-wg" up hub >"$home/log" 2>&1 || die "$(cat "$home/log")"
watcher=$(lanyard-wg show hub | sed -n 's/.*watcher: process //p')
anon=$(sed -n 's/^RssAnon:\s*\([0-9]*\).*/\1/p' "/proc/$watcher/status")

cat >"$home/table" <<EOF2
| a hub of $peers peers on wireguard-go, median of $rounds | ms |
|---|---:|
| \`wg setconf\`, peers and keys from a file | $(median setconf) |
| \`wg setconf\`, peers without keys (what wg-quick does before the hook) | $(median plain) |
| \`lanyard-wg up\`, psk-mode agent: one device operation, all keys | $(median up) |

\`up\` in times of \`wg setconf\` with keys, median of the rounds: $(ratio) (at most 2 and one device operation are wanted; load
average $load before the run).

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
