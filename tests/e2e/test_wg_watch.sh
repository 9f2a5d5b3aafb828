#!/bin/sh
# SPDX-License-Identifier: MIT
# Removed means closed: no packet passes in either direction any more when the device, the
# agent, the watcher or its guard goes, or the agent is locked; and the tunnel is back with them.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
wg_hosts
device=$home/a/.local/share/lanyard/soft/dev-a

# closes WHAT COMMAND: the command, and then a is closed by itself, in both directions. (How soon:
# tests/vm.)
closes() {
	eval "$2"
	wait_for "test \$(wg_phase a) = closed"
	is_closed "$1"
}
is_closed() {
	expect_eq "$1: no key" "$(wg_key a)" '(none)'
	expect_eq "$1: no peer" "$(wg_peers a)" ''
	! ping_a || die "$1: a packet passed to b"
	! ping_b || die "$1: a packet passed to a"
}
opens() {
	eval "$2"
	wait_for "test \$(wg_phase a) = open"
	wait_for ping_a
	wait_for ping_b
	expect_eq "$1: the preshared key" "$(wg_psk a)" "$(wg_psk b)"
}
# setting LINE: in the [interface] of a, then up.
setting() {
	expect_ok 'down' on a lanyard-wg down wga
	sed -i "/^${1%% *} /d; s/^\[interface\]/&\n$1/" /etc/lanyard/wg/wga.conf
	expect_ok "up with $1" on a lanyard-wg up wga
}

expect_ok 'up a' wg_up a
expect_ok 'up b' wg_up b
opens 'at first' true
before=$(wg_show a dump | cut -f 1-4,8 | tail -n 1)

closes 'device removed' 'mv "$device" "$home/taken"'
expect_match 'show says why' "$(on a lanyard-wg show wga)" '^  state: closed, the device soft:dev-a is not connected'
opens 'device back' 'mv "$home/taken" "$device"'
expect_eq 'the peer as it was' "$(wg_show a dump | cut -f 1-4,8 | tail -n 1)" "$before"
daemon=$(wg_line a STATUS | sed -n 's/^S PID //p')
closes 'agent killed' 'kill -9 $daemon; wait $agent_a || true'
opens 'agent back' 'wg_agent a'
closes 'agent ended' 'wg_agent_end a'
opens 'agent back' 'wg_agent a'
closes 'agent locked' 'wg_home a lanyard lock'
expect_fail 'up while locked' 'locked' on a lanyard-wg up wga
expect_eq 'up while locked: no key' "$(wg_key a) $(wg_psk a)" '(none) (none)'
! ping_a || die 'up while locked: a packet passed to b'
! ping_b || die 'up while locked: a packet passed to a'
wg_home a lanyard unlock
expect_ok 'up after unlock' on a lanyard-wg up wga
opens 'unlocked' true
closes 'agent locked' 'wg_home a lanyard lock'
opens 'unlocked' 'wg_home a lanyard unlock'

# Another device is not ours.
wg_home a lanyard soft import --name other --mnemonic-file "$home/words-b" --no-encrypt 2>/dev/null
wait_for "wg_line a DEVICES | grep -q other"
rm "$home/a/.local/share/lanyard/soft/other"
wait_for "! wg_line a DEVICES | grep -q other"
expect_eq 'another device came and went' "$(wg_phase a)" open

# `up` without it says what it waits for.
expect_ok 'down' on a lanyard-wg down wga
mv "$device" "$home/taken"
wait_for "! wg_line a DEVICES | grep -q dev-a"
nsenter --net=/run/netns/a lanyard-wg up wga 2>"$home/waits" &
up=$!
wait_for "grep -q 'the device .* is not connected: waiting for it' $home/waits"
mv "$home/taken" "$device"
wait $up || die "up, and the device came: $(cat "$home/waits")"
opens 'the device came' true

# Nor is a backup of it with the same words: somebody else uses that, and ours goes.
wg_home a lanyard soft import --name backup --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
wait_for "wg_line a DEVICES | grep -q backup"
expect_match 'the backup is used' "$(wg_line a 'WGKEYS --device=soft:backup wg://wga@alice' | tail -n 1)" '^OK'
closes 'device removed, its backup there' 'mv "$device" "$home/taken"'
rm "$home/a/.local/share/lanyard/soft/backup"
opens 'device back' 'mv "$home/taken" "$device"'

# A peer that only wg(8) was told of: neither left out silently nor let in, and it says what to do.
stranger=$(wg genkey | wg pubkey)
on a wg set wga peer "$stranger"
closes 'device removed, a stranger there' 'mv "$device" "$home/taken"'
mv "$home/taken" "$device"
wait_for "on a lanyard-wg show wga | grep -q '^  state: closed, wga had the peer $stranger when it was closed'"
expect_ok 'down with a stranger' wg_down a
expect_ok 'up without a stranger' wg_up a
opens 'without a stranger' true

# Either half of the watcher.
watcher=$(wg_watcher a)
guard=$(pgrep -P "$watcher")
expect_eq 'what the guard may' "$(sed -n 's/^Cap\(Prm\|Bnd\):\s*//p' "/proc/$guard/status" | sort -u)" \
	0000000000001000
kill -9 "$guard"
wait_for "! alive $watcher"
is_closed 'the guard was killed'
expect_ok 'up' on a lanyard-wg up wga
opens 'up again' true
watcher=$(wg_watcher a)
guard=$(pgrep -P "$watcher")
kill -9 "$watcher"
wait_for "! alive $guard"
is_closed 'the watcher was killed'

# keep, down.
setting 'on-remove = keep'
opens 'keep' true
mv "$device" "$home/taken"
wait_for "! wg_line a DEVICES | grep -q dev-a"
wg_home a lanyard lock
wait_for "test \$(wg_phase a) = closed"
mv "$home/taken" "$device"
wait_for "wg_line a DEVICES | grep -q dev-a"
opens 'keep: back' 'wg_home a lanyard unlock'
setting 'on-remove = down'
closes 'down' 'mv "$device" "$home/taken"'
! on a ip link show wga | grep -q '[<,]UP' || die 'down: the link is up'
mv "$home/taken" "$device"
wait_for "test \$(wg_phase a) = open"
on a ip link show wga | grep -q '[<,]UP' || die 'down: the link stays down'

# Sleep, which the watcher sees at whatever wakes it: keys are asked for again, but with keep; and a
# device that went meanwhile is not forgotten for it.
LANYARD_TEST_CLOCK=$home/clock
export LANYARD_TEST_CLOCK
setting 'on-remove = close'
releases() { grep -c 'wga@alice.*WireGuard key' "$home/a/agent.log"; }
before=$(releases)
clock_add 5 5
on a ip link set lo mtu 65000
wait_for "test \$(releases) -gt $before"
opens 'after sleep' true
setting 'on-sleep = keep'
opens 'keep' true
before=$(releases)
clock_add 5 5
closes 'removed while asleep' 'mv "$device" "$home/taken"'
expect_eq 'keep: nothing was asked for again' "$(releases)" "$before"
opens 'device back after sleep' 'mv "$home/taken" "$device"'
setting 'on-sleep = down'
clock_add 5 5
before=$(releases)
on a ip link set lo mtu 65100
wait_for "test \$(releases) -gt $before"
opens 'down: after sleep' true
unset LANYARD_TEST_CLOCK

# on-missing: without the device, without an agent.
mv "$device" "$home/taken"
wait_for "test \$(wg_phase a) = closed"
setting 'on-missing = wait'
expect_match 'wait: said' "$(cat "$home/stderr")" 'wga has no keys yet: .*connected'
expect_eq 'wait' "$(wg_phase a)" waiting
expect_eq 'wait: no key' "$(wg_key a)" '(none)'
mv "$home/taken" "$device"
wait_for "test \$(wg_phase a) = open"
expect_ok 'down' on a lanyard-wg down wga
wg_agent_end a
expect_ok 'wait without an agent' on a lanyard-wg up wga
expect_match 'wait without an agent: said' "$(cat "$home/stderr")" 'wga has no keys yet: no agent'
wg_agent a
wait_for "test \$(wg_phase a) = open"

# A boot with nobody there, and nothing in the environment: the user whose agent it is logs in later,
# and has a runtime directory only then. That user is not root.
expect_ok 'down' on a lanyard-wg down wga
wg_agent_end a
user_home=$home/user
mkdir -p "$home/programs" "$user_home"
install "$BIN/lanyard-agent" "$home/programs"
cp -a "$home/a/.local" "$home/a/.config" "$user_home"
chmod 755 "$home"
chown -R 65534:65534 "$user_home"
cp /etc/lanyard/wg/wga.conf "$home/settings"
sed -i 's/^socket = .*/agent-user = nobody/' /etc/lanyard/wg/wga.conf
expect_ok 'nobody has logged in' on a env -i "$BIN/lanyard-wg" up wga
expect_match 'nobody has logged in: said' "$(cat "$home/stderr")" 'wga has no keys yet: no agent'
mkdir -p /run/user/65534
chown 65534:65534 /run/user/65534
chmod 700 /run/user/65534
env -i PATH="$PATH" HOME="$user_home" XDG_RUNTIME_DIR=/run/user/65534 \
	setpriv --reuid=65534 --regid=65534 --clear-groups "$home/programs/lanyard-agent" -D \
	>/dev/null 2>"$home/user.log" &
user_agent=$!
wait_for "test \$(wg_phase a) = open"
wait_for ping_a
expect_match 'show: the agent' "$(lanyard-wg show wga)" '^  agent: /run/user/65534/lanyard/agent.sock$'
closes 'the user logs out' 'kill $user_agent; wait $user_agent || true'
cp "$home/settings" /etc/lanyard/wg/wga.conf
wg_agent a

setting 'on-missing = fail'
expect_ok 'down' on a lanyard-wg down wga
wg_agent_end a
expect_fail 'fail without an agent' 'no agent' on a lanyard-wg up wga
expect_eq 'fail: no key' "$(wg_key a)" '(none)'
wg_agent a
expect_ok 'wg-quick down' wg_down a
