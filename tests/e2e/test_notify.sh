#!/bin/sh
# SPDX-License-Identifier: MIT
# "Confirm on DEVICE" as a notification: there while the wallet waits, gone when it is pressed, and
# not at all when the button comes at once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
"$EMULATORS/trezor" --control "$home/wallet" --label cold --buttons never >"$home/wallet.out" 2>&1 &
emulator=$!
trap 'status=$?; set +e; kill $emulator 2>/dev/null; (exit $status); home_remove' EXIT
wait_for "grep -q '^port' $home/wallet.out"
cat >"$home/notify" <<EOF
#!/bin/sh
printf '%s|' "\$@" >>$home/notes
echo \$\$ >$home/notify.pid
exec sleep 60
EOF
chmod 700 "$home/notify"
mkdir -p "$home/.config/lanyard"
printf 'udp = {"127.0.0.1:%s"}\nnotify = "%s"\ndisplay = ":99"\nwallet "trezor:cold" { passphrase = "none" }\n' \
	"$(sed -n 's/^port //p' "$home/wallet.out")" "$home/notify" >"$home/.config/lanyard/lanyard.conf"
agent_start
wait_for "lanyard devices 2>/dev/null | grep -q trezor:cold"
sign() {
	lanyard sign signify://me 00
}

sign >"$home/signature" 2>&1 &
client=$!
wait_for "grep -q 'onfirm on trezor:cold' $home/notes 2>/dev/null && test -s $home/notify.pid"
alive "$(cat "$home/notify.pid")" || die 'the notification is gone before the button'
"$EMULATORS/trezor" tell "$home/wallet" yes >/dev/null
wait $client || die "signing: $(cat "$home/signature")"
wait_for "! alive $(cat "$home/notify.pid")"

"$EMULATORS/trezor" tell "$home/wallet" buttons auto >/dev/null
unseen() {
	# (On a machine that stands still meanwhile, it does not come at once.)
	rm -f "$home/notes"
	sign >/dev/null
	sleep 0.5 # past the delay after which it would have come
	[ ! -e "$home/notes" ]
}
wait_for unseen
agent_stop || die "exit $agent_status"
