#!/bin/sh
# SPDX-License-Identifier: MIT
# WGKEYS: root, with nothing in its environment, gets a WireGuard interface's key and its preshared
# keys from a user's agent; who else may, what takes them away, which points are refused. Needs a
# second user, so root: by sudo for everybody else.
if [ "$(id -u)" -ne 0 ]; then
	exec sudo -n env BIN="$BIN" RELEASE="$RELEASE" sh "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
vectors=doc/DERIVATION.md
vector() { grep "^$1 " "$vectors" | cut -d' ' -f2; }
# b64 HEX
b64() { perl -e 'print pack("H*", shift)' "$1" | base64; }

# The user's agent: device a of the words A with wg0@peer1, device b of B with wg0@peer2.
lanyard soft import --name a --mnemonic-file "$home/words-a" --passphrase-file "$home/passphrase" \
	2>/dev/null
lanyard soft import --name b --mnemonic-file "$home/words-b" --no-encrypt 2>/dev/null
mkdir "$home/programs"
cp "$BIN/lanyard" "$BIN/lanyard-agent" "$home/programs"
mkdir -p "$home/.config/lanyard"
chown -R 65534:65534 "$home/.local" "$home/run" "$home/.config"
chmod 755 "$home"
as_user() { HOME=$home setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# user_agent [CONFIG-LINE...]: (re)starts it.
user_agent() {
	agent_stop || true
	echo "confirm = ${confirm:-never}" >"$home/.config/lanyard/lanyard.conf"
	for user_line; do
		printf '%s\n' "$user_line" >>"$home/.config/lanyard/lanyard.conf"
	done
	rm -f "$home/agent.env"
	# Not as_user: the process to stop is then a shell.
	HOME=$home setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$home/programs/lanyard-agent" -D -s >"$home/agent.env" 2>"$home/agent.log" &
	agent_pid=$!
	wait_for "test -s $home/agent.env || ! alive $agent_pid"
	# shellcheck disable=SC1091
	. "$home/agent.env" >/dev/null
	as_user "$home/programs/lanyard" unlock -d soft:a --passphrase-file "$home/passphrase"
}
# As root with no environment; as the user.
root_line() {
	printf '%s\n' "$@" | env -i socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" | sed 1d
}
user_line() {
	printf '%s\n' "$@" | as_user socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" | sed 1d
}
# hex: the D lines of an answer, decoded, each a line of hexadecimal.
hex() {
	perl -ne 's/^D // or next; chomp; s/%([0-9A-F]{2})/chr hex $1/ge; print unpack("H*", $_), "\n"'
}

a=wg://wg0@peer1 b=wg://wg0@peer2
pub_a=$(vector wg.a.public) pub_b=$(vector wg.b.public)
peer_a=$(vector wg.a.peer-uri) peer_b=$(vector wg.b.peer-uri)
dev_a=$(b64 "$(vector wg.a.device.point)") agent_b=$(b64 "$(vector wg.b.agent.point)")
agent_a=$(b64 "$(vector wg.a.agent.point)")
user_agent

# Root, the pinned keys. a by device, b by agent: both have the same preshared key.
out=$(root_line "WGKEYS --device=soft:a --peers=2 $a" \
	"WGKEYS --psk-mode=device --point=$agent_b $peer_a" \
	"WGKEYS --psk-mode=device --point=$agent_b --rotate=120 $peer_a" \
	"WGKEYS --psk-mode=single $peer_a")
expect_eq 'keys of a' "$(echo "$out" | hex)" "$(vector wg.a.private)
$(vector wg.pair.r0)
$(vector wg.pair.r120)
$(vector wg.a.single)"
out=$(root_line "WGKEYS --device=soft:b $b" \
	"WGKEYS --psk-mode=agent --point=$dev_a $peer_b" \
	"WGKEYS --psk-mode=agent --point=$dev_a --rotate=120 $peer_b" \
	"WGKEYS --psk-mode=agent --point=$dev_a --rotate=120 --extra $peer_b" \
	'D %60%61%62%63%64%65%66%67%68%69%6a%6b%6c%6d%6e%6f' \
	'D %70%71%72%73%74%75%76%77%78%79%7a%7b%7c%7d%7e%7f' END)
expect_eq 'keys of b' "$(echo "$out" | hex)" "$(vector wg.b.private)
$(vector wg.pair.r0)
$(vector wg.pair.r120)
$(vector wg.pair.r120-extra)"
expect_match 'asked for the extra key' "$out" '^INQUIRE EXTRA$'
out=$(root_line "WGKEYS $a" "WGKEYS --psk-mode=device --point=$agent_b --rotate=120 --extra $peer_a" \
	'D `abcdefghijklmnopqrstuvwxyz{|}~%7F' END)
expect_eq 'extra on the device' "$(echo "$out" | hex | tail -1)" "$(vector wg.pair.r120-extra)"

# One question for an interface and its preshared keys; without a yes, nothing.
cat >"$home/programs/pinentry" <<EOF2
#!/bin/sh
exec "$home/programs/script" "$home/run/script" "$home/run/asks"
EOF2
cp "$EMULATORS/pinentry" "$home/programs/script"
chmod 755 "$home/programs/pinentry"
confirm=always
DISPLAY=:77 user_agent "pinentry = \"$home/programs/pinentry\""
# script LINE...: what the next pinentries do.
script() {
	printf '%s\n' "$@" >"$home/run/script"
	: >"$home/run/asks"
	chown 65534 "$home/run/script" "$home/run/asks"
}
script ok refuse
out=$(root_line "WGKEYS --device=soft:a --peers=2 $a" \
	"WGKEYS --psk-mode=device --point=$agent_b $peer_a" \
	"WGKEYS --psk-mode=single $peer_a")
expect_eq 'confirmed' "$(echo "$out" | hex)" "$(vector wg.a.private)
$(vector wg.pair.r0)
$(vector wg.a.single)"
expect_match 'once, with what it is for' "$(grep '^SETDESC' "$home/run/asks")" \
	"^SETDESC Allow giving WireGuard a private key and 2 preshared keys with soft:a?%0A$a%0A"
out=$(root_line "WGKEYS --device=soft:a --peers=2 $a" \
	"WGKEYS --psk-mode=single $peer_a")
expect_match 'refused' "$out" "^ERR [0-9]* refused: .*$a on soft:a was not confirmed"
expect_eq 'and no key' "$(echo "$out" | hex)" ''
