#!/bin/sh
# SPDX-License-Identifier: MIT
# Agent forwarding (ssh -A): what the remote end may do with our keys and those of another agent,
# and whom that asks.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

home_remove() {
	status=$?
	trap - EXIT
	agent_stop >/dev/null 2>&1 || true
	[ -z "${upstream_pid:-}" ] || kill "$upstream_pid" 2>/dev/null || true
	[ -z "${upstream_pid:-}" ] || wait "$upstream_pid" 2>/dev/null || true
	sshd_stop
	cd /
	rm -rf "$home"
	exit "$status"
}

home_new
me=$user@localhost
mkdir -p -m 700 "$home/.config/lanyard"
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
pinentry_new
for name in file file2; do
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$home/$name"
done
mkdir "$home/away"
ssh-agent -D -a "$home/real" >/dev/null 2>&1 &
upstream_pid=$!
wait_for "listens $home/real"
SSH_AUTH_SOCK=$home/real ssh-add -q "$home/file"
mv "$home/file" "$home/away"

# asked: how often a question was on the screen.

# ours_start LINE...: with these settings, and our key.
ours_start() {
	agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
	printf '%s\n' "pinentry = \"$home/pinentry\"" "upstream = \"$home/real\"" "$@" \
		>"$home/.config/lanyard/lanyard.conf"
	DISPLAY=:77 agent_start -v
	expect_ok 'our key is offered' lanyard ssh add "$me"
	ours=$out
}

# there COMMAND: on the host, with the agent forwarded there.
there() { ssh -A -F "$home/.ssh/config" "$me" "$1"; }
# on: from there to the host again, with the agent.
on="ssh -F $home/.ssh/config $me"

ours_start
cat "$home/file.pub" >"$home/authorized_keys"
sshd_start "$home/authorized_keys"
its=$(ssh-keygen -l -f "$home/file.pub" | cut -d' ' -f2)

# ---- confirm is the default: one question a signature of another agent's ----

script ok
expect_ok 'listing' there 'ssh-add -L'
expect_eq 'ours and its' "$out" "$ours
$(cat "$home/file.pub")"
expect_eq 'no question for the first login, nor for a list' "$(asked)" 0
expect_ok 'a login from there' there "$on echo hello"
expect_eq 'output' "$out" hello
expect_eq 'one question' "$(asked)" 1
expect_match 'which key' "$(cat "$asks")" "^SETDESC Let a remote host use the key $its of another agent?"
host=$(ssh-keygen -l -f "$home/hostkey.pub" | cut -d' ' -f2)
expect_match 'and what for' "$(cat "$asks")" \
	"^SETDESC .*login, forwarded, host $host (localhost, \[localhost\]:$port), user $user%0AAsked for by "
echo letter >"$home/letter"
script ok
expect_ok 'SSHSIG' there "ssh-keygen -q -Y sign -n file -f $home/file.pub $home/letter"
expect_match 'what for' "$(cat "$asks")" '^SETDESC .*SSHSIG, forwarded, namespace file%0AAsked for by '

printf '%s\n' "$ours" >>"$home/authorized_keys"
script ok
expect_ok 'a login from there with ours' there "$on echo hello"
expect_eq 'one question' "$(asked)" 1
expect_match 'which' "$(cat "$asks")" \
	"^SETDESC Allow a login with soft:a?%0Alogin with ssh://$me, host $host ([^)]*), forwarded, user $user%0A"
cp "$home/file.pub" "$home/authorized_keys"

script refuse
expect_fail 'a no' 'Permission denied' there "$on true"
expect_eq 'one question' "$(asked)" 1
expect_match 'said' "$(cat "$home/agent.log")" "another agent's key, for a remote host: refused"
script cancel
expect_fail 'a closed window' 'Permission denied' there "$on true"
script fail
expect_fail 'nobody to ask' 'Permission denied' there "$on true"
script ok
expect_ok 'and a yes again' there "$on true"

# A client that leaves takes its question with it.
script hang
ssh -A -F "$home/.ssh/config" "$me" "$on true" >/dev/null 2>&1 &
client=$!
wait_for "grep -q '^CONFIRM' $asks"
pinentry_pid=$(sed -n 's/^start //p' "$asks" | tail -n 1)
alive "$pinentry_pid" || die 'nobody is asked'
kill $client
wait $client || true
wait_for "! alive $pinentry_pid"
script ok
expect_ok 'the next one is asked' there "$on true"

# A lock takes it away, and a yes that comes too late is none.
script "when $home/go"
ssh -A -F "$home/.ssh/config" "$me" "$on true" >/dev/null 2>&1 &
client=$!
wait_for "grep -q '^CONFIRM' $asks"
pinentry_pid=$(sed -n 's/^start //p' "$asks" | tail -n 1)
lanyard lock
: >"$home/go"
! wait $client || die 'a login while the agent is locked'
wait_for "! alive $pinentry_pid"
expect_match 'said' "$(cat "$home/agent.log")" "another agent's key, but auth is locked"
lanyard unlock
rm "$home/go"

# A class alone is refused with another agent's keys too.
lanyard lock auth
expect_fail 'a login' 'Permission denied' ssh -F "$home/.ssh/config" "$me" true
rm -f "$home/letter.sig"
expect_ok 'SSHSIG is not locked' ssh-keygen -q -Y sign -n file -f "$home/file.pub" "$home/letter"
lanyard unlock auth
lanyard lock sign
rm -f "$home/letter.sig"
expect_fail 'SSHSIG is locked' '' ssh-keygen -q -Y sign -n file -f "$home/file.pub" "$home/letter"
expect_ok 'a login is not' ssh -F "$home/.ssh/config" "$me" true
lanyard unlock sign

# ---- nothing but that, not even where keys may be used ----

ours_start "forwarded = allow"
expect_fail "ssh-add" 'refused' there "ssh-add -q $home/file2"
expect_fail "ssh-add -d" '' there "ssh-add -q -d $home/file.pub"
printf '%s\n' "$ours" >"$home/ours.pub"
expect_fail "ssh-add -d of ours" '' there "ssh-add -q -d $home/ours.pub"
expect_fail "ssh-add -D" '' there 'ssh-add -q -D'
expect_fail "ssh-add -x" '' there 'printf "a\na\n" | SSH_ASKPASS_REQUIRE=force SSH_ASKPASS=/bin/echo ssh-add -x'
expect_match "said" "$(cat "$home/agent.log")" 'over a forwarded connection, which may only'
expect_eq "all are there" "$(ssh-add -L)" "$ours
$(cat "$home/file.pub")"

# ---- allow ----

script
expect_ok 'a login from there' there "$on true"
cat "$home/ours.pub" >>"$home/authorized_keys"
expect_ok 'nor with ours' there "$on true"
cp "$home/file.pub" "$home/authorized_keys"
expect_eq 'no question' "$(grep -c . "$asks" || true)" 0

# ---- deny ----

ours_start 'forwarded = deny'
script
expect_ok 'a login from here' ssh -F "$home/.ssh/config" "$me" true
expect_ok 'nothing listed' there 'ssh-add -L; test $? -eq 1'
expect_fail 'nothing signed' 'Permission denied' there "$on true"
expect_fail 'also by who knows the key' '' there \
	"ssh-keygen -q -Y sign -n file -f $home/file.pub $home/letter"
printf '%s\n' "$ours" >>"$home/authorized_keys"
rm -f "$home/letter.sig"
expect_fail 'nor by ours' '' there "ssh-keygen -q -Y sign -n file -f $home/ours.pub $home/letter"
expect_eq 'no question' "$(grep -c . "$asks" || true)" 0

# By protocol: ours of other settings than the rest.
ours_start 'forwarded = allow' 'policy "ssh://" { forwarded = deny }'
expect_ok 'nothing listed' there 'ssh-add -L; test $? -eq 1'
ours_start "key \"ssh://$me\" { forwarded = deny }" 'forwarded = allow'
expect_ok 'all but one' there 'ssh-add -L'
expect_eq 'its' "$out" "$(cat "$home/file.pub")"
expect_fail 'not signed with' '' there "ssh-keygen -q -Y sign -n file -f $home/ours.pub $home/letter"
rm -f "$home/letter.sig"
expect_ok 'here it is' ssh-keygen -q -Y sign -n file -f "$home/ours.pub" "$home/letter"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
