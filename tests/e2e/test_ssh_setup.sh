#!/bin/sh
# SPDX-License-Identifier: MIT
# lanyard ssh setup, teardown and config: real edits of ~/.ssh/config, and ssh that reads them.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
agent_start
me=$user@localhost
config=$home/.ssh/config
agent=$SSH_AUTH_SOCK

# setup adds a block after what is there, keeps a backup, shows what it does.
printf 'Host work\n\tIdentityAgent none' >"$config"
chmod 600 "$config"
cp "$config" "$home/before"
expect_fail 'without a terminal it asks nobody and writes nothing' '' setsid lanyard ssh setup </dev/null
cmp "$config" "$home/before" || die 'written without a yes'
expect_ok 'setup' lanyard ssh setup -y
expect_match 'diff' "$out" "^+.IdentityAgent \"$agent\"$"
cmp "$config.lanyard-backup" "$home/before" || die 'the backup is another file'
expect_eq 'mode' "$(stat -c %a "$config")" 600
# ssh itself reads it so.
ask_ssh() { ssh -F "$config" -G "$1" | sed -n 's/^identityagent //p'; }
expect_eq 'ssh uses the agent' "$(ask_ssh example.org)" "$agent"
expect_eq "a user's own choice wins" "$(ask_ssh work)" none
cp "$config" "$home/after"
expect_ok 'again' lanyard ssh setup -y
expect_match 'nothing to change' "$(cat "$home/stderr")" 'nothing to change'
cmp "$config" "$home/after" || die 'changed by a second setup'

# The socket of a command's own agent is not there for the next ssh.
for command in setup 'config --write git@example.org'; do
	expect_fail "$command" 'goes with it: run this outside' \
		env XDG_STATE_HOME="$home/state" lanyard-agent -- sh -c "lanyard ssh $command -y"
done
cmp "$config" "$home/after" || die 'the socket of a command was written'
expect_ok 'only shown' env XDG_STATE_HOME="$home/state" lanyard-agent -- lanyard ssh config git@example.org
expect_match 'only shown' "$out" 'IdentityAgent ".*/lanyard/cmd\.'

# Another socket directory replaces the block.
mkdir -m 700 "$home/other"
expect_ok 'other directory' lanyard ssh setup -y --socket-dir "$home/other"
expect_eq 'replaced' "$(ask_ssh example.org)" "$home/other/ssh.sock"
expect_eq 'one block' "$(grep -c IdentityAgent "$config")" 2

# A user's own is named: it comes first, and setup would else seem to have done more.
expect_match 'said' "$(cat "$home/stderr")" "note: line 2 of $config has an IdentityAgent of its own"
expect_eq 'the others are lanyard' "$(grep -c 'IdentityAgent of its own' "$home/stderr")" 1

# teardown takes it out again.
expect_ok 'teardown' lanyard ssh teardown -y
printf '\n' >>"$home/before"
cmp "$config" "$home/before" || die 'teardown left something'
expect_ok 'teardown again' lanyard ssh teardown -y

# Somebody else's agent in SSH_AUTH_SOCK is named.
expect_ok 'rival' env SSH_AUTH_SOCK=/run/user/1/gcr/ssh lanyard ssh setup -y
expect_match 'rival' "$(cat "$home/stderr")" 'gcr.*'
expect_match 'how to stop it' "$(cat "$home/stderr")" 'systemctl --user mask'
lanyard ssh teardown -y >/dev/null

# config: prints a Host block; --write makes ssh offer this key alone, against MaxAuthTries.
i=0
while [ $i -lt 8 ]; do
	lanyard ssh add "many$i@localhost" >/dev/null
	i=$((i + 1))
done
expect_ok 'config' lanyard ssh config "$me"
expect_match 'host' "$out" '^Host localhost$'
expect_match 'user' "$out" "User $user"
for host in '*' 'h?' '!h' 'a,b' '#h'; do
	expect_fail "$host" 'takes this host for a pattern' lanyard ssh config -y --write "u@$host"
done
expect_fail 'a no writes nothing' '' setsid lanyard ssh config --write "$me" </dev/null
expect_ok 'nor the public key' test ! -e "$home/.ssh/lanyard/$me.pub"
! grep -q IdentitiesOnly "$config" || die 'config wrote without --write'
printf '%s\n' "$(lanyard pubkey "ssh://$me")" >"$home/authorized_keys"
sshd_start "$home/authorized_keys"
expect_fail 'too many keys' 'Too many authentication failures\|Permission denied\|Disconnected' \
	ssh -F "$config" -o IdentityFile=none -o User="$user" localhost true
expect_ok 'config --write' lanyard ssh config -y --write "$me"
expect_ok 'one key is offered' ssh -F "$config" localhost echo in
expect_eq 'login' "$out" in
expect_ok 'teardown does not touch it' lanyard ssh teardown -y
grep -q IdentitiesOnly "$config" || die 'teardown removed a Host block'

# A damaged block is named by its line; nothing is written.
printf '# >>> lanyard agent\n' >"$config"
expect_fail 'damaged' "$config: line 1" lanyard ssh setup -y
expect_eq 'untouched' "$(cat "$config")" '# >>> lanyard agent'
agent_stop || die "exit $agent_status"
