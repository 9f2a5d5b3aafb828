#!/bin/sh
# SPDX-License-Identifier: MIT
# Keys with destinations: which hosts see them and which they sign for, here and behind a hop; those
# of another ssh-agent (ssh-add -h) through ours.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

home_remove() {
	status=$?
	trap - EXIT
	agent_stop >/dev/null 2>&1 || true
	[ -z "${upstream_pid:-}" ] || kill "$upstream_pid" 2>/dev/null || true
	[ -z "${upstream_pid:-}" ] || wait "$upstream_pid" 2>/dev/null || true
	for sshd_pid in ${sshds:-}; do
		sshd_stop
	done
	[ -z "${made:-}" ] || rmdir /run/sshd 2>/dev/null || true
	cd /
	rm -rf "$home"
	exit "$status"
}

# host NAME: another sshd, known as NAME by its own key.
host() {
	ssh-keygen -q -t ed25519 -N '' -f "$home/host_$1"
	SSHD_HOSTKEY=$home/host_$1 sshd_start "$home/authorized_keys"
	made=${sshd_made:-${made:-}}
	sshds="${sshds:-} $sshd_pid"
	printf '%s %s\n' "$1" "$(cut -d' ' -f1,2 "$home/host_$1.pub")" >>"$home/known"
	printf 'Host %s\n\tHostName localhost\n\tHostKeyAlias %s\n\tPort %s\n\tForwardAgent yes\n' \
		"$1" "$1" "$port" >>"$home/hosts"
}

# at HOST COMMAND: there, with our agent.
at() { ssh -F "$home/.ssh/config" "$user@$1" "$2"; }
# on HOST: the same from there to another, as a command.
on() { echo "ssh -F $home/.ssh/config $user@$1"; }

# said WHAT PATTERN: in the log since mark.
mark() { lines=$(wc -l <"$home/agent.log"); }
said() { expect_match "$1: said" "$(tail -n +$((lines + 1)) "$home/agent.log")" "$2"; }

# only DESTINATION...: of our key, from now on.
only() {
	lanyard ssh rm "$key" 2>/dev/null || true
	set -- "$@" "$key"
	n=$#
	while [ $n -gt 1 ]; do
		set -- "$@" --destination "$1"
		shift
		n=$((n - 1))
	done
	expect_ok 'destinations' lanyard ssh add "$@"
}

home_new
key=$user@anywhere
mkdir -p -m 700 "$home/.config/lanyard"
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
conf=$home/.config/lanyard/lanyard.conf
printf '%s\n' 'confirm = never' 'forwarded = allow' "upstream = \"$home/real\"" >"$conf"
: >"$home/authorized_keys"
for name in a b c; do
	host $name
done
cat "$home/hosts" "$home/.ssh/config" >"$home/config"
mv "$home/config" "$home/.ssh/config"
cp "$home/known" "$home/.ssh/known_hosts"
agent_start -v -v
expect_ok 'our key' lanyard ssh add "$key"
ours=$out
printf '%s\n' "$ours" >"$home/authorized_keys"
printf '%s\n' "$ours" >"$home/ours.pub"
echo letter >"$home/letter"
expect_ok 'anywhere' at a true
expect_ok 'and from there' at a "$(on b) true"

# ---- one host ----

only a
expect_ok 'there' at a 'echo hello'
expect_eq 'output' "$out" hello
mark
expect_fail 'not at another' 'Permission denied' at b true
said 'not listed' "ssh://$key is not listed: the key's destinations do not have host SHA256:"
expect_eq 'listed here' "$(ssh-add -L)" "$ours"
expect_eq 'with what for' "$(lanyard ssh list | tail -n 1)" '  only to a'
mark
expect_fail 'no SSHSIG' 'agent refused' ssh-keygen -q -Y sign -n file -f "$home/ours.pub" "$home/letter"
said 'no SSHSIG' "ssh://$key has destinations, and so signs logins only"
expect_fail 'nor by the other socket' 'has destinations' lanyard sign --file "$home/letter" "ssh://$key"
# ssh asks for a key that it was given a file of, listed or not: ours is not given away.
expect_fail 'asked for by name' 'Permission denied' ssh -F "$home/.ssh/config" -o IdentitiesOnly=yes \
	-o IdentityFile="$home/ours.pub" "$user@b" true
expect_ok 'the same where it may' ssh -F "$home/.ssh/config" -o IdentitiesOnly=yes \
	-o IdentityFile="$home/ours.pub" "$user@a" true
expect_ok 'nothing behind it' at a 'ssh-add -L; test $? -eq 1'
expect_fail 'nor logins from there' 'Permission denied' at a "$(on b) true"
expect_fail 'not even back' 'Permission denied' at a "$(on a) true"

# The user is part of it; so are patterns.
only "$user@a" 'nobody@b' "$(printf %.1s "$user")*@c"
expect_ok 'this user' at a true
mark
expect_fail 'another user' 'Permission denied' at b true
said 'another user' "do not have host SHA256:.* for this user"
expect_ok 'a pattern' at c true
expect_eq 'as JSON' "$(lanyard ssh list --json | sed -n 's/.*\("destinations.*\]\), "cert.*/\1/p')" \
	"\"destinations\": [\"$user@a\", \"nobody@b\", \"$(printf %.1s "$user")*@c\"]"

# ---- hops ----

only a 'a>b'
expect_ok 'the hop' at a true
expect_ok 'listed behind it' at a 'ssh-add -L'
expect_eq 'ours' "$out" "$ours"
expect_ok 'from the hop on' at a "$(on b) echo hello"
expect_eq 'output' "$out" hello
expect_fail 'not from here' 'Permission denied' at b true
expect_fail 'nor to a third' 'Permission denied' at a "$(on c) true"
expect_fail 'nor further' 'Permission denied' at a "$(on b) $(on c) true"
rm -f "$home/letter.sig"
expect_fail 'no SSHSIG there' '' at a "ssh-keygen -q -Y sign -n file -f $home/ours.pub $home/letter"
only 'a>b'
expect_fail 'who may not be at the hop' 'Permission denied' at a true
only a 'a>b' "b>$user@c"
expect_ok 'two hops' at a "$(on b) '$(on c) echo hello'"
expect_eq 'output' "$out" hello
only a 'a>b' 'b>nobody@c'
mark
expect_fail 'two hops, another user' 'Permission denied' at a "$(on b) '$(on c) true'"
said 'two hops, another user' 'behind the host before it'

# ---- known_hosts, as it is at that moment ----

only a
ssh-keygen -q -H -f "$home/.ssh/known_hosts"
expect_ok 'hashed' at a true
expect_fail 'hashed, another' 'Permission denied' at b true
printf '@revoked * %s\n' "$(cut -d' ' -f1,2 "$home/host_a.pub")" | cat - "$home/known" >"$home/.ssh/known_hosts"
sed "s|$home/.ssh/known_hosts|$home/known|" "$home/.ssh/config" >"$home/config"
mv "$home/config" "$home/.ssh/config"
expect_fail 'revoked' 'Permission denied' at a true
cp "$home/known" "$home/.ssh/known_hosts"
expect_ok 'not revoked' at a true
expect_fail 'a host that nobody knows' 'known_hosts has no key of it' \
	lanyard ssh add --destination nowhere "$key"
expect_fail 'nor behind a hop' 'destination nowhere:' lanyard ssh add --destination 'nowhere>a' "$key"
for wrong in '' 'root@' '@a' '>a' 'root@a>b' 'a>' 'a b' '-a' 'a,,b' '[a' 'a:0'; do
	expect_fail "wrong: $wrong" 'destination' lanyard ssh add --destination "$wrong" "$key"
done
expect_ok 'as it was' at a true
expect_fail 'as it was' 'Permission denied' at b true
expect_fail 'an ADD without them takes nothing away' '' lanyard ssh connect "$key" -- true
expect_fail 'as it was' 'Permission denied' at b true
expect_ok 'taken off' lanyard ssh rm "$key"
expect_ok 'and added without' lanyard ssh add "$key"
expect_ok 'anywhere' at b true

# ---- certificates: of the key, and of hosts ----

ssh-keygen -q -t ed25519 -N '' -f "$home/ca"
cp "$home/ours.pub" "$home/certified.pub"
ssh-keygen -q -s "$home/ca" -I id -n "$user" "$home/certified.pub"
mkdir -p "$home/.config/lanyard/certs"
cp "$home/certified-cert.pub" "$home/.config/lanyard/certs"
printf 'cert-authority %s\n' "$(cat "$home/ca.pub")" >"$home/authorized_keys"
only a
expect_ok 'with its certificate' at a true
expect_fail 'also there alone' 'Permission denied' at b true
expect_eq 'both listed here' "$(ssh-add -L | wc -l)" 2
printf '%s\n' "$ours" >"$home/authorized_keys"
rm -r "$home/.config/lanyard/certs"

ssh-keygen -q -s "$home/ca" -I host -h -n d "$home/host_c.pub"
cp "$home/host_c" "$home/host_c2"
cp "$home/host_c-cert.pub" "$home/host_c2-cert.pub"
SSHD_MORE="HostCertificate $home/host_c2-cert.pub"
SSHD_HOSTKEY=$home/host_c2
cp "$home/.ssh/config" "$home/config"
cp "$home/host_c.pub" "$home/host_c2.pub"
sshd_start "$home/authorized_keys"
sshds="$sshds $sshd_pid"
printf 'Host d\n\tHostName localhost\n\tHostKeyAlias d\n\tPort %s\n' "$port" | cat - "$home/config" \
	>"$home/.ssh/config"
printf '@cert-authority d,e %s\n' "$(cut -d' ' -f1,2 "$home/ca.pub")" >>"$home/known"
cp "$home/known" "$home/.ssh/known_hosts"
only d
expect_ok 'a certified host' at d true
expect_fail 'no other' 'Permission denied' at a true
only e
expect_fail 'of that CA, by another name' 'Permission denied' at d true
only c
expect_fail 'its key without the certificate is another host' 'Permission denied' at d true

# ---- the config ----

agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
agent_start -v -v
expect_ok 'saved' lanyard ssh add --save --destination a --destination "a>$user@b" "$key"
expect_match 'so' "$(cat "$conf")" "destinations = {\"a,a>$user@b\"}"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
agent_start -v -v
expect_ok 'there' at a true
expect_fail 'not at another' 'Permission denied' at b true
expect_ok 'but from the hop on' at a "$(on b) true"
expect_fail 'no others' 'change them there' lanyard ssh add --destination b "$key"
expect_ok 'ADD takes nothing away' lanyard ssh add "$key"
expect_ok 'nor rm' lanyard ssh rm "$key"
expect_ok 'ADD' lanyard ssh add "$key"
expect_fail 'not at another' 'Permission denied' at b true
sed -i "s/{\"a,a>$user@b\"}/{\"b\", \"c\"}/" "$conf"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
agent_start -v -v
expect_ok 'now there' at b true
expect_fail 'not as before' 'Permission denied' at a true
expect_ok 'and there' at c true
sed -i 's/{"b", "c"}/{"b"}/' "$conf"
expect_ok 'a stricter reload' lanyard reload
expect_ok 'there still' at b true
expect_fail 'and there no more' 'Permission denied' at c true
sed -i 's/{"b"}/{"b", "c"}/' "$conf"
expect_fail 'one that is less strict, with nobody to ask' 'destinations of.*: `lanyard tty` in a terminal' \
	lanyard reload
expect_fail 'as it was' 'Permission denied' at c true
sed -i 's/"c"}/"c d"}/' "$conf"
lanyard-agent -D --socket-dir "$home/other" 2>"$home/stderr" && die 'a wrong destination'
expect_match 'wrong' "$(cat "$home/stderr")" 'destination "c d" names no host'
sed -i 's/{"b".*/{}/' "$conf"
lanyard-agent -D --socket-dir "$home/other" 2>"$home/stderr" && die 'no destination'
expect_match 'none' "$(cat "$home/stderr")" 'destinations is empty'
sed -i '/destinations/d' "$conf"

# ---- another agent's keys: its constraints, our client's binds ----

agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
ssh-agent -D -a "$home/real" >/dev/null 2>&1 &
upstream_pid=$!
wait_for "listens $home/real"
ssh-keygen -q -t ed25519 -N '' -C file -f "$home/file"
agent_start -v -v
cp "$home/file.pub" "$home/authorized_keys"
expect_ok 'ssh-add -h through us' ssh-add -q -H "$home/known" -h a -h "a>$user@b" "$home/file"
rm "$home/file"
expect_ok 'the hop' at a true
expect_ok 'listed behind it' at a 'ssh-add -L'
expect_match 'its key' "$out" 'file$'
expect_ok 'from the hop on' at a "$(on b) echo hello"
expect_eq 'output' "$out" hello
expect_fail 'not from here' 'Permission denied' at b true
expect_fail 'nor to a third' 'Permission denied' at a "$(on c) true"
expect_ok 'nor seen behind' at a "$(on b) 'ssh-add -L | grep -q file || echo no'"
expect_eq 'no' "$out" no
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
