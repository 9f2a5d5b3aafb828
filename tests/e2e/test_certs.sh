#!/bin/sh
# SPDX-License-Identifier: MIT
# Certificates of derived keys, in the config's folder certs/: offered, logged in with, listed.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
me=$user@localhost
certs=$home/.config/lanyard/certs
mkdir -p -m 700 "$certs"
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
agent_start -v
ssh-keygen -q -t ed25519 -N '' -f "$home/ca"

# ours_sign NAME OPTION...: $home/NAME.pub's certificate by the CA to certs/.
ours_sign() {
	name=$1
	shift
	ssh-keygen -q -s "$home/ca" "$@" "$home/$name.pub" 2>/dev/null
	mv "$home/$name-cert.pub" "$certs/$name-cert.pub"
}

# cert_line FILE COMMENT: what ssh-add -L shows of it.
cert_line() { printf '%s %s\n' "$(cut -d' ' -f1,2 "$1")" "$2"; }

for type in ed25519 nist256p1; do
	expect_ok 'add' lanyard ssh add -k $type "$me"
	printf '%s\n' "$out" >"$home/$type.pub"
done
ours=$(cat "$home/ed25519.pub" "$home/nist256p1.pub")
expect_eq 'no certificate' "$(ssh-add -L)" "$ours"

# A server that knows the CA only.
: >"$home/authorized_keys"
SSHD_MORE="TrustedUserCAKeys $home/ca.pub"
sshd_start "$home/authorized_keys"
expect_fail 'the keys alone are nothing there' 'Permission denied' ssh -F "$home/.ssh/config" "$me" true

for type in ed25519 nist256p1; do
	ours_sign $type -I "badge of $type" -n "$user" -z 7 -V -1m:+1h
	expect_ok "login with $type's certificate" ssh -F "$home/.ssh/config" "$me" echo hello
	expect_eq 'output' "$out" hello
	expect_match 'the server saw it' "$(cat "$home/sshd.log")" \
		"Accepted publickey for $user .*-CERT .*ID badge of $type (serial 7)"
	expect_match 'logged' "$(cat "$home/agent.log")" \
		"login with ssh://$me and a certificate, host SHA256:[^ ]* (localhost, "
	expect_eq 'after its key' "$(ssh-add -L | grep -A1 -F "$(cut -d' ' -f2 "$home/$type.pub")")" \
		"$(cat "$home/$type.pub")
$(cert_line "$certs/$type-cert.pub" "ssh://$me")"
	mv "$certs/$type-cert.pub" "$home"
	expect_eq 'gone with its file' "$(ssh-add -L)" "$ours"
done
mv "$home"/*-cert.pub "$certs"
expect_eq 'both, each after its key' "$(ssh-add -L | cut -d' ' -f1 | tr '\n' ' ')" \
	'ssh-ed25519 ssh-ed25519-cert-v01@openssh.com ecdsa-sha2-nistp256 ecdsa-sha2-nistp256-cert-v01@openssh.com '

# ssh's own CertificateFile: the key is asked for, the certificate is in what it signs.
mv "$certs/ed25519-cert.pub" "$home"
expect_ok 'CertificateFile' ssh -F "$home/.ssh/config" -o IdentitiesOnly=yes \
	-o "IdentityFile=$home/ed25519.pub" -o "CertificateFile=$home/ed25519-cert.pub" "$me" true
mv "$home/ed25519-cert.pub" "$certs"

# A user's key is for that user, whatever names the CA put in.
expect_ok 'another user' lanyard ssh add other@localhost
printf '%s\n' "$out" >"$home/other.pub"
ours_sign other -I other -n "$user"
expect_ok 'rm' lanyard ssh rm "$me"
expect_ok 'rm' lanyard ssh rm -k nist256p1 "$me"
expect_eq 'that alone' "$(ssh-add -L | wc -l)" 2
expect_fail 'not as another' 'Permission denied' ssh -F "$home/.ssh/config" "$me" true
expect_match 'said' "$(cat "$home/agent.log")" "a login as user \"$user\", which this key is not for"
expect_ok 'rm' lanyard ssh rm other@localhost
expect_ok 'nothing is listed' sh -c 'ssh-add -L; test $? -eq 1'
expect_ok 'add' lanyard ssh add "$me"

# lanyard ssh list.
expect_ok 'list' lanyard ssh list
expect_match 'key' "$out" "^ssh://$me  *ed25519"
expect_match 'certificate' "$out" \
	'^  certificate ed25519-cert.pub, until 20[0-9-]* [0-9:]*, key id "badge of ed25519"$'
expect_ok 'list' lanyard ssh list --json
expect_ok 'is JSON' sh -c 'printf "%s" "$0" | python3 -c "
import json, sys, time
(key,) = json.load(sys.stdin)
(cert,) = key[\"certificates\"]
assert cert[\"file\"] == \"ed25519-cert.pub\" and cert[\"serial\"] == \"7\", cert
assert cert[\"key_id\"] == \"badge of ed25519\", cert
assert cert[\"valid_after\"] < time.time() < cert[\"valid_before\"], cert
"' "$out"
ours_sign ed25519 -I old -n "$user" -V 20200101:20200102
expect_ok 'list' lanyard ssh list
expect_match 'expired' "$out" '^  certificate ed25519-cert.pub, EXPIRED, key id "old"$'
ours_sign ed25519 -I "$(printf 'a\033[1m"')" -n "$user"
expect_ok 'list' lanyard ssh list
expect_match 'without an end, and what is odd is escaped' "$out" \
	'^  certificate ed25519-cert.pub, key id "a\\x1b\[1m""$'

# ssh-add -d: the key by its key; a certificate goes with its file.
cp "$certs/ed25519-cert.pub" "$home/only.pub"
expect_fail 'not by its certificate' '' ssh-add -q -d "$home/only.pub"
expect_match 'said' "$(cat "$home/agent.log")" 'as long as its file is in the folder certs/'

# Files that are none: passed over, and said once each; a listing is never lost.
cp "$certs/ed25519-cert.pub" "$home/good"
: >"$certs/empty-cert.pub"
printf 'ssh-ed25519-cert-v01@openssh.com AAAA\n' >"$certs/short-cert.pub"
cp "$home/ed25519.pub" "$certs/plain-cert.pub"
ssh-keygen -q -s "$home/ca" -h -I host -n localhost "$home/ed25519.pub" 2>/dev/null
mv "$home/ed25519-cert.pub" "$certs/host-cert.pub"
cat "$home/good" "$home/good" >"$certs/two-cert.pub"
head -c 40000 /dev/zero | tr '\0' 'A' >"$certs/long-cert.pub"
mkdir "$certs/folder-cert.pub"
mkfifo "$certs/pipe-cert.pub"
ln -s nowhere "$certs/link-cert.pub"
# The last byte but the padding is of the CA's signature.
python3 - "$home/good" "$certs/forged-cert.pub" <<'EOF2'
import base64, sys
words = open(sys.argv[1]).read().split()
blob = bytearray(base64.b64decode(words[1]))
blob[-1] ^= 1
open(sys.argv[2], 'w').write(words[0] + ' ' + base64.b64encode(blob).decode() + '\n')
EOF2
ssh-keygen -q -t ed25519 -N '' -f "$home/stranger"
ssh-keygen -q -s "$home/ca" -I stranger -n "$user" "$home/stranger.pub" 2>/dev/null
cp "$home/stranger-cert.pub" "$certs"
for i in 1 2 3; do
	expect_eq "listing $i" "$(ssh-add -L)" "$(cat "$home/ed25519.pub")
$(cert_line "$home/good" "ssh://$me")"
done
for name in empty short plain host two long folder pipe forged link; do
	expect_eq "$name: said once" \
		"$(grep -c "warning: certs/$name-cert.pub is left out: " "$home/agent.log")" 1
done
expect_match 'host' "$(cat "$home/agent.log")" 'host-cert.pub is left out: a certificate for a host'
expect_match 'forged' "$(cat "$home/agent.log")" "forged-cert.pub is left out: its CA's signature is not good"
! grep 'stranger' "$home/agent.log" || die "another key's certificate is no mistake"
cp "$home/good" "$certs/empty-cert.pub"
expect_eq 'mended' "$(ssh-add -L | wc -l)" 3

# CAs of the other types.
for ca in 'ecdsa -b 256' 'ecdsa -b 384' 'ecdsa -b 521' 'rsa -b 3072'; do
	rm -f "$home/ca" "$home/ca.pub" "$certs"/*.pub 2>/dev/null || true
	# shellcheck disable=SC2086 # options
	ssh-keygen -q -t $ca -N '' -f "$home/ca"
	ours_sign ed25519 -I "by $ca" -n "$user" -O source-address=127.0.0.1
	sshd_stop
	sshd_start "$home/authorized_keys"
	expect_ok "login, CA $ca" ssh -F "$home/.ssh/config" "$me" true
done

# A folder that cannot be read is said once as well.
mv "$certs" "$certs.away"
: >"$certs"
for i in 1 2 3; do
	expect_eq "no folder $i" "$(ssh-add -L)" "$(cat "$home/ed25519.pub")"
done
expect_eq 'said once' "$(grep -c "warning: no certificates: $certs: " "$home/agent.log")" 1
rm "$certs"
mv "$certs.away" "$certs"

# Locked: nothing.
expect_ok 'lock' lanyard lock
expect_ok 'nothing is listed' sh -c 'ssh-add -L; test $? -eq 1'
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
