#!/bin/sh
# SPDX-License-Identifier: MIT
# lanyard ssh add --life, --confirm: keys for a time, and keys that ask.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
me=$user@localhost
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
pinentry_new
mkdir -p -m 700 "$home/.config/lanyard"
printf 'confirm = never\npinentry = "%s"\n' "$home/pinentry" >"$home/.config/lanyard/lanyard.conf"
LANYARD_TEST_CLOCK=$home/clock
export LANYARD_TEST_CLOCK
DISPLAY=:77 agent_start -v

nothing() { ssh-add -L >/dev/null; [ $? -eq 1 ]; }

# ---- a life ----

expect_ok 'for a while' lanyard ssh add --life 2h "$me"
ours=$out
printf '%s\n' "$ours" >"$home/authorized_keys"
sshd_start "$home/authorized_keys"
expect_ok 'add again' lanyard ssh add --life 2h "$me"
expect_eq 'offered' "$(ssh-add -L)" "$ours"
clock_add 7100
expect_eq 'still' "$(ssh-add -L)" "$ours"
# A sleep counts.
clock_add 100 100
nothing 2>/dev/null || die 'it is offered for ever'
expect_fail 'nor signed with' 'Permission denied' ssh -F "$home/.ssh/config" "$me" true
expect_match 'said' "$(cat "$home/agent.log")" "ssh://$me is no longer offered to SSH clients: its time is over"
expect_fail 'gone for rm, too' 'not offered' lanyard ssh rm "$me"

# list shows it, rounded up; adding it without one does not take it away, removing it does.
for life in 90s:90\ s 119:119\ s 2m:2\ min 119m:119\ min 8h:8\ h 2d:2\ days 365d:365\ days; do
	# Until a second has not gone by between the two.
	wait_for 'lanyard ssh add --life "${life%%:*}" "$me" >/dev/null &&
		lanyard ssh list | grep -q "^ssh://$me .*, for ${life#*:}\$"'
done
expect_ok 'list' lanyard ssh list --json
expect_match 'JSON' "$out" '"life": 315[0-9]*, "confirm": false'
mkdir "$home/bin"
printf '#!/bin/sh\n' >"$home/bin/ssh"
chmod 755 "$home/bin/ssh"
for way in add config connect; do
	expect_ok "$way" env PATH="$home/bin:$PATH" lanyard ssh $way "$me"
	expect_ok 'list' lanyard ssh list --json
	expect_match "still limited after $way" "$out" '"life": 315[0-9]*, "confirm": false'
done
expect_ok 'rm' lanyard ssh rm "$me"
expect_ok 'for ever' lanyard ssh add "$me"
expect_ok 'list' lanyard ssh list
! printf '%s\n' "$out" | grep -q ', for' || die "still limited: $out"
expect_ok 'list' lanyard ssh list --json
expect_match 'JSON' "$out" '"life": null, "confirm": false'
expect_ok 'login' ssh -F "$home/.ssh/config" "$me" true

for life in 0 366d x 1w '' 1h30m; do
	expect_fail "life '$life'" 'such as 90s, 30m, 8h or 2d' lanyard ssh add --life "$life" "$me"
done
expect_fail 'not saved' 'goes without --life' lanyard ssh add --save --life 1h "$me"
expect_fail 'not saved' 'goes without --life' lanyard ssh add --save --confirm "$me"

# ---- confirmation ----

script ok ok
expect_ok 'add' lanyard ssh add --confirm --life 1h "$me"
expect_eq 'to add it asks nobody' "$(grep -c . "$asks" || true)" 0
expect_ok 'list' lanyard ssh list
expect_match 'both' "$out" "^ssh://$me .*, for 60 min, asks before each use\$"
expect_ok 'list' lanyard ssh list --json
expect_match 'JSON' "$out" '"confirm": true'
expect_ok 'login' ssh -F "$home/.ssh/config" "$me" true
expect_ok 'and once more' ssh -F "$home/.ssh/config" "$me" true
expect_eq 'two questions' "$(asked)" 2
script refuse
expect_fail 'refused' 'Permission denied' ssh -F "$home/.ssh/config" "$me" true
script ok
expect_ok 'without it' lanyard ssh add "$me"
expect_ok 'it is asked for still' ssh -F "$home/.ssh/config" "$me" true
expect_eq 'a question' "$(asked)" 1
script
expect_ok 'rm' lanyard ssh rm "$me"
expect_ok 'and add' lanyard ssh add "$me"
expect_ok 'login' ssh -F "$home/.ssh/config" "$me" true
expect_eq 'no question' "$(grep -c . "$asks" || true)" 0
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
