#!/bin/sh
# SPDX-License-Identifier: MIT
# Another ssh-agent behind ours: its keys after ours, ssh-add of files, session-binds, one that comes
# and goes, hangs or lies, and agents in a circle.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

others=

home_remove() {
	status=$?
	trap - EXIT
	agent_stop >/dev/null 2>&1 || true
	others_stop
	sshd_stop
	cd /
	rm -rf "$home"
	exit "$status"
}

others_stop() {
	for pid in $others; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	others=
}

# configure [UPSTREAM...]: what ours is to have behind it, and its key.
configure() {
	printf '%s\n' 'forwarded = allow' "events = \"$home/events\"" >"$home/.config/lanyard/lanyard.conf"
	for path in "$@"; do
		printf 'upstream = "%s"\n' "$path"
	done >>"$home/.config/lanyard/lanyard.conf"
	printf 'key "ssh://%s" { }\n' "$me" >>"$home/.config/lanyard/lanyard.conf"
}

# ours_start [UPSTREAM...]
ours_start() {
	configure "$@"
	agent_start -v -v
	wait_for 'ssh-add -L 2>/dev/null | grep -q ssh://'
}

# upstream_start: a real ssh-agent at $home/real.
upstream_start() {
	rm -f "$home/real"
	ssh-agent -D -a "$home/real" >/dev/null 2>&1 &
	upstream_pid=$!
	others="$others $upstream_pid"
	wait_for "listens $home/real"
}

upstream_add() { SSH_AUTH_SOCK=$home/real ssh-add -q "$@"; }

# fake_start MODE: a false one at $home/fake.
fake_start() {
	others_stop
	rm -f "$home/fake" "$home/fake.log"
	"$EMULATORS/ssh_agent" "$home/fake" "$home/fake.log" "$1" "$home/file.pub" &
	others="$others $!"
	wait_for "listens $home/fake"
}

# login: as ours, through the agent.
login() { ssh -F "$home/.ssh/config" "$me" "$@"; }

# The type and blob of a key in a file.
blob() { cut -d' ' -f1,2 "$1"; }

# Lists what the agent offers, without comments.
listed() { ssh-add -L | cut -d' ' -f1,2; }

home_new
mkdir -p -m 700 "$home/.config/lanyard"
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
me=$user@localhost
for name in file file2 file3; do
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$home/$name"
done

# ---- a real one ----

upstream_start
upstream_add "$home/file"
ours_start "$home/real"
ours=$(lanyard pubkey "ssh://$me")
expect_eq 'ours, then its' "$(ssh-add -L)" "$ours
$(cat "$home/file.pub")"

cp "$home/file.pub" "$home/authorized_keys"
sshd_start "$home/authorized_keys"
expect_ok 'login with its key' login echo hello
expect_eq 'output' "$out" hello
expect_match 'logged' "$(cat "$home/agent.log")" "upstream $home/real signed"
its=$(ssh-keygen -l -f "$home/file.pub" | cut -d' ' -f2)
wait_for 'grep -q "\"uri\": \"$its\"" "$home/events"'
expect_match 'told as an event' "$(cat "$home/events")" "\"uri\": \"$its\", \"index\": null, \"curve\": null, \"operation\": \"sign\", \"result\": \"ok\", \"serial\": \"$home/real\", \"driver\": \"upstream\", \"custody\": null, \"facts\": \"login, host SHA256:[^ ]* (localhost, .*), user $user\", \"client\": \"ssh\", \"pid\": [0-9]*, "
printf '%s\n' "$ours" >"$home/authorized_keys"
expect_ok 'login with ours' login true

# A client that signs without a listing before it; the private file is not at hand.
mkdir "$home/away"
mv "$home/file" "$home/away"
echo letter >"$home/letter"
expect_ok 'signature' ssh-keygen -q -Y sign -n file -f "$home/file.pub" "$home/letter"
mv "$home/away/file" "$home/file"
printf '%s %s\n' "$user" "$(cat "$home/file.pub")" >"$home/allowed"
expect_ok 'verify' sh -c "ssh-keygen -Y verify -f $home/allowed -I $user -n file \
	-s $home/letter.sig <$home/letter"

# ssh-add of files goes there, with what it asks for.
expect_ok 'ssh-add' ssh-add -q "$home/file2"
expect_eq 'it has it' "$(SSH_AUTH_SOCK=$home/real ssh-add -L)" "$(cat "$home/file.pub" "$home/file2.pub")"
expect_ok 'a short life' ssh-add -q -t 1 "$home/file3"
wait_for '! ssh-add -L | grep -q "file3$"'
expect_ok 'with confirmation, which nobody gives' ssh-add -q -c "$home/file3"
rm -f "$home/letter.sig"
mv "$home/file3" "$home/away"
expect_fail 'not confirmed' '' ssh-keygen -q -Y sign -n file -f "$home/file3.pub" "$home/letter"
mv "$home/away/file3" "$home/file3"
expect_ok 'ssh-add -d' ssh-add -q -d "$home/file3"
expect_eq 'only that is gone' "$(ssh-add -L)" "$ours
$(cat "$home/file.pub" "$home/file2.pub")"
expect_fail 'ssh-add -d of what nobody has' '' ssh-add -q -d "$home/file3"

# Destinations: it sees our client's session-binds.
SSH_AUTH_SOCK=$home/real ssh-add -q -D
expect_ok 'ssh-add -h' ssh-add -q -H "$home/.ssh/known_hosts" -h localhost "$home/file"
cp "$home/file.pub" "$home/authorized_keys"
expect_ok 'login there' login true
expect_fail 'no signature without a session' '' ssh-keygen -q -Y sign -n file -f "$home/file.pub" \
	"$home/letter" </dev/null
sshd_stop
ssh-keygen -q -t ed25519 -N '' -f "$home/hostkey2"
SSHD_HOSTKEY=$home/hostkey2 sshd_start "$home/authorized_keys"
expect_fail 'not elsewhere' 'Permission denied' login true
upstream_add "$home/file"
sshd_stop
sshd_start "$home/authorized_keys"

# Locked: no keys of anybody, and none is taken.
upstream_add "$home/file2"
expect_ok 'lock' lanyard lock
expect_ok 'nothing listed' sh -c 'ssh-add -L; test $? -eq 1'
expect_fail 'nothing added' 'agent refused' ssh-add -q "$home/file3"
expect_fail 'nothing signed' 'Permission denied' login true
expect_ok 'unlock' lanyard unlock
expect_eq 'back' "$(ssh-add -L | wc -l)" 3

# A forwarded connection lists and signs, and changes nothing.
cat "$home/file2.pub" >>"$home/authorized_keys"
expect_ok 'forwarded listing' ssh -A -F "$home/.ssh/config" "$me" ssh-add -L
expect_match 'its key' "$out" 'file2$'
expect_ok 'forwarded login' ssh -A -F "$home/.ssh/config" "$me" "ssh -F $home/.ssh/config $me true"
expect_fail 'forwarded ssh-add' 'refused' ssh -A -F "$home/.ssh/config" "$me" ssh-add -q "$home/file3"
expect_fail 'forwarded ssh-add -d' '' ssh -A -F "$home/.ssh/config" "$me" ssh-add -q -d "$home/file2"
ssh -A -F "$home/.ssh/config" "$me" ssh-add -q -D || true
expect_eq 'its keys are there' "$(SSH_AUTH_SOCK=$home/real ssh-add -L | wc -l)" 2

# It goes and comes back, also for a client that stays connected.
mkfifo "$home/requests"
socat - "UNIX-CONNECT:$SSH_AUTH_SOCK" <"$home/requests" >"$home/answers" &
others="$others $!"
exec 3>"$home/requests"
printf '\0\0\0\1\13' >&3
wait_for 'grep -q file2 "$home/answers"'
kill "$upstream_pid"
wait "$upstream_pid" || true
: >"$home/answers"
printf '\0\0\0\1\13' >&3
wait_for 'test -s "$home/answers"'
! grep -q file2 "$home/answers" || die 'a stopped agent has keys'
ssh-add -L >/dev/null 2>&1 || true
! grep 'in time' "$home/agent.log" || die 'an agent that is not there was waited for'
expect_ok 'ours are listed' lanyard ssh add "$me"
expect_eq 'ours alone' "$(ssh-add -L)" "$ours"
expect_fail 'ssh-add to nobody' 'agent refused' ssh-add -q "$home/file3"
expect_match 'said' "$(cat "$home/agent.log")" "warning: ssh: client [0-9]*: upstream $home/real: "
upstream_start
upstream_add "$home/file2"
: >"$home/answers"
printf '\0\0\0\1\13' >&3
wait_for 'grep -q file2 "$home/answers"'
# Another one in its place, between two requests: the second has its keys.
kill "$upstream_pid"
wait "$upstream_pid" || true
upstream_start
upstream_add "$home/file2"
: >"$home/answers"
printf '\0\0\0\1\13' >&3
wait_for 'test -s "$home/answers"'
grep -q file2 "$home/answers" || die 'the old connection is used'
exec 3>&-
expect_eq 'and for others' "$(ssh-add -L | wc -l)" 2

# A chain of eight agents before us is the longest; told twice, it is refused.
# chain_of N...: lists for a client that says so.
chain_of() {
	for n in "$@"; do
		printf "\\0\\0\\0\\$(printf %o $((27 + 16 * n)))\\33\\0\\0\\0\\26upstream-chain@lanyard"
		head -c $((16 * n)) /dev/zero
	done >"$home/chain"
	printf '\0\0\0\1\13' >>"$home/chain"
	socat -t 30 - "UNIX-CONNECT:$SSH_AUTH_SOCK" <"$home/chain" | od -An -v -tx1 | tr -d ' \n'
}
its=$(printf file2 | od -An -tx1 | tr -d ' \n')
expect_match 'eight' "$(chain_of 8)" "^0000000106.*$its"
out=$(chain_of 9)
expect_match 'nine' "$out" '^00000001060000.*0c00000001'
! printf '%s\n' "$out" | grep -q "$its" || die 'nine agents before us'
expect_match 'twice' "$(chain_of 1 1)" "^0000000106000000011c.*$its"

# ssh-add -D empties both.
expect_ok 'ssh-add -D' ssh-add -q -D
expect_ok 'both are empty' sh -c 'ssh-add -L; test $? -eq 1'
expect_ok 'it, too' sh -c "SSH_AUTH_SOCK=$home/real ssh-add -L; test \$? -eq 1"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"

# One that a reload brings is told what the client was bound to before; this bind, which is none, it
# refuses.
upstream_add "$home/file2"
ours_start
mkfifo "$home/bound"
socat - "UNIX-CONNECT:$SSH_AUTH_SOCK" <"$home/bound" >"$home/told" &
others="$others $!"
exec 3>"$home/bound"
printf '\0\0\0\36\33\0\0\0\30session-bind@openssh.comx' >&3
wait_for 'test -s "$home/told"'
configure "$home/real"
expect_ok 'reload' lanyard reload
expect_eq 'it is there' "$(ssh-add -L | wc -l)" 2
: >"$home/told"
printf '\0\0\0\1\13' >&3
wait_for 'grep -q ssh:// "$home/told"'
! grep -q file2 "$home/told" || die 'a client that was bound before the upstream came'
exec 3>&-
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"

# ---- false ones ----

# Whatever it says: ours are listed, in time, and a client can read the list.
LANYARD_TEST_UPSTREAM_MS=300
for mode in mute drip length short nul nokey many twice eager close; do
	fake_start $mode
	ours_start "$home/fake"
	expect_eq "$mode: ours alone" "$(ssh-add -L)" "$ours"
	expect_match "$mode: asked" "$(cat "$home/fake.log")" 'connected'
	expect_match "$mode: said" "$(cat "$home/agent.log")" "upstream $home/fake: "
	expect_fail "$mode: its key is no use" '' login true
	agent_stop || die "$mode: exit $agent_status: $(cat "$home/agent.log")"
done
LANYARD_TEST_UPSTREAM_MS=20000

# A list that is too long with ours is cut, not refused.
fake_start big
ours_start "$home/fake"
expect_ok 'many' sh -c 'ssh-add -L >"$HOME/many"'
expect_eq 'ours first' "$(head -1 "$home/many")" "$ours"
expect_eq 'and as many as there is room for' "$(wc -l <"$home/many")" 393
expect_match 'said' "$(cat "$home/agent.log")" ' 1 upstream keys are left out'
agent_stop || die "exit $agent_status"

# One that knows no session-bind: for clients without one only.
fake_start old
ours_start "$home/fake"
expect_eq 'no session' "$(ssh-add -L | wc -l)" 2
expect_fail 'session' 'Permission denied' login true
wait_for "tr '\n' ' ' <$home/fake.log | grep -q 'connected chain bind closed'" # told first, then nothing
expect_match 'said' "$(cat "$home/agent.log")" "refused the client's session-bind"
agent_stop || die "exit $agent_status"

# An answer to something else.
fake_start wrong
ours_start "$home/fake"
cp "$home/file.pub" "$home/authorized_keys"
expect_fail 'no signature' 'agent refused' login true
expect_match 'said' "$(cat "$home/agent.log")" 'answer cannot be read'
agent_stop || die "exit $agent_status"

# A signature that takes for ever: nobody else waits, and it ends with the client.
fake_start hang
ours_start "$home/fake"
mv "$home/file" "$home/away"
ssh-keygen -q -Y sign -n file -f "$home/file.pub" "$home/letter" </dev/null >/dev/null 2>&1 &
client=$!
wait_for 'grep -q sign "$home/fake.log"'
expect_eq 'listing meanwhile' "$(ssh-add -L | wc -l)" 2
printf '%s\n' "$ours" >"$home/authorized_keys"
expect_ok 'login meanwhile' login true
closed=$(grep -c closed "$home/fake.log")
alive $client || die 'the signature did not wait'
wait_for '[ "$(grep -c connected "$home/fake.log")" -eq $(($(grep -c closed "$home/fake.log") + 1)) ]'
kill $client
wait $client || true
wait_for '[ "$(grep -c connected "$home/fake.log")" -eq "$(grep -c closed "$home/fake.log")" ]'
wait_for 'grep -q "\"result\": \"canceled\", \"serial\": \"$home/fake\"" "$home/events"'
mv "$home/away/file" "$home/file"
# Ended with one in flight.
mv "$home/file" "$home/away"
ssh-keygen -q -Y sign -n file -f "$home/file.pub" "$home/letter" </dev/null >/dev/null 2>&1 &
client=$!
wait_for '[ "$(grep -c sign "$home/fake.log")" -eq 2 ]'
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
wait $client || true
mv "$home/away/file" "$home/file"

# ---- circles ----

# Ours itself, by another name.
mkdir -p "$home/run/lanyard"
ln -s "$home/run/lanyard/ssh.sock" "$home/ourselves"
ours_start "$home/ourselves"
expect_eq 'ours once' "$(ssh-add -L)" "$ours"
expect_match 'said' "$(cat "$home/agent.log")" "this agent's own socket"
agent_stop || die "exit $agent_status"

# other NAME UPSTREAM...: another lanyard-agent, its socket is $home/NAME/ssh.sock.
other() { # in the background, so in a shell of its own
	XDG_CONFIG_HOME=$home/$1/config XDG_STATE_HOME=$home/$1/state XDG_DATA_HOME=$home/$1/data
	export XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME
	dir=$home/$1
	mkdir -m 700 "$dir" "$dir/config" "$dir/config/lanyard"
	shift
	for path in "$@"; do
		printf 'upstream = "%s"\n' "$path"
	done >"$dir/config/lanyard/lanyard.conf"
	exec lanyard-agent -D -v -v --socket-dir "$dir" >/dev/null 2>"$dir/log"
}

others_stop
upstream_start
upstream_add "$home/file"
other b "$home/c/ssh.sock" &
others="$others $!"
other c "$home/run/lanyard/ssh.sock" "$home/b/ssh.sock" "$home/real" &
others="$others $!"
wait_for 'listens "$home/b/ssh.sock" && listens "$home/c/ssh.sock"'
ours_start "$home/b/ssh.sock"
expect_eq 'each key once' "$(ssh-add -L)" "$ours
$(cat "$home/file.pub")"
expect_match 'we find ourselves' "$(cat "$home/agent.log")" 'is an agent that is our upstream'
! grep 'in time' "$home/agent.log" "$home/b/log" "$home/c/log" || die 'somebody waited in a circle'
cp "$home/file.pub" "$home/authorized_keys"
expect_ok 'login through a circle' login true
expect_fail 'a key that nobody has' '' ssh-add -q -d "$home/file3"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
others_stop
! grep -l 'ERROR: \|runtime error' "$home"/*/log || die 'a sanitiser spoke'
