#!/bin/sh
# SPDX-License-Identifier: MIT
# `lanyard events`, and the log of events: who used which key for what, refused or not.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
conf=$home/.config/lanyard/lanyard.conf
log=$home/events.json
me=$(id -u)
mkdir -p "${conf%/*}"
TZ=UTC
export TZ

# file_holds FILE PATTERN
file_holds() {
	wait_for "grep -q -- '$2' $1"
}

soft() {
	lanyard soft import --name "$1" --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
}

soft a
printf '%s\n' "events = \"$log\"" 'policy "secret://" {' 'confirm = never' '}' >"$conf"
agent_start
expect_eq 'the mode' "$(stat -c %a "$log")" 600
lanyard events -v >"$home/text" 2>"$home/text.err" &
text=$!
lanyard events --json -v >"$home/json" 2>"$home/json.err" &
json=$!
file_holds "$home/text.err" WATCHING
file_holds "$home/json.err" WATCHING

# A signature through ssh, by a program with a chain of its own.
today=$(date -u +%Y-%m-%d)
lanyard ssh add u@h >"$home/u.pub"
cat >"$home/parent.sh" <<EOF2
ssh-keygen -q -Y sign -n file -f "$home/u.pub" </dev/null >/dev/null 2>&1
exit \$?
EOF2
cp "$(command -v dash)" "$home/odd-(1)"
"$home/odd-(1)" "$home/parent.sh" || die 'ssh-keygen'
file_holds "$home/text" "key-used ok: sign ssh://u@h (SSHSIG.*) on soft:[0-9a-f]*, custody agent; ssh client says it is ssh-keygen ([0-9]*) <- odd-.x281.x29 <- "
for file in "$home/json" "$log"; do
	file_holds "$file" '"event": "key-used", "uri": "ssh://u@h", "index": 0, "curve": "ed25519", "operation": "sign", "result": "ok"'
	file_holds "$file" "\"driver\": \"soft\", \"custody\": \"agent\", \"facts\": \"SSHSIG.*namespace file.*\", \"client\": \"ssh\", \"pid\": [0-9]*, \"uid\": $me, \"process\": \"ssh-keygen ("
done
expect_match 'the time' "$(tail -n 1 "$log")" \
	"^{\"time\": \"\($today\|$(date -u +%Y-%m-%d)\)T[0-9:]*\.[0-9][0-9][0-9]Z\", \"event\""

# Refused ones, and who asked on agent.sock; a device that comes and goes; locks.
line 'SIGN ssh://u@h' 'D abc' END >/dev/null
file_holds "$log" '"result": "not-allowed".*"client": "line".*"process": "socat ('
line 'SIGN secret://x' >/dev/null
file_holds "$log" '"uri": "secret://x".*"operation": "sign", "result": "not-allowed"'
line 'ECDH ssh://u@h' >/dev/null
file_holds "$log" '"uri": "ssh://u@h".*"operation": "ecdh", "result": "not-allowed"'
lanyard lock
file_holds "$log" '"event": "locked", "class": "all"}'
line 'SECRET secret://x' >/dev/null
file_holds "$log" '"uri": "secret://x".*"result": "locked", "serial": null'
# Also one that knows the key, which a locked agent does not list.
{
	printf '\0\0\0\103\15\0\0\0\63'
	cut -d' ' -f2 "$home/u.pub" | base64 -d
	printf '\0\0\0\3abc\0\0\0\0'
} | socat -t 30 - "UNIX-CONNECT:$SSH_AUTH_SOCK" >"$home/answer"
expect_eq 'refused' "$(od -An -tx1 "$home/answer")" ' 00 00 00 01 05'
file_holds "$log" '"uri": "ssh://u@h".*"result": "locked".*"client": "ssh".*"process": "socat ('
lanyard unlock
file_holds "$log" '"event": "unlocked", "class": "all"}'
soft b
file_holds "$home/json" '"event": "device-arrived", "index": 1, "serial": "[0-9a-f]*", "driver": "soft", "label": "b", "state": "ready"'
file_holds "$home/text" 'device-arrived 1 [0-9a-f]* soft b ready agent'
line 'SECRET --device=soft:a secret://x' >"$home/secret"
wait_for "grep -q '\"uri\": \"secret://x\".*\"result\": \"ok\"' $log"
secret=$(sed -n 's/^D //p' "$home/secret")
[ -n "$secret" ] || die 'no secret'
! grep -qF -- "$secret" "$log" "$home/json" || die 'a secret is in the log'

# Each line is one object.
expect_eq 'lines' "$(grep -cv '^{"time": ".*}$' "$log" || true)" 0

# A file that was moved away is made anew on SIGHUP; a full disk fails nobody's request and is said once.
mv "$log" "$log.1"
lanyard reload
line 'SIGN --device=soft:a age://rotated' 'D abc' END >/dev/null
file_holds "$log" 'age://rotated'
! grep -q age://rotated "$log.1" || die 'the old file is still written'
kill $text $json
wait $text $json 2>/dev/null || true
agent_stop || die "exit $agent_status"
# A limit of its files' size, in 512 bytes, that the log of events soon reaches.
size=$(($(stat -c %s "$log") / 512 + 4))
rm "$home/agent.env"
(ulimit -f $size; exec lanyard-agent -D -s >"$home/agent.env" 2>"$home/agent.log") &
agent_pid=$!
wait_for "test -s $home/agent.env"
. "$home/agent.env" >/dev/null
i=0
while [ $i -lt 30 ]; do
	expect_match 'a request with a full disk' "$(line 'SIGN --device=soft:a age://full' 'D abc' END)" '^OK'
	i=$((i + 1))
done
expect_eq 'warnings' "$(grep -c 'events are lost' "$home/agent.log")" 1
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"

# What is no file of ours alone is refused, at the start and in a new configuration.
refused() {
	expect_fail "$1" "$2" lanyard-agent -D
}
rm "$log"
ln -s "$home/elsewhere" "$log"
refused 'a symbolic link' 'symbolic link'
[ ! -e "$home/elsewhere" ] || die 'it was followed'
rm "$log"
: >"$log"
chmod 644 "$log"
refused 'one that others read' 'chmod 600'
rm "$log"
mkfifo "$log"
refused 'a FIFO' "$log: "
rm "$log"
agent_start
printf '%s\n' "events = \"$home/missing/file\"" >"$conf"
echo 'pin x' >"$home/script"
expect_fail 'a new one' 'no prompt\|nobody\|refused\|another log' lanyard reload
line 'SIGN --device=soft:a age://still' 'D abc' END >/dev/null
file_holds "$log" 'age://still'
agent_stop || die "exit $agent_status"

# The journal, in its own form.
rm -f "$home/journal"
socat -u "UNIX-RECV:$home/journal" - >"$home/datagrams" &
journal=$!
wait_for "test -S $home/journal"
echo 'events = journald' >"$conf"
LANYARD_TEST_JOURNAL=$home/journal
export LANYARD_TEST_JOURNAL
agent_start
line 'SIGN --device=soft:a age://journal' 'D abc' END >/dev/null
for field in 'MESSAGE=key-used ok: sign age://journal on soft:' 'PRIORITY=6' 'SYSLOG_IDENTIFIER=lanyard-agent' \
	'LANYARD_EVENT=key-used' 'LANYARD_URI=age://journal' 'LANYARD_RESULT=ok' 'LANYARD_CLIENT=line' \
	"LANYARD_UID=$me" 'LANYARD_PROCESS=socat ('; do
	file_holds "$home/datagrams" "^$field"
done
# One that is not there, and comes back.
kill $journal
wait $journal 2>/dev/null || true
rm -f "$home/journal"
line 'SIGN --device=soft:a age://journal' 'D abc' END 'SIGN --device=soft:a age://journal' 'D abc' END >/dev/null
expect_eq 'said once' "$(grep -c 'events are lost' "$home/agent.log")" 1
socat -u "UNIX-RECV:$home/journal" - >"$home/datagrams" &
journal=$!
wait_for "test -S $home/journal"
line 'SIGN --device=soft:a age://again' 'D abc' END >/dev/null
file_holds "$home/datagrams" 'LANYARD_URI=age://again'
kill $journal
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
