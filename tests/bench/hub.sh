# SPDX-License-Identifier: MIT
# A hub of $peers peers, "hub": `lanyard-wg up` (psk-mode agent) beside `wg setconf` with the same
# peers and keys in a file, in turns. Sourced after tests/e2e/lib.sh and home_new, by root, with an
# /etc and a /run of its own; who sources it defines hub_fresh, which makes the interface anew.
# shellcheck shell=sh
peers=${BENCH_PEERS:-1000} rounds=${rounds:-${BENCH_WG_ROUNDS:-7}}

# hub_new: the agent, the configs, the points.
hub_new() {
	rm -rf /etc/lanyard /etc/wireguard
	mkdir -m 700 /etc/wireguard
	lanyard soft import --name hub --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
	mkdir -p "$home/.config/lanyard"
	echo 'confirm = never' >"$home/.config/lanyard/lanyard.conf"
	XDG_RUNTIME_DIR=/run agent_start
	# Any number below 2^255 - 19 passes for a public key; nobody answers here.
	perl -MMIME::Base64 -e 'print "[Interface]\n"; for (1 .. shift) {
		printf "[Peer]\nPublicKey = %s\nAllowedIPs = 10.%d.%d.1/32\n",
			encode_base64(pack("N", $_) . "\x5a" x 28, ""), $_ >> 8, $_ & 255 }' "$peers" \
		>/etc/wireguard/hub.conf
	env -i "$BIN/lanyard-wg" setup hub -y --identity wg://hub@bench --psk-mode=agent \
		>"$home/log" 2>&1 || die "$(cat "$home/log")"
	point=$(sed -n 's/^wg.b.agent.point //p' doc/DERIVATION.md)
	point=$(perl -MMIME::Base64 -e 'print encode_base64(pack("H*", shift), "")' "$point")
	sed -i "s|^\\[peer.*|&\\npsk-point = $point|" /etc/lanyard/wg/hub.conf
	sed '/# >>>/,/# <<</d' /etc/wireguard/hub.conf >"$home/plain"
}

hub_up() { env -i PATH="$PATH" "$BIN/lanyard-wg" up hub; }

# hub_private: what the hook asks for first, by a client of its own; the one device operation.
hub_private() {
	echo 'WGKEYS wg://hub@bench' | socat -t 30 - UNIX-CONNECT:/run/lanyard/agent.sock >"$home/answer"
	grep -q '^D ' "$home/answer" || die "$(cat "$home/answer")"
}

# timed NAME COMMAND...: milliseconds into $home/ms-NAME.
timed() {
	name=$1
	shift
	start=$(date +%s%N)
	"$@" >"$home/log" 2>&1 || die "$*: $(cat "$home/log")"
	echo $((($(date +%s%N) - start) / 1000000)) >>"$home/ms-$name"
}

# hub_rounds: $home/keyed is the config with all keys in the end.
hub_rounds() {
	load=$(cut -d' ' -f1 /proc/loadavg)
	round=0
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		hub_fresh
		timed plain wg setconf hub "$home/plain"
		timed up hub_up
		timed device hub_private
		wg showconf hub >"$home/keyed"
		lanyard-wg down hub
		hub_fresh
		timed setconf wg setconf hub "$home/keyed"
	done
}

median() { sort -n "$home/ms-$1" | sed -n "$(((rounds + 1) / 2))p"; }
# The median of up's ratios to setconf within a round.
ratio() {
	paste "$home/ms-up" "$home/ms-setconf" | awk '{printf "%.2f\n", $1 / $2}' | sort -n |
		sed -n "$(((rounds + 1) / 2))p"
}

# hub_table WHERE
hub_table() {
	cat <<EOF2
| a hub of $peers peers on $1, median of $rounds, load average $load | ms |
|---|---:|
| \`wg setconf\`, peers and keys from a file | $(median setconf) |
| \`wg setconf\`, peers without keys (what wg-quick does before the hook) | $(median plain) |
| \`lanyard-wg up\`, psk-mode agent: one device operation, all keys | $(median up) |
| the one device operation alone, by socat | $(median device) |
| \`up\` in times of \`wg setconf\` with keys, median of the rounds; at most 2 and a device operation are wanted | $(ratio) × |
EOF2
}
