#!/bin/sh
# SPDX-License-Identifier: MIT
# WGKEYS: root, with nothing in its environment, gets a WireGuard interface's key and its preshared
# keys from a user's agent; who else may, what takes them away, which points are refused. Needs a
# second user, so root: by sudo for everybody else.
if [ "$(id -u)" -ne 0 ]; then
	exec sudo -n env BIN="$BIN" RELEASE="$RELEASE" EMULATORS="$EMULATORS" sh "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
vectors=doc/DERIVATION.md
vector() { grep "^$1 " "$vectors" | cut -d' ' -f2; }
# hex_of BASE64, b64 HEX
hex_of() { printf %s "$1" | base64 -d | perl -0777 -ne 'print unpack "H*"'; }
b64() { perl -e 'print pack("H*", shift)' "$1" | base64; }

# The user's agent: device a of the words A with wg0@peer1, device b of B with wg0@peer2.
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
lanyard soft import --name b --mnemonic-file "$home/words-b" --no-encrypt 2>/dev/null
mkdir "$home/programs"
install "$BIN/lanyard" "$BIN/lanyard-agent" "$home/programs"
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
	# Not by as_user: $! is to be the agent.
	HOME=$home setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$home/programs/lanyard-agent" -D -s >"$home/agent.env" 2>"$home/agent.log" &
	agent_pid=$!
	wait_for "test -s $home/agent.env || ! alive $agent_pid"
	# shellcheck disable=SC1091
	. "$home/agent.env" >/dev/null
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

# Points: of both modes, also by the command line; the one of mode agent is not recorded.
expect_eq 'point of a' "$(as_user "$home/programs/lanyard" pubkey "$peer_a")" "$dev_a"
expect_eq 'point of a, mode agent' \
	"$(as_user "$home/programs/lanyard" pubkey --psk-mode=agent "$peer_a")" "$agent_a"
expect_eq 'point of a, still' "$(root_line "PUBKEY $peer_a" | sed -n 's/^D //p')" "$dev_a"
expect_eq 'points of b at once' "$(root_line "PUBKEY --psk-mode=agent $peer_b" \
	"PUBKEY --psk-mode=device $peer_b" "PUBKEY --psk-mode=agent $peer_b" | sed -n 's/^D //p' |
	head -1)" "$agent_b"
! grep -q "$(vector wg.a.agent.point)" "$home/.local/state/lanyard/keys" || die 'mode agent is recorded'
grep -q "$(vector wg.a.device.point)" "$home/.local/state/lanyard/keys" || die 'mode device is not'
expect_match 'mode agent of an interface' "$(root_line "PUBKEY --psk-mode=agent $a")" '^ERR [0-9]* invalid'
expect_match 'a point releases nothing' "$(root_line "PUBKEY --psk-mode=agent $peer_a" \
	"WGKEYS --psk-mode=single $peer_a")" '^ERR [0-9]* not-found: WGKEYS wg://wg0@peer1 '

# Order and options. A connection's keys are its own.
expect_match 'a peer first' "$(root_line "WGKEYS --psk-mode=single $peer_a")" '^ERR [0-9]* not-found'
root_line "WGKEYS $a" >/dev/null
expect_match 'on another connection' "$(root_line "WGKEYS --psk-mode=single $peer_a")" \
	'^ERR [0-9]* not-found'
# refused WHAT PATTERN LINE...: each line that is a command is, after WGKEYS of the interface.
refused() {
	refused_what=$1 refused_pattern="^ERR [0-9]* $2"
	shift 2
	refused_out=$(root_line "WGKEYS $a" "$@" | sed '1,2d; /INQUIRE/d')
	expect_eq "$refused_what" "$(echo "$refused_out" | grep -c "$refused_pattern")" \
		"$(printf '%s\n' "$@" | grep -c '^WGKEYS')"
	expect_eq "$refused_what: nothing else" "$(echo "$refused_out" | grep -v "$refused_pattern")" ''
}
refused 'another interface' 'not-found' "WGKEYS --psk-mode=single $peer_b"
refused 'another index' 'not-found' "WGKEYS --index=1 --psk-mode=single $peer_a"
refused 'no mode' 'syntax: .*psk-mode' "WGKEYS $peer_a"
refused 'a mode that is none' 'invalid: psk-mode both: device, agent, single' \
	"WGKEYS --psk-mode=both $peer_a"
refused 'no point' 'syntax: .*point' "WGKEYS --psk-mode=agent $peer_a"
refused 'single with a point' 'syntax' "WGKEYS --psk-mode=single --point=$agent_b $peer_a"
refused 'a peer of another device' 'syntax' \
	"WGKEYS --device=soft:b --psk-mode=agent --point=$agent_b $peer_a"
set --
for t in 59 86401 -1 1h 060; do
	set -- "$@" "WGKEYS --psk-mode=agent --point=$agent_b --rotate=$t $peer_a"
done
refused 'rotate' 'invalid: rotate' "$@"
refused 'a short extra key' 'invalid: EXTRA has 31 bytes' \
	"WGKEYS --psk-mode=agent --point=$agent_b --extra $peer_a" 'D 0123456789abcdef0123456789abcde' END
refused 'no extra key' 'canceled' "WGKEYS --psk-mode=agent --point=$agent_b --extra $peer_a" CAN
refused 'psk-mode of an interface' 'syntax' "WGKEYS --psk-mode=single $a"
refused 'another class' 'not-allowed' 'WGKEYS ssh://git@github.com'
expect_match 'SECRET of an interface' "$(user_line "SECRET $a")" '^ERR [0-9]* not-allowed'

# Points that are none: of both modes, and as the peer's own key.
set --
for point in 0000000000000000000000000000000000000000000000000000000000000000 \
	0100000000000000000000000000000000000000000000000000000000000000 \
	e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800 \
	ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f \
	edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f \
	f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f \
	09000000000000000000000000000000000000000000000000000000000000ff; do
	point=$(b64 $point)
	set -- "$@" "WGKEYS --psk-mode=device --point=$point $peer_a" \
		"WGKEYS --psk-mode=agent --point=$point $peer_a" \
		"WGKEYS --psk-mode=single $a/$(printf %s "$point" | tr '+/' '-_' | tr -d =)"
done
refused 'points' 'bad-point: the peer.s p[a-z ]* is no acceptable' "$@"
refused 'our own point, device' 'bad-point: .* is our own' "WGKEYS --psk-mode=device --point=$dev_a $peer_a"
refused 'our own point, agent' 'bad-point: .* is our own' "WGKEYS --psk-mode=agent --point=$agent_a $peer_a"
refused 'our own key' 'bad-point: .* is our own' \
	"WGKEYS --psk-mode=single $a/$(printf %s "$pub_a" | tr '+/' '-_' | tr -d =)"
refused 'no base64' 'invalid: the point' "WGKEYS --psk-mode=agent --point=AAAA $peer_a"

# What is told of it: uses, without a byte of a key.
mkfifo "$home/watch"
env -i socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/watch" >"$home/events" &
watcher=$!
exec 4>"$home/watch"
echo WATCH >&4
wait_for "grep -q WATCHING $home/events"
root_line "WGKEYS --peers=2 $a" "WGKEYS --psk-mode=device --point=$agent_b $peer_a" \
	"WGKEYS --psk-mode=agent --point=$agent_b $peer_a" "WGKEYS --psk-mode=agent --point=$agent_a $peer_a" \
	"WGKEYS --psk-mode=single $peer_a" >/dev/null
wait_for "[ \"\$(grep -c key-used $home/events)\" = 4 ]"
echo >&4
exec 4>&-
wait "$watcher"
# The interface with its two; the one that was asked of the device. The other is in the interface's
# event: a thousand of a hub would be a thousand events. Then one refused, and a third one.
expect_eq 'events' "$(grep key-used "$home/events" | cut -d' ' -f4-8,10-12 | tr '\n' '|')" \
	"$a 0 curve25519 wgkeys ok soft kernel with%202%20preshared%20keys|$peer_a 0 curve25519 wgkeys ok soft kernel -|$peer_a 0 curve25519 wgkeys bad-point soft kernel -|$peer_a 0 curve25519 wgkeys ok soft kernel -|"
grep -q "$a (index 0): WireGuard key, 2 preshared keys to follow, to process [0-9]* of uid 0" \
	"$home/agent.log" || die 'no log line'
for key in $(vector wg.a.private) $(vector wg.pair.r0) $(vector wg.a.single); do
	! grep -qi "$key\|$(b64 "$key")" "$home/agent.log" "$home/events" || die 'a key is in the log'
done

# Who may. The owner is refused by default, root kept to WireGuard.
expect_match 'the owner' "$(user_line "WGKEYS $a")" '^ERR [0-9]* permission: .*allow-owner = wg'
for command in 'SIGN age://x' 'SECRET secret://x' 'ECDH age://x' LOCK UNLOCK 'ADD ssh://x' \
	'REMOVE ssh://x' 'FORGET wg://wg0@peer1' 'FORGETDEVICE 0' 'DEVICE 0' 'TTY /dev/tty1' \
	'PUBKEY ssh://x' 'PUBKEY --raw gpg://x'; do
	expect_match "root: $command" "$(root_line "$command")" '^ERR [0-9]* permission: .*`allow-root = all`'
done
for command in HELLO HELP STATUS DEVICES 'OPTION ttyname=x' BYE "PUBKEY $a"; do
	expect_eq "root: $command" "$(root_line "$command" | tail -1)" OK
done
ssh_greeting() {
	printf '\0\0\0\1\13' | env -i socat -t 30 - "UNIX-CONNECT:$SSH_AUTH_SOCK" | wc -c
}
expect_eq 'ssh.sock and root' "$(ssh_greeting 2>/dev/null)" 0
wait_for "grep -q 'ssh: root (process [0-9]*) is refused' $home/agent.log"
user_agent 'allow-root = none' 'allow-owner = wg'
expect_match 'root, none' "$(root_line "WGKEYS $a")" '^ERR [0-9]* permission: .*`allow-root = wg`'
expect_match 'root, none' "$(root_line WATCH)" '^ERR [0-9]* permission: .*`allow-root = wg`'
expect_eq 'root, none' "$(root_line HELP | tail -1)" OK
expect_eq 'the owner, allowed' "$(user_line "WGKEYS $a" | hex)" "$(vector wg.a.private)"
user_agent 'allow-root = all'
expect_eq 'root, all' "$(root_line "WGKEYS $a" | hex)" "$(vector wg.a.private)"
expect_eq 'root, all' "$(root_line KEYS | tail -1)" OK
expect_match 'ssh.sock, all' "$(ssh_greeting)" '^[1-9]'
expect_match 'the owner, root all' "$(user_line "WGKEYS $a")" '^ERR [0-9]* permission'
agent_stop

# SECRET is in the agent's memory while the connection is up and nothing is locked or gone, and not
# after that.
cp "$RELEASE/lanyard" "$RELEASE/lanyard-agent" "$home/programs"
user_agent
in_memory() {
	perl -e '
		my ($pid, $want) = ($ARGV[0], pack("H*", $ARGV[1]));
		open(my $maps, "<", "/proc/$pid/maps") or exit 2;
		open(my $mem, "<:raw", "/proc/$pid/mem") or exit 2;
		while (<$maps>) {
			my ($from, $to) = /^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
			sysseek($mem, hex($from), 0);
			my $bytes;
			sysread($mem, $bytes, hex($to) - hex($from)) or next;
			exit 0 if index($bytes, $want) >= 0;
		}
		exit 1' "$daemon" "$1"
}
mkfifo "$home/talk"
# talk: a connection of root that stays, with the interface's keys; say LINE: on it.
talk() {
	env -i socat -t 30 - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/talk" >"$home/said" &
	talker=$!
	exec 5>"$home/talk"
	wait_for "grep -q '^OK lanyard' $home/said"
	said=1
	say "WGKEYS --device=soft:b $b"
	expect_match 'talk' "$answer" '^OK'
	in_memory "$(vector wg.b.secret)" || die 'SECRET is not in memory: this test sees nothing'
}
say() {
	echo "$1" >&5
	said=$((said + 1))
	wait_for "[ \"\$(grep -c '^OK\|^ERR' $home/said)\" = $said ]"
	answer=$(tail -1 "$home/said")
}
hang_up() {
	exec 5>&-
	wait "$talker" || true
}
gone() {
	! in_memory "$(vector wg.b.secret)" || die "SECRET is in memory still: $1"
}
daemon=$LANYARD_AGENT_PID
talk
say "WGKEYS --psk-mode=single $peer_b"
expect_eq 'while it is kept' "$answer" OK
hang_up
wait_for '! in_memory "$(vector wg.b.secret)"'
talk
as_user "$home/programs/lanyard" lock
gone locked
say "WGKEYS --psk-mode=single $peer_b"
expect_match 'locked' "$answer" '^ERR [0-9]* locked\|^ERR [0-9]* not-found: .*again after a lock'
say "WGKEYS $b"
expect_match 'locked' "$answer" '^ERR [0-9]* locked'
hang_up
for device in a b; do
	as_user "$home/programs/lanyard" unlock "soft:$device"
done
talk
as_user "$home/programs/lanyard" lock soft:b
gone 'the device is locked'
hang_up
as_user "$home/programs/lanyard" unlock soft:b
talk
as_user "$home/programs/lanyard" key forget -y "$b" >/dev/null 2>&1
gone forgotten
say "WGKEYS --psk-mode=single $peer_b"
expect_match 'forgotten' "$answer" '^ERR [0-9]* not-found'
hang_up
talk
mv "$home/.local/share/lanyard/soft/b" "$home/b"
wait_for "! as_user $home/programs/lanyard devices | grep -q soft:b"
gone 'the device is removed'
say "WGKEYS --psk-mode=single $peer_b"
expect_match 'removed' "$answer" '^ERR [0-9]* not-found'

# A client that is killed while its interface waits for the device.
echo "WGKEYS $b" >&5
wait_for "grep -q '^S WAITING' $home/said"
kill -9 "$talker"
exec 5>&-
wait "$talker" 2>/dev/null || true
expect_eq 'the others go on' "$(root_line "WGKEYS $a" | tail -1)" OK
mv "$home/b" "$home/.local/share/lanyard/soft/b"
wait_for "as_user $home/programs/lanyard devices | grep -q soft:b"

# Another seed in the place of the recorded one is no other key.
agent_stop
mv "$home/.local/share/lanyard/soft/b" "$home/b"
state=$home/.local/state/lanyard
hex_a=$(hex_of "$pub_a") hex_b=$(hex_of "$pub_b")
sed "s/^\(ecdh 0 curve25519 soft [^ ]* [^ ]* \)$hex_b/\1$hex_a/" \
	"$state/keys" >"$home/keys"
cmp -s "$home/keys" "$state/keys" && die 'the state file was not changed'
cat "$home/keys" >"$state/keys"
mv "$home/b" "$home/.local/share/lanyard/soft/b"
user_agent
expect_match 'another key than recorded' "$(root_line "WGKEYS $b")" \
	"^ERR [0-9]* mismatch: .*$hex_b.*$hex_a"
! root_line "WGKEYS $b" | grep -q '^D' || die 'a key all the same'
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"

# One question for an interface and its preshared keys; without a yes, nothing.
cat >"$home/programs/pinentry" <<EOF2
#!/bin/sh
exec "$home/programs/script" "$home/run/script" "$home/run/asks"
EOF2
install "$EMULATORS/pinentry" "$home/programs/script"
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
out=$(root_line "WGKEYS --device=soft:a --peers=1 $a" \
	"WGKEYS --psk-mode=single $peer_a")
expect_match 'refused' "$out" "^ERR [0-9]* refused: .*$a on soft:a was not confirmed"
expect_match 'one' "$(grep '^SETDESC' "$home/run/asks" | tail -n 1)" 'and 1 preshared key with soft:a?'
expect_eq 'and no key' "$(echo "$out" | hex)" ''
