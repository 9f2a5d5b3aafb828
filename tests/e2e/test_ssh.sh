#!/bin/sh
# SPDX-License-Identifier: MIT
# Stock OpenSSH with keys from the agent: logins, listing, SSHSIG, what is refused.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name a --mnemonic-file "$home/words-a" --passphrase-file "$home/passphrase"
agent_start -v
me=$user@localhost

# Listing is empty, then answered with the key; signing needs an unlocked device.
expect_ok 'empty listing' sh -c 'ssh-add -L; test $? -eq 1'
expect_fail 'add while locked' 'lanyard unlock' lanyard ssh add "$me"
expect_ok 'unlock' lanyard unlock --passphrase-file "$home/passphrase"
expect_ok 'add' lanyard ssh add "$me"
ed25519=$out
expect_ok 'add nistp256' lanyard ssh add -k nist256p1 "$me"
nistp256=$out
expect_match 'ed25519 line' "$ed25519" "^ssh-ed25519 AAAA[^ ]* ssh://$me$"
expect_match 'nistp256 line' "$nistp256" "^ecdsa-sha2-nistp256 AAAA[^ ]* ssh://$me$"
expect_eq 'ssh-add -L' "$(ssh-add -L)" "$ed25519
$nistp256"

# Logins, with each key alone, on hosts with each type of host key.
for type in ed25519 ecdsa rsa; do
	ssh-keygen -q -t $type -N '' -f "$home/hostkey-$type"
done
for key in "$ed25519" "$nistp256"; do
	printf '%s\n' "$key" >"$home/authorized_keys"
	for type in ed25519 ecdsa rsa; do
		SSHD_HOSTKEY=$home/hostkey-$type sshd_start "$home/authorized_keys"
		expect_ok "login: $key, $type host key" ssh -F "$home/.ssh/config" "$me" echo hello
		expect_eq 'output' "$out" hello
		expect_match 'the server saw the derived key' "$(cat "$home/sshd.log")" \
			"Accepted publickey for $user"
		sshd_stop
	done
done
expect_match 'host key proved, and named' "$(cat "$home/agent.log")" \
	"login with ssh://$me, host SHA256:[^ ]* (localhost, \[localhost\]:$port), user $user"

# Many logins at once.
sshd_start "$home/authorized_keys"
logins=
for i in 1 2 3 4 5 6 7 8; do
	ssh -F "$home/.ssh/config" "$me" echo hello >"$home/out.$i" 2>&1 &
	logins="$logins $!"
done
for pid in $logins; do
	wait "$pid"
done
expect_eq 'parallel logins' "$(cat "$home"/out.* | grep -c '^hello$')" 8

# Without a session-bind (an old client): still a login, for this key and user.
expect_ok 'old client' ssh -F "$home/.ssh/config" -o PubkeyAuthentication=unbound "$me" true

# An identity's user is the only one it signs for.
expect_ok 'add other user' lanyard ssh add other@localhost
printf '%s\n' "$out" >"$home/authorized_keys"
expect_ok 'keep only that' lanyard ssh rm "$me"
expect_ok 'keep only that' lanyard ssh rm -k nist256p1 "$me"
expect_fail 'wrong user' 'Permission denied' ssh -F "$home/.ssh/config" "$me" true
expect_match 'and the log says why' "$(cat "$home/agent.log")" 'other'
expect_ok 'rm' lanyard ssh rm other@localhost
expect_fail 'rm twice' 'not offered' lanyard ssh rm other@localhost

# lanyard ssh connect: adds, offers only that key, runs ssh.
printf '%s\n' "$ed25519" >"$home/authorized_keys"
cat >"$home/bin-ssh" <<EOF
#!/bin/sh
exec /usr/bin/ssh -F $home/.ssh/config "\$@"
EOF
mkdir "$home/bin"
mv "$home/bin-ssh" "$home/bin/ssh"
chmod +x "$home/bin/ssh"
expect_ok 'connect' env PATH="$home/bin:$PATH" lanyard ssh connect "$me" -- echo connected
expect_eq 'connect output' "$out" connected
status=0
env PATH="$home/bin:$PATH" lanyard ssh connect "$me" -- exit 7 || status=$?
expect_eq 'connect passes the status on' $status 7

# SSHSIG: sign and verify; a changed file does not verify.
printf '%s\n' "$ed25519" >"$home/key.pub"
printf '%s %s\n' "$user" "$ed25519" >"$home/allowed"
echo letter >"$home/letter"
expect_ok 'ssh-keygen -Y sign' ssh-keygen -q -Y sign -n file -f "$home/key.pub" "$home/letter"
expect_ok 'verify' sh -c "ssh-keygen -Y verify -f $home/allowed -I $user -n file \
	-s $home/letter.sig <$home/letter"
echo forged >"$home/letter"
expect_fail 'verify a forgery' '' sh -c "ssh-keygen -Y verify -f $home/allowed -I $user -n file \
	-s $home/letter.sig <$home/letter"

# ssh-keygen -U -s: a certificate is not on the accept list.
expect_fail 'certificate' '' ssh-keygen -q -U -s "$home/key.pub" -I id "$home/hostkey-ed25519.pub"

# ssh-add of files, lock and unlock: a clear failure, and the agent goes on.
ssh-keygen -q -t ed25519 -N '' -f "$home/file-key"
expect_fail 'ssh-add of a file' 'agent refused' ssh-add "$home/file-key"
expect_ok 'ssh-add -d' ssh-add -q -d "$home/key.pub"
expect_ok 'nothing left' sh -c 'ssh-add -L; test $? -eq 1'

# Config: --save writes an identity, which is then offered from the start, its device locked or not.
expect_ok 'save' lanyard ssh add --save "$me"
agent_stop || die "exit $agent_status"
agent_start
expect_eq 'listed from the config' "$(ssh-add -L)" "$ed25519"
expect_fail 'but not signed with' 'Permission denied' ssh -F "$home/.ssh/config" "$me" true
expect_ok 'unlock' lanyard unlock --passphrase-file "$home/passphrase"
expect_ok 'login' ssh -F "$home/.ssh/config" "$me" true

# Locked: nothing listed, nothing signed; unlock needs the passphrase.
expect_ok 'lock' lanyard lock
expect_ok 'locked listing' sh -c 'ssh-add -L; test $? -eq 1'
expect_fail 'locked login' 'Permission denied' ssh -F "$home/.ssh/config" "$me" true
echo wrong >"$home/wrong"
expect_fail 'wrong passphrase' 'wrong' lanyard unlock --passphrase-file "$home/wrong"
expect_fail 'still locked' 'locked' lanyard pubkey "ssh://$me"
expect_ok 'unlock' lanyard unlock --passphrase-file "$home/passphrase"
expect_ok 'login' ssh -F "$home/.ssh/config" "$me" true
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
