#!/bin/sh
# SPDX-License-Identifier: MIT
# Whatever is refused or killed at whatever moment: the keys are all there and watched, or none is
# there and the next up puts it right. And the private key is in no file, argument, environment or log.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
# A person who answers as the file says, or not at all.
cat >"$home/pinentry" <<'EOF2'
#!/bin/sh
echo OK
while read -r word rest; do
	case $word in
	GETPIN)
		touch "${0%/*}/asked"
		while [ "$(cat "${0%/*}/answer")" = wait ]; do sleep 0.05; done
		cat "${0%/*}/answer"
		;;
	BYE) echo OK; exit ;;
	*) echo OK ;;
	esac
done
EOF2
chmod 755 "$home/pinentry"
WG_CONFIG="pinentry = \"$home/pinentry\"" WG_ENCRYPT=--passphrase-file=$home/passphrase
yes() { printf 'D %s\nOK\n' "$PASSPHRASE" >"$home/answer"; }
yes
export DISPLAY=:77
wg_hosts
# locked: a's device is, and the person there will be asked.
locked() {
	wg_agent_end a
	wg_agent a
	rm -f "$home/asked"
}
no_key() {
	expect_eq "$1: no key" "$(wg_key a)" '(none)'
	! ping_a || die "$1: a packet passed"
}

# Refused by a person: wg-quick takes the interface away again.
locked
echo 'ERR 83886179 Operation cancelled' >"$home/answer"
! wg_up a || die 'refused, and up succeeded'
expect_match 'refused: said' "$(cat "$home/a/up.log")" 'lanyard-wg: .*canceled'
! on a ip link show wga 2>/dev/null || die 'refused: the interface stays'
yes
expect_ok 'up a' wg_up a
expect_ok 'up b' wg_up b
wait_for ping_a
key=$(wg_key a)
watchers() { on a lanyard-wg show wga 2>/dev/null | grep -c 'watcher: process' || true; }

# While a person is asked: `up` is killed, the agent is killed.
for victim in interrupt up agent; do
	expect_ok 'down' on a lanyard-wg down wga
	locked
	echo wait >"$home/answer"
	nsenter --net=/run/netns/a lanyard-wg up wga 2>"$home/killed" &
	up=$!
	wait_for "test -e $home/asked"
	case $victim in
	interrupt) kill -TERM $up ;;
	up) kill -9 $up ;;
	agent) kill -9 "$(wg_line a STATUS | sed -n 's/^S PID //p')" ;;
	esac
	wait $up && die "$victim was killed, and up succeeded"
	wait_for 'test $(watchers) = 0'
	no_key "$victim killed"
	if [ $victim = interrupt ]; then
		expect_match 'interrupted: said' "$(cat "$home/killed")" 'lanyard-wg: interrupted'
		expect_eq 'interrupted: the peer is left for wg-quick' "$(wg_peers a)" "$key_b"
	fi
	yes
	[ $victim != agent ] || { wait "$agent_a" || true; wg_agent a; }
	expect_ok "up after $victim was killed" on a lanyard-wg up wga
	wait_for ping_a
done

# Nobody answers in time.
expect_ok 'down' on a lanyard-wg down wga
locked
echo wait >"$home/answer"
expect_fail 'nobody answers' 'nobody answered in 2 seconds' on a env LANYARD_WG_UP_SECONDS=2 \
	lanyard-wg up wga
expect_eq 'nobody answers: no watcher' "$(watchers)" 0
no_key 'nobody answered'
# With on-missing = wait that is no failure, and the answer may come later.
sed -i 's/^\[interface\]/&\non-missing = wait/' /etc/lanyard/wg/wga.conf
expect_ok 'nobody answers, wait' on a env LANYARD_WG_UP_SECONDS=2 lanyard-wg up wga
expect_match 'nobody answers, wait' "$(cat "$home/stderr")" 'no keys yet: nobody answered in 2 seconds'
no_key 'nobody answered yet'
yes
wait_for 'test "$(wg_phase a)" = open'
sed -i '/^on-missing/d' /etc/lanyard/wg/wga.conf
expect_ok 'up after nobody answered' on a lanyard-wg up wga

# At any moment.
for n in $(seq 20); do
	expect_ok 'down' on a lanyard-wg down wga
	nsenter --net=/run/netns/a lanyard-wg up wga 2>/dev/null &
	up=$!
	sleep "0.$(awk "BEGIN { srand($n$$); printf \"%03d\", rand() * 250 }")"
	kill -9 $up 2>/dev/null || true
	wait $up 2>/dev/null || true
	# It settles: open with a watcher, or closed without.
	wait_for 'test $(watchers) = 0 || test "$(wg_phase a)" = open'
	if [ "$(watchers)" = 0 ]; then
		wait_for 'test "$(wg_key a)" = "(none)"'
	else
		expect_eq 'all keys' "$(wg_psk a)" "$(wg_psk b)"
	fi
	expect_ok "up after a kill ($n)" on a lanyard-wg up wga
	expect_eq 'all keys' "$(wg_key a)$(wg_psk a)" "$key$(wg_psk b)"
done
wait_for ping_a

# The key, in each of its spellings, is nowhere but here.
cat >"$home/scan.pl" <<'EOF2'
use MIME::Base64;
chomp(my $base64 = <STDIN>);
my $raw = decode_base64($base64);
my $hex = unpack("H*", $raw);
$base64 =~ s/=$//;
my ($n, @found) = (0);
for my $f (@ARGV) {
	open(my $h, "<", $f) or next;
	local $/;
	my $text = <$h> // "";
	$n++;
	push @found, $f if index($text, $raw) >= 0 || index(lc $text, $hex) >= 0 || index($text, $base64) >= 0;
}
print "$n files, found in: @found\n";
exit(@found > 0 || $n < 50);
EOF2
# scan KEY: printf is the shell's own, so that the key is in no argument.
scan() {
	find "$home" /run /etc/lanyard /etc/wireguard /proc/[0-9]*/cmdline /proc/[0-9]*/environ -type f -not -path "$home/etc/*" \
		2>/dev/null >"$home/files"
	printf '%s\n' "$1" | xargs -a "$home/files" perl "$home/scan.pl" >"$home/found" 2>&1
}
# It finds one that is there.
printf '%s' "$key" >"$home/leak"
! scan "$key" || die 'the scan finds nothing'
rm "$home/leak"
scan "$key" || die "the private key: $(cat "$home/found")"
