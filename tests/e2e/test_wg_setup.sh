#!/bin/sh
# SPDX-License-Identifier: MIT
# lanyard-wg's settings and hooks: setup and teardown, whose agent is asked, points and preshared
# keys against the vectors of DERIVATION.md, what is refused. It writes below /etc, so in a mount
# namespace with an /etc and a /run of its own; root, by sudo for everybody else.
if [ "$(id -u)" -ne 0 ]; then
	exec sudo -n env BIN="$BIN" RELEASE="$RELEASE" EMULATORS="$EMULATORS" sh "$0"
fi
if [ -z "${WG_NAMESPACE:-}" ]; then
	WG_NAMESPACE=1 exec unshare -m --propagation private sh "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
chmod 755 "$home"
vectors=$(pwd)/doc/DERIVATION.md
vector() { grep "^$1 " "$vectors" | cut -d' ' -f2; }
b64() { perl -MMIME::Base64 -e 'print encode_base64(pack("H*", shift), "")' "$1"; }
mount -t tmpfs -o mode=755 tmpfs /run
cp -a /etc "$home/etc"
mount --bind "$home/etc" /etc
rm -rf /etc/lanyard /etc/wireguard
mkdir -m 700 /etc/wireguard
mkdir -p "$home/programs"
install "$BIN/lanyard" "$BIN/lanyard-agent" "$BIN/lanyard-wg" "$home/programs"
programs=$home/programs wg=$home/programs/lanyard-wg
settings=/etc/lanyard/wg
pub_a=$(vector wg.a.public) pub_b=$(vector wg.b.public)

# Side a: wg0, the agent of a user, as sudo would have it. Side b: wg1, root's own in /run/lanyard.
user_home=$home/user
mkdir -p "$user_home" /run/user/65534
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
mv "$home/.local" "$user_home"
mkdir -p "$user_home/.config/lanyard" "$home/.config/lanyard"
echo 'confirm = never' | tee "$user_home/.config/lanyard/lanyard.conf" >"$home/.config/lanyard/lanyard.conf"
chown -R 65534:65534 "$user_home" /run/user/65534
lanyard soft import --name b --mnemonic-file "$home/words-b" --no-encrypt 2>/dev/null
as_user() {
	env -i PATH="$PATH" HOME="$user_home" XDG_RUNTIME_DIR=/run/user/65534 \
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
as_user "$programs/lanyard-agent" -D >/dev/null 2>"$home/agent.log" &
agent_pid=$!
XDG_RUNTIME_DIR=/run "$programs/lanyard-agent" -D >/dev/null 2>"$home/agent-b.log" &
root_agent=$!
finish() {
	finished=$?
	set +e
	kill $root_agent
	wait $root_agent
	umount /etc
	(exit $finished)
	home_remove
}
trap finish EXIT
wait_for 'listens /run/user/65534/lanyard/agent.sock && listens /run/lanyard/agent.sock'
# hook COMMAND...: as wg-quick's hooks run, with nothing in the environment.
hook() { env -i "$@"; }
# by_sudo COMMAND: on a terminal, as sudo leaves the environment; both outputs in one.
by_sudo() { env -i PATH="$PATH" SUDO_UID=65534 script -qec "$1" /dev/null </dev/null | tr -d '\r'; }

cat >/etc/wireguard/wg0.conf <<EOF2
# a tunnel
[Interface]
Address = 10.9.0.1/24
PostUp = true

[Peer]
PublicKey = $pub_b   # the other
AllowedIPs = 10.9.0.2/32
EOF2
chmod 640 /etc/wireguard/wg0.conf
chown 0:65534 /etc/wireguard/wg0.conf
cp -p /etc/wireguard/wg0.conf "$home/before"

# setup: no agent of root's own has that device; sudo from a terminal finds the user's, and says so.
expect_fail 'another user listens' 'user id 65534 listens.*agent-user in the settings' hook "$wg" setup wg0 -y \
	--socket-dir /run/user/65534/lanyard --identity wg://wg0@peer1
expect_fail 'nobody to ask' 'there is no terminal' setsid -w env -i "$wg" setup wg0 \
	--identity wg://wg0@peer2
expect_eq 'nothing written yet' "$(ls "$settings")" ''
out=$(by_sudo "$wg setup wg0 -y --identity wg://wg0@peer1")
expect_match 'whose agent' "$out" 'asking the agent of nobody, at /run/user/65534/lanyard/agent.sock'
expect_match 'the diff of the settings' "$out" '^+identity = wg://wg0@peer1$'
expect_match 'the diff of the config' "$out" "^+PostUp = $wg up %i --config \"\$CONFIG_FILE\"\$"
expect_match 'the public key' "$out" "wg0 has the public key $pub_a"
expect_eq 'modes' "$(stat -c %a /etc/lanyard $settings $settings/wg0.conf | tr '\n' ' ')" '755 755 644 '
expect_match 'whose agent, from now on' "$(cat $settings/wg0.conf)" '^agent-user = nobody$'
expect_match 'the serial' "$(cat $settings/wg0.conf)" '^device = [0-9a-f]\{16\}$'
expect_match 'the expected key' "$(cat $settings/wg0.conf)" "^public-key = $pub_a\$"
expect_match 'the peer' "$(cat $settings/wg0.conf)" "^\\[peer $pub_b\\]\$"
expect_eq 'mode and owner of the config' "$(stat -c '%a %u:%g' /etc/wireguard/wg0.conf)" '640 0:65534'
cmp /etc/wireguard/wg0.conf.lanyard-backup "$home/before" || die 'the backup'
cp $settings/wg0.conf "$home/settings"
expect_ok 'again' hook "$wg" setup wg0 -y
expect_match 'again: nothing to do' "$(cat "$home/stderr")" 'nothing to change'
expect_fail 'another identity' 'teardown wg0' hook "$wg" setup wg0 -y --identity wg://wg0@other
expect_fail 'another index' 'teardown wg0' hook "$wg" setup wg0 -y -i 5
expect_ok 'the same index' hook "$wg" setup wg0 -y -i 0
cmp $settings/wg0.conf "$home/settings" || die 'a second setup changed the settings'

# What the hook line says is what bash runs, whatever the path.
odd="$home/o'dd \$(touch $home/ran) path"
mkdir -p "$odd"
install "$BIN/lanyard-wg" "$odd/lanyard-wg"
expect_ok 'setup from an odd path' hook "$odd/lanyard-wg" setup wg0 -y
printf '#!/bin/sh\nprintf "<%%s>" "$@"\n' >"$odd/lanyard-wg"
line=$(sed -n 's/^PostUp = \(.*\) up %i/\1 up %i/p' /etc/wireguard/wg0.conf)
expect_eq 'the hook' "$(CONFIG_FILE='/etc/a b.conf' LINE=$line bash -c 'eval "${LINE//%i/wg0}"')" \
	'<up><wg0><--config></etc/a b.conf>'
[ ! -e "$home/ran" ] || die 'the path of the program was executed'
mkdir "$home/per%ient"
install "$BIN/lanyard-wg" "$home/per%ient"
expect_fail 'a path no hook can hold' 'install it elsewhere' hook "$home/per%ient/lanyard-wg" setup wg0 -y
expect_ok 'back to the first path' hook "$wg" setup wg0 -y
expect_eq 'one block' "$(grep -c lanyard-wg /etc/wireguard/wg0.conf)" 4

# Side b, whose agent is root's in /run/lanyard; a third peer has no lanyard.
other=$(b64 "$(vector wg.a.agent.point)")
printf '[Interface]\n[Peer]\nPublicKey=%s\n[Peer]\nPublicKey=%s\n' "$pub_a" "$other" \
	>/etc/wireguard/wg1.conf
expect_ok 'setup of b' hook "$wg" setup wg1 -y --identity wg://wg0@peer2 --psk-mode=agent
! grep -q agent-user $settings/wg1.conf || die 'root is no agent-user'

# pub: the points of the vectors; as the user too, who cannot read /etc/wireguard.
sed -i "s/^psk-mode = agent/psk-mode = device/" $settings/wg0.conf
want="public-key $pub_a
peer $pub_b point $(b64 "$(vector wg.a.device.point)")"
expect_ok 'pub' hook "$wg" pub wg0
expect_eq 'pub' "$out" "$want"
expect_ok 'pub as the user' as_user "$wg" pub wg0
expect_eq 'pub as the user' "$out" "$want"
expect_ok 'pub of one peer' hook "$wg" pub wg1 "$pub_a"
expect_eq 'pub of one peer' "$out" "public-key $pub_b
peer $pub_a point $(b64 "$(vector wg.b.agent.point)")"
expect_fail 'pub of a stranger' 'no peer of' hook "$wg" pub wg0 "$pub_a"

# Of the user's other keys root sees none.
as_user "$programs/lanyard" ssh add git@example.org >/dev/null
expect_match 'KEYS of the user' "$(as_user "$programs/lanyard" key list)" 'ssh://git@example.org'
out=$(printf 'KEYS\nBYE\n' | socat -t 30 - UNIX-CONNECT:/run/user/65534/lanyard/agent.sock)
expect_match 'KEYS of root' "$out" '^S KEY wg://wg0@peer1 '
! printf '%s' "$out" | grep -q 'ssh://' || die "root sees the user's logins: $out"

expect_fail 'setup without a config' 'wg7.conf is not there: make a wg-quick config without keys' \
	hook "$wg" setup wg7 -y

# A hub.
{
	echo '[Interface]'
	for i in $(seq 200); do
		printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.8.0.%s/32\n' "$(wg genkey | wg pubkey)" "$i"
	done
} >/etc/wireguard/hub.conf
expect_ok 'setup of the hub' hook "$wg" setup hub -y --identity wg://hub@peer2
expect_ok 'setup by path' sh -c "cd /etc/wireguard && env -i '$wg' setup hub -y --config hub.conf"
expect_match 'what to type next' "$out" 'check hub --config /etc/wireguard/hub.conf`, `sudo wg-quick up /etc/wireguard/hub.conf`'
expect_eq 'sections of the hub' "$(grep -c '^\[peer ' $settings/hub.conf)" 200
expect_ok 'pub of the hub' hook "$wg" pub hub
expect_eq 'points of the hub' "$(echo "$out" | grep -c '^peer .* point ')" 200
expect_fail 'check of the hub' '200 things are wrong' hook "$wg" check hub

# check says what is missing and what to type; with the points it is content.
expect_fail 'check without points' '1 thing is wrong' hook "$wg" check wg0
expect_match 'check: what to type' "$out" "WRONG *peer $pub_b has no psk-point: .*lanyard-wg point wg0 $pub_b"
point_a=$(b64 "$(vector wg.a.device.point)") point_b=$(b64 "$(vector wg.b.agent.point)")
expect_fail 'point needs root' 'only root' as_user "$wg" point wg0 "$pub_b" "$point_b"
expect_fail 'a public key is no point' 'is a public key' hook "$wg" point wg0 "$pub_b" "$pub_b"
expect_fail 'our own key is no point' 'is a public key' hook "$wg" point wg0 "$pub_b" "$pub_a"
expect_fail 'a low-order point' 'not an acceptable' hook "$wg" point wg0 "$pub_b" \
	AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
expect_fail 'half a point' '44 characters' hook "$wg" point wg0 "$pub_b" "${point_b%???}"
expect_ok 'another point first' hook "$wg" point wg0 "$pub_b" "$point_a"
expect_ok 'point' hook "$wg" point wg0 "$pub_b" "$point_b"
expect_eq 'one point' "$(grep -c "^psk-point = $point_b\$" $settings/wg0.conf)" 1
expect_ok 'check' hook "$wg" check wg0
expect_match 'check' "$out" "ok *peer $pub_b: psk-mode device"
expect_match 'check: the agent' "$out" 'ok *the agent at /run/user/65534/lanyard/agent.sock, because the settings'
expect_fail 'check of b' '2 things are wrong' hook "$wg" check wg1
cp $settings/wg0.conf "$home/kept"
echo "extra-psk-file = $home/extra" >>$settings/wg0.conf
expect_fail 'check: no extra file' '1 thing is wrong' hook "$wg" check wg0
expect_match 'check: no extra file' "$out" "WRONG *peer $pub_b: cannot read $home/extra"
wg genpsk >"$home/extra"
chmod 644 "$home/extra"
expect_fail 'check: an extra file for all' '1 thing is wrong' hook "$wg" check wg0
chmod 600 "$home/extra"
expect_ok 'check: with an extra file' hook "$wg" check wg0
cp "$home/kept" $settings/wg0.conf
expect_ok 'point at b' hook "$wg" point wg1 "$pub_a" "$point_a"

# What an environment says to root is not believed: not SUDO_UID without a terminal either.
env -i SUDO_UID=65534 HOME="$user_home" XDG_RUNTIME_DIR=/run/user/65534 \
	LANYARD_SOCK=/run/user/65534/lanyard/agent.sock "$wg" check wg1 >"$home/out" 2>/dev/null || true
expect_match 'the environment' "$(cat "$home/out")" \
	'ok *the agent at /run/lanyard/agent.sock, because nothing says otherwise'

# The config is not everybody's to read.
expect_match 'check by a user' "$(as_user "$wg" check wg1 2>&1 || true)" \
	'^WRONG  *only root can read /etc/wireguard/wg1.conf: use sudo$'

# A preshared key for a peer without lanyard: only where its settings say so, not into a file.
expect_fail 'psk of a pair' 'psk-mode = single' sh -c "env -i $wg psk wg1 $pub_a | cat; exit 1"
printf '\n[peer %s]\npsk-mode = single\n' "$other" >"$home/section"
sed -i "/^\\[peer $(printf %s "$other" | sed 's,/,\\/,g')\\]/d" $settings/wg1.conf
cat "$home/section" >>$settings/wg1.conf
expect_ok 'psk' sh -c "env -i $wg psk wg1 $other 2>$home/said | cat"
expect_match 'a preshared key' "$out" '^[A-Za-z0-9+/]\{43\}=$'
expect_match 'said beforehand' "$(cat "$home/said")" 'may ask once to confirm the release of wg://wg0@peer2'
hook "$wg" psk wg1 "$other" >"$home/file" 2>"$home/stderr" && die 'a preshared key went into a file'
expect_match 'into a file' "$(cat "$home/stderr")" 'not into a file'
expect_eq 'nothing in the file' "$(cat "$home/file")" ''
sed "s/^\\(public-key\\|device\\) .*//; s/^psk-mode = .*/psk-mode = single/" "$home/settings" >$settings/wg0.conf
expect_ok 'psk of the vectors' sh -c "env -i $wg psk wg0 $pub_b 2>/dev/null | cat"
expect_eq 'psk of the vectors' "$out" "$(b64 "$(vector wg.a.single)")"
sed "s,^public-key .*,public-key = $pub_b," "$home/settings" | sed "/^\\[peer/d" >$settings/wg0.conf
expect_fail 'another key than recorded' 'WRONG\|wrong' hook "$wg" check wg0
cp "$home/settings" $settings/wg0.conf

# Settings that somebody else could have written, or that nobody understands.
chmod 664 $settings/wg0.conf
expect_fail 'writable by others' 'can be written by others' hook "$wg" pub wg0
chmod 644 $settings/wg0.conf
chown 65534 $settings/wg0.conf
expect_fail 'of another user' "must be root's" hook "$wg" pub wg0
chown 0 $settings/wg0.conf
echo 'rotation = 60' >>$settings/wg0.conf
expect_fail 'unknown key' "line $(wc -l <$settings/wg0.conf): there is no key \"rotation\"" hook "$wg" pub wg0
cp "$home/settings" $settings/wg0.conf

# Keys in the config, or about to be written into it.
cp -p /etc/wireguard/wg0.conf "$home/with-hooks"
for line in "PrivateKey = $(vector wg.a.public)" 'pri vatekey=x # y' "Preshared Key = $pub_a" \
	'SaveConfig = true' '  saveconfig=TRUE'; do
	{ sed -n 1,2p "$home/with-hooks"; echo "$line"; sed 1,2d "$home/with-hooks"; } >"$home/wg9.conf"
	hook "$wg" check wg0 --config "$home/wg9.conf" >"$home/out" 2>/dev/null && die "accepted: $line"
	grep -q 'WRONG.*wg9.conf, line 3: remove' "$home/out" || die "$line: $(cat "$home/out")"
	expect_fail "setup with: $line" 'line 3: remove' hook "$wg" setup wg0 -y --config "$home/wg9.conf"
done

# Where /etc is read-only, the lines are shown and it says so.
printf '[Interface]\n' >/etc/wireguard/wg2.conf
mount -o remount,bind,ro /etc
expect_fail 'read-only /etc' 'by the means of your system' hook "$wg" setup wg2 -y \
	--identity wg://wg0@peer2
expect_match 'the lines are shown' "$out" '^+identity = wg://wg0@peer2'
mount -o remount,bind,rw /etc

# teardown: the config as it was, byte for byte; the settings put aside.
expect_ok 'teardown' hook "$wg" teardown wg0 -y
cmp /etc/wireguard/wg0.conf "$home/before" || die 'teardown left something'
expect_eq 'mode and owner' "$(stat -c '%a %u:%g' /etc/wireguard/wg0.conf)" '640 0:65534'
[ ! -e $settings/wg0.conf ] || die 'the settings are still there'
cmp $settings/wg0.conf.lanyard-backup "$home/settings" || die 'the settings put aside'
expect_ok 'teardown twice' hook "$wg" teardown wg0 -y
sed '/^# [<>]* lanyard-wg/d' "$home/with-hooks" >/etc/wireguard/wg0.conf
expect_ok 'teardown of lines by hand' hook "$wg" teardown wg0 -y
expect_match 'teardown of lines by hand' "$(cat "$home/stderr")" 'line 3 still runs lanyard-wg'
cp "$home/before" /etc/wireguard/wg0.conf
expect_fail 'no settings' 'lanyard-wg setup wg0' hook "$wg" pub wg0

# Words that are not commands, names that are not interfaces.
for words in 'frobnicate wg0' up 'up -x' 'up ../wg0' 'up sixteencharacters' 'point wg0' 'up wg0 more' \
	'up wg0 --identity=x' 'up -i -1 wg0'; do
	status=0
	# shellcheck disable=SC2086
	hook "$wg" $words >/dev/null 2>&1 || status=$?
	expect_eq "exit status of: $words" $status 2
done
expect_ok 'help' "$wg" --help
expect_match 'help' "$out" 'setup *IFACE'
# Root, and no more of lanyard's libraries than it needs.
needed=$(readelf -d "$RELEASE/lanyard-wg" | sed -n 's/.*(NEEDED).*\[\(lib[a-z]*\).*/\1/p' | sort | tr '\n' ' ')
expect_eq 'libraries' "$needed" 'libc libcrypto libmnl libsodium '
