#!/bin/sh
# SPDX-License-Identifier: MIT
# make demo: a tour of lanyard with two software devices and a real sshd, in a throw-away home.
BIN=$1
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

home_new
cd "$home"

say() {
	printf '\n# %s\n' "$*"
}

# run COMMAND: shows it, then runs it; the tour ends if it fails.
run() {
	printf '$ %s\n' "$*"
	eval "$*"
}

say 'Two software devices, made from throw-away words (`lanyard soft init` makes new ones).'
run "lanyard soft import --name work --mnemonic-file words-a --passphrase-file passphrase"
run "lanyard soft import --name home --mnemonic-file words-b --passphrase-file passphrase"

say 'What hands out key material asks for a yes each time; this tour has nobody to ask.'
mkdir -p .config/lanyard
run "echo 'policy \"secret://\" { confirm = never }' > .config/lanyard/lanyard.conf"

say 'The agent. It prints the variables that ssh and lanyard need.'
run 'eval "$(lanyard-agent -s)"'
agent_pid=$LANYARD_AGENT_PID
run "lanyard devices"
run "lanyard unlock soft:work --passphrase-file passphrase"
run "lanyard unlock soft:home --passphrase-file passphrase"

say "A key for $user@localhost, derived on the device; no file holds it."
run "lanyard ssh add -d soft:work $user@localhost | tee authorized_keys"
run "ssh-add -L"

say 'A real sshd on loopback that knows this key and no other; a login signed by the agent.'
sshd_start "$home/authorized_keys"
run "ssh -F .ssh/config $user@localhost echo logged in, signed by a derived key"

say 'The agent signs files for ssh-keygen too.'
run "lanyard pubkey ssh://$user@localhost > key.pub"
run "echo hello > letter"
run "ssh-keygen -Y sign -n file -f key.pub letter"
run "printf '%s %s\n' $user \"\$(cat key.pub)\" > allowed_signers"
run "ssh-keygen -Y verify -f allowed_signers -I $user -n file -s letter.sig < letter"

say 'The same identity on the other device is another key.'
run "lanyard pubkey -d soft:work ssh://$user@localhost"
run "lanyard pubkey -d soft:home ssh://$user@localhost"

say 'Other protocols: a WireGuard public key, and 32 secret bytes only this device can make.'
run "lanyard pubkey -d soft:work wg://wg0@peer1"
run "lanyard secret -d soft:work secret://backup | wc -c"

say 'Locked, every secret is wiped and nothing is listed or signed.'
run "lanyard lock"
run "ssh-add -L || true"
run "lanyard pubkey ssh://$user@localhost || true"

run "eval \"\$(lanyard-agent -k)\""
agent_pid=
say 'That was the tour. README.md says how to begin; nothing of this is left behind.'
