#!/bin/sh
# SPDX-License-Identifier: MIT
# host-key = known: a login is refused at a host that is not proved, or not in known_hosts.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
me=$user@localhost
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
mkdir -p -m 700 "$home/.config/lanyard"
printf 'confirm = never\nkey "ssh://%s" {\n\thost-key = known\n}\n' "$me" >"$home/.config/lanyard/lanyard.conf"
agent_start -v
expect_ok 'the key' lanyard ssh add "$me"
printf '%s\n' "$out" >"$home/authorized_keys"
printf '%s\n' "$out" >"$home/key.pub"
sshd_start "$home/authorized_keys"
# What ssh itself goes by is a copy, so that only the agent misses what is not in the user's file.
cp "$home/.ssh/known_hosts" "$home/known"
login() { ssh -F "$home/.ssh/config" -o UserKnownHostsFile="$home/known" "$me" true; }

# refused WHAT SAID: a login fails, and the log says so.
refused() {
	lines=$(wc -l <"$home/agent.log")
	expect_fail "$1" 'Permission denied' login
	expect_match "$1: said" "$(tail -n +$((lines + 1)) "$home/agent.log")" "$2"
}

host=$(ssh-keygen -l -f "$home/hostkey.pub" | cut -d' ' -f2)
expect_ok 'a known host' login
: >"$home/.ssh/known_hosts"
refused 'an unknown host' "a host whose key $host is not in ~/.ssh/known_hosts: .*ssh-keyscan"
ssh-keygen -q -t ed25519 -N '' -f "$home/other"
printf 'localhost,[localhost]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$home/other.pub")" >"$home/.ssh/known_hosts"
refused 'another key of that name' 'is not in ~/.ssh/known_hosts'
cp "$home/known" "$home/.ssh/known_hosts"
expect_ok 'known again' login
ssh-keygen -q -H -f "$home/.ssh/known_hosts"
expect_ok 'hashed' login
printf '@revoked * %s\n' "$(cut -d' ' -f1,2 "$home/hostkey.pub")" >>"$home/.ssh/known_hosts"
refused 'a revoked key' "whose key $host is @revoked"
cp "$home/known" "$home/.ssh/known_hosts"

# A login in no session that anybody has proved, over agent.sock.
python3 - "$home/key.pub" "$user" >"$home/login" <<'EOF2'
import base64, struct, sys
def s(b):
    return struct.pack('>I', len(b)) + b
blob = base64.b64decode(open(sys.argv[1]).read().split()[1])
sys.stdout.buffer.write(s(b'session') + b'\x32' + s(sys.argv[2].encode()) + s(b'ssh-connection') +
                        s(b'publickey') + b'\x01' + s(b'ssh-ed25519') + s(blob))
EOF2
expect_fail 'a host that is not proved' 'at a host that is not proved' \
	lanyard sign --file "$home/login" "ssh://$me"
echo letter >"$home/letter"
expect_ok 'SSHSIG is at no host' ssh-keygen -q -Y sign -n file -f "$home/key.pub" "$home/letter"

# any is the default.
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
printf 'confirm = never\nkey "ssh://%s" { }\n' "$me" >"$home/.config/lanyard/lanyard.conf"
agent_start -v
: >"$home/.ssh/known_hosts"
expect_ok 'any host' login
expect_ok 'not proved' lanyard sign --file "$home/login" "ssh://$me"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
