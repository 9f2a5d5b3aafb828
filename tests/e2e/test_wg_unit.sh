#!/bin/sh
# SPDX-License-Identifier: MIT
# Under systemd the watcher is lanyard-wg@IFACE.service. A stand-in for systemctl does what systemd
# would with the unit as it is installed: Environment=, ExecStart=, and ExecStopPost= at any end.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
wg_hosts
dist=$(pwd)/wg-hook/dist
unit=$home/unit
# An installed program's path has no space.
programs=$home/programs
ln -s "$BIN" "$programs"
sed "s,@bindir@,$programs,; s,%i,\$iface,g; s,%I,\$unescaped,g" "$dist/lanyard-wg@.service.in" >"$unit"
mkdir -p /run/systemd/system "$home/bin"
cat >"$home/bin/systemctl" <<EOF2
#!/bin/sh
# Only what lanyard-wg says: systemctl --quiet start|stop -- lanyard-wg@IFACE.service, no environment.
[ "\$1" != --quiet ] || [ -z "\${HOME:-}" ] || exit 9
exec 2>>"$home/systemctl.log" >&2 </dev/null
PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /
unit=\$4 iface=\${4#lanyard-wg@} iface=\${iface%.service}
# systemd.unit(5), "%I".
unescaped=\$(printf %s "\$iface" | tr - /)
pid=$home/\$iface.main
echo "\$*" >>"$home/systemctl.calls"
case \$1:\$2:\$3 in
--quiet:start:-- | --no-block:start:--)
	value() { sed -n "s/^\$1=//p" "$unit"; }
	(
		for exec in ExecStart ExecStopPost; do
			eval "\$(value Environment) setsid \$(value \$exec) & main=\\\$!"
			[ \$exec != ExecStart ] || echo \$main >"\$pid"
			wait \$main
		done
		rm -f "\$pid"
	) &
	;;
is-active:--quiet:--) [ -e "\$pid" ] ;;
--quiet:stop:--)
	[ ! -e "\$pid" ] || kill "\$(cat "\$pid")" 2>/dev/null
	while [ -e "\$pid" ]; do sleep 0.05; done
	;;
*) exit 1 ;;
esac
EOF2
chmod 755 "$home/bin/systemctl"
touch "$home/nothing"
[ -e /usr/bin/systemctl ] || die 'these tests need a file /usr/bin/systemctl to stand in for'
mount --bind "$home/bin/systemctl" /usr/bin/systemctl
calls() { tr '\n' '|' <"$home/systemctl.calls"; rm "$home/systemctl.calls"; }
unit_a='lanyard-wg@wga.service'

expect_ok 'up a' wg_up a
expect_eq 'the unit is started' "$(calls)" "--quiet start -- $unit_a|"
expect_ok 'up b' wg_up b
wait_for ping_a
watcher=$(wg_watcher a)
expect_match 'its environment' "$(tr '\0' '\n' <"/proc/$watcher/environ")" '^LANYARD_WG_UNIT=1$'
expect_eq 'no guard of its own' "$(pgrep -P "$watcher" || true)" ''
rm "$home/systemctl.calls"

# Killed: ExecStopPost closes.
kill -9 "$watcher"
wait_for '! wg_peers a | grep -q .'
expect_eq 'no key' "$(wg_key a)" '(none)'
# The unit is not where `up` was called.
expect_ok 'up again' on a sh -c 'cd /etc/wireguard && lanyard-wg up wga --config wga.conf'
wait_for ping_a
expect_ok 'close' on a lanyard-wg close wga
expect_match 'the unit is stopped' "$(calls)" "--quiet stop -- $unit_a"
expect_eq 'no watcher' "$(wg_watcher a)" ''

# Sleep: on-sleep = close takes the keys out, the end of it brings them back; keep only hibernates.
sed "s,@bindir@,$programs," "$dist/lanyard-wg.sleep.in" >"$home/sleep"
sleep_hook() { on a env PATH="$PATH" sh "$home/sleep" "$@"; }
expect_ok 'up for sleep' on a lanyard-wg up wga
expect_ok 'down b' wg_down b
expect_ok 'to sleep' sleep_hook pre suspend
expect_eq 'asleep: no key' "$(wg_key a)" '(none)'
expect_ok 'awake' sleep_hook post suspend
wait_for "test \$(wg_phase a) = open"
# An agent that was locked for the sleep gives them when it is unlocked.
expect_ok 'to sleep' sleep_hook pre suspend
wg_home a lanyard lock
expect_ok 'awake, locked' sleep_hook post suspend
wait_for "test \$(wg_phase a) = waiting"
wg_home a lanyard unlock
wait_for "test \$(wg_phase a) = open"
# So does one whose device is away during it.
device=$home/a/.local/share/lanyard/soft/dev-a
mv "$device" "$home/taken"
wait_for "test \$(wg_phase a) = closed"
expect_ok 'to sleep, closed' sleep_hook pre suspend
expect_eq 'asleep: no watcher' "$(wg_watcher a)" ''
expect_ok 'awake, closed' sleep_hook post suspend
wait_for "test \$(wg_phase a) = waiting"
mv "$home/taken" "$device"
wait_for "test \$(wg_phase a) = open"
# And one that was closed by hand stays so.
expect_ok 'close' on a lanyard-wg close wga
expect_ok 'to sleep, closed by hand' sleep_hook pre suspend
expect_ok 'awake, closed by hand' sleep_hook post suspend
expect_eq 'closed by hand' "$(wg_watcher a)" ''
expect_ok 'up' on a lanyard-wg up wga
expect_ok 'down' on a lanyard-wg down wga
sed -i '/^on-sleep/d; s/^\[interface\]/&\non-sleep = keep/' /etc/lanyard/wg/wga.conf
expect_ok 'up with keep' on a lanyard-wg up wga
expect_ok 'to sleep with keep' sleep_hook pre suspend
expect_eq 'keep' "$(wg_key a | wc -c)" 45
expect_ok 'to hibernate' sleep_hook pre hibernate
expect_eq 'hibernating: no key' "$(wg_key a)" '(none)'
expect_ok 'awake' sleep_hook post hibernate
wait_for "test \$(wg_phase a) = open"

# wg-quick@.service's drop-in: without a device no failure, unless the settings say so.
expect_ok 'down' on a lanyard-wg down wga
mv "$home/a/.local/share/lanyard/soft/dev-a" "$home/taken"
wait_for "! wg_line a DEVICES | grep -q dev-a"
missing=$(sed -n 's/^Environment=//p' "$dist/wg-quick.conf")
expect_ok 'up by wg-quick@wga' on a env "$missing" lanyard-wg up wga
expect_eq 'it waits' "$(wg_phase a)" waiting
mv "$home/taken" "$home/a/.local/share/lanyard/soft/dev-a"
wait_for "test \$(wg_phase a) = open"
expect_ok 'down' wg_down a

# Other names: %I would make wg/home of this one, and no unit can have the second.
rm "$home/systemctl.calls"
quick() { on a wg-quick "$1" "$name" >"$home/a/up.log" 2>&1; }
for name in wg-home.1 wg=a+b; do
	cp /etc/wireguard/wga.conf "/etc/wireguard/$name.conf"
	cp /etc/lanyard/wg/wga.conf "/etc/lanyard/wg/$name.conf"
	expect_ok "up $name" quick up
	expect_match "show $name" "$(on a lanyard-wg show $name)" '^  watcher: process'
	expect_ok "down $name" quick down
done
expect_match 'the unit of wg-home.1' "$(calls)" \
	'^--quiet start -- lanyard-wg@wg-home.1.service|--quiet stop -- lanyard-wg@wg-home.1.service|$'
