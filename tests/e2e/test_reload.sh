#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGHUP and RELOAD: a new configuration without a dropped client or request, and what it may not do
# without a person.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
conf=$home/.config/lanyard/lanyard.conf
keys=$home/.local/state/lanyard/keys
mkdir -p "${conf%/*}"

pinentry_new

config() {
	printf '%s\n' "pinentry = \"$home/pinentry\"" 'display = ":76"' "$@" >"$conf"
}

# hup: SIGHUP to the process that was started, and what the log says of it.
hup() {
	hup_before=$(grep -c 'configuration' "$home/agent.log" || true)
	kill -HUP "$agent_pid"
	wait_for "test \$(grep -c 'configuration' $home/agent.log) -gt $hup_before"
	hup_said=$(grep 'configuration' "$home/agent.log" | tail -n 1)
}

offered() {
	ssh-add -L 2>/dev/null | cut -d' ' -f3 | tr '\n' ' '
}

lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
lanyard soft import --name b --mnemonic-file "$home/words-b" --passphrase-file "$home/passphrase" 2>/dev/null
config 'device = "soft:a"' 'key "ssh://u@one" {' '}'
agent_start
lanyard ssh add u@by-hand >/dev/null
wait_for 'test "$(offered)" = "ssh://u@by-hand ssh://u@one " || test "$(offered)" = "ssh://u@one ssh://u@by-hand "'

# A client that stays, and a request that waits for a person, over every reload below.
mkfifo "$home/in"
exec 9<>"$home/in"
socat -t 100 - "UNIX-CONNECT:$LANYARD_SOCK" <"$home/in" >"$home/stays" &
stays=$!
script "when $home/go $PASSPHRASE" ok
line 'SIGN --device=soft:b age://pending' 'D abc' END >"$home/pending" &
pending=$!
wait_for "grep -q '^GETPIN' $asks"

# Keys, upstream and the level of the log take effect.
/usr/bin/ssh-agent -D -a "$home/other.sock" >/dev/null &
other=$!
ssh-keygen -q -t ed25519 -N '' -C other -f "$home/other"
wait_for "listens $home/other.sock"
SSH_AUTH_SOCK=$home/other.sock ssh-add -q "$home/other" 2>/dev/null
config 'device = "soft:a"' 'log = debug' "upstream = \"$home/other.sock\"" 'key "ssh://u@two" {' '}' \
	'key "ssh://u@absent" {' 'device = "soft:c"' '}'
hup
expect_match 'said' "$hup_said" "configuration read again: $conf"
# The old is not offered, what was added by hand is.
expect_offered() {
	wait_for 'test "$(offered | tr " " "\n" | sort | tr "\n" " ")" = "other ssh://u@by-hand ssh://u@two "'
}
expect_offered
wait_for "grep -q 'debug: config key ssh://u@absent' $home/agent.log"

# A bad one changes nothing, and says where.
config 'device = "soft:a"' 'key "ssh://u@three" {' 'curve = nonsense' '}'
hup
expect_match 'said why' "$hup_said" "warning: the configuration stays as it was: $conf:5: curve is"
expect_offered
expect_fail 'RELOAD' "$conf:5: curve is" lanyard reload
expect_match 'its error' "$(line RELOAD)" '^ERR [0-9]* invalid: .*lanyard.conf:5: curve is'
rm "$conf"
ln -s nowhere "$conf"
expect_fail 'one that is elsewhere' 'is a symbolic link to nothing' lanyard reload
rm "$conf"
mkdir "$conf"
expect_fail 'a directory' 'is not a plain file' lanyard reload
rmdir "$conf"
: >"$conf"
chmod 666 "$conf"
expect_fail 'one that others can write' 'can be written by others' lanyard reload
chmod 600 "$conf"

# The one that waits has its answer from the question that was there.
: >"$home/go"
wait $pending
expect_match 'the pending request' "$(cat "$home/pending")" '^OK'
printf 'HELLO\n' >&9
wait_for "grep -q '^S PROTOCOL' $home/stays"
kill $other
exec 9>&-

# What asks less is confirmed first, where the old configuration says.
mode() {
	line 'OPTION pinentry-mode=loopback'
}
config 'device = "soft:a"' 'allow-loopback = true'
script refuse
expect_fail 'a person said no' 'refused.*allow-loopback' lanyard reload
expect_match 'the question' "$(cat "$asks")" 'CONFIRM'
expect_match 'not in force' "$(mode)" '^ERR'
script fail fail fail
expect_fail 'nobody was there' 'allow-loopback' lanyard reload
expect_match 'not in force either' "$(mode)" '^ERR'
script ok
expect_ok 'confirmed' lanyard reload
expect_eq 'in force' "$(mode)" OK
script
expect_ok 'the same again' lanyard reload
expect_eq 'is not asked about' "$(cat "$asks")" ''

# So is another pinentry, which is used from then on.
sed "s|$home/script|$home/script2|" "$home/pinentry" >"$home/pinentry2"
chmod 755 "$home/pinentry2"
echo "pin $PASSPHRASE" >"$home/script2"
config 'device = "soft:a"'
sed -i 's|/pinentry"|/pinentry2"|' "$conf"
script ok
expect_ok 'another pinentry' lanyard reload
expect_match 'asked by the old' "$(cat "$asks")" 'another pinentry'
expect_match 'loopback is off' "$(mode)" '^ERR'
lanyard lock soft:b && lanyard unlock --passphrase-file "$home/passphrase" soft:b
lanyard lock && lanyard unlock soft:a
agent_stop || die "exit $agent_status"
agent_start
script
expect_match 'the new one asks' "$(line 'SIGN --device=soft:b age://x' 'D abc' END)" '^OK'
expect_eq 'the new one has asked' "$(cat "$home/script2")" ''

# A key that may sign more; a question is overtaken by the next reload, and goes with its asker's wish.
key() {
	config 'device = "soft:a"' 'key "ssh://u@one" {' "allow = $1" '}'
	sed -i 's|/pinentry"|/pinentry2"|' "$conf"
}
key '{ userauth }'
expect_ok 'less' lanyard reload
key '{ userauth, sshsig, any }'
echo hang >"$home/script2"
: >"$asks"
lanyard reload 2>"$home/overtaken" &
overtaken=$!
wait_for "grep -q '^CONFIRM' $asks"
expect_match 'the question names it' "$(cat "$asks")" 'ssh://u@one may sign more'
key '{ userauth }'
expect_ok 'the next one' lanyard reload
wait $overtaken || die "overtaken: $(cat "$home/overtaken")"

# Nothing was recorded wrongly, and the end is the end.
expect_match 'the keys are recorded' "$(cat "$keys")" 'ssh://u@two'
kill -TERM $stays 2>/dev/null || true
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"

# The end of the terminal that it was started from is its own, and no reload.
rm "$conf"
mkdir -m 700 "$home/tty"
socat -u "EXEC:lanyard-agent -D --socket-dir $home/tty,pty,setsid,ctty" - >"$home/tty.out" 2>&1 &
terminal=$!
wait_for "listens $home/tty/agent.sock && grep -q AGENT_PID $home/tty.out"
pid=$(tr -d "'\r" <"$home/tty.out" | sed -n 's/.*LANYARD_AGENT_PID=\([0-9]*\).*/\1/p')
kill -HUP "$pid"
LANYARD_SOCK=$home/tty/agent.sock
expect_match 'it is there after a SIGHUP' "$(line HELLO)" '^OK'
kill -KILL $terminal
wait_for "! test -e $home/tty/agent.sock && ! alive $pid"
