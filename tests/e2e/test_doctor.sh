#!/bin/sh
# SPDX-License-Identifier: MIT
# lanyard doctor: 0 where all is well, 1 and what to type where not. (Each finding about the machine:
# tests/unit/test_cli_doctor.c.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
conf=$home/.config/lanyard/lanyard.conf
mkdir -p "${conf%/*}" "$home/machine/bin"
# A machine with nothing wrong.
LANYARD_TEST_ROOT=$home/machine
export LANYARD_TEST_ROOT
cp /bin/true "$home/machine/bin/pinentry"
echo 'pinentry = "/bin/pinentry"' >"$conf"

# doctor STATUS: its exit status; output in $out.
doctor() {
	status=0
	out=$(lanyard doctor 2>"$home/stderr") || status=$?
	expect_eq "status of: $out" $status "$1"
	[ ! -s "$home/stderr" ] || die "standard error: $(cat "$home/stderr")"
}

# says PATTERN
says() {
	expect_match 'doctor' "$out" "$1"
}

doctor 1
says '^todo  sockets .*there is no socket .*agent.sock'
says '^todo  agent .*no agent answers'
says 'type: systemctl --user enable --now lanyard-agent'
says '^note  config .*is read when the agent starts'
says 'type: lanyard-agent -D'

agent_start
wait_for 'lanyard status | grep -q "^logind *no system bus"'
doctor 0
expect_eq 'something to do' "$(printf '%s\n' "$out" | grep -c '^todo' || true)" 0
says '^ok    agent '
says '^ok    mlock '
says '^note  logind .*neither sleep nor .*: no system bus: No such file'
says '^ok    config '
says '^ok    ssh-auth-sock '
says '^ok    pinentry .*/bin/pinentry asks'
lanyard doctor --json >"$home/json" || die 'as JSON'
expect_match 'JSON' "$(cat "$home/json")" '{"check": "agent", "state": "ok", "says": "an agent answers", "type": null}'
expect_eq 'JSON begins and ends' "$(sed -n '1p;$p' "$home/json" | tr -d '\n')" '[]'

# One thing after the other.
echo 'log = loud' >"$conf"
doctor 1
says "^todo  config .*$conf:1: log is .loud."
expect_match 'the agent goes on with the old one' "$(line STATUS)" '^S PINENTRY /bin/pinentry'
echo 'pinentry = "/bin/pinentry"' >"$conf"
chmod 666 "$XDG_RUNTIME_DIR/lanyard/ssh.sock"
doctor 1
says '^todo  sockets .*ssh.sock is open to others: mode 666'
says "type: chmod 600 $XDG_RUNTIME_DIR/lanyard/ssh.sock"
chmod 600 "$XDG_RUNTIME_DIR/lanyard/ssh.sock"
old=$SSH_AUTH_SOCK
SSH_AUTH_SOCK=/run/user/1000/gcr/ssh
doctor 1
says '^todo  ssh-auth-sock .*gcr-ssh-agent'
says "type: lanyard ssh setup, or: export SSH_AUTH_SOCK=$old"
# What it says to type is enough.
mkdir -p "$home/machine$home"
ln -s "$home/.ssh" "$home/machine$home/.ssh"
expect_ok 'setup' lanyard ssh setup -y
doctor 0
says '^note  ssh-auth-sock .*gcr-ssh-agent; ssh finds the agent by ~/.ssh/config'
SSH_AUTH_SOCK=
doctor 0
says '^note  ssh-auth-sock .*is not set; ssh finds the agent by ~/.ssh/config'
expect_ok 'teardown' lanyard ssh teardown -y
doctor 1
says '^todo  ssh-auth-sock .*is not set: ssh does not find the agent'
SSH_AUTH_SOCK=$old
rm "$home/machine/bin/pinentry"
doctor 1
says '^todo  pinentry .*is no program'
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
