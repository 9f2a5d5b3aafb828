#!/bin/sh
# SPDX-License-Identifier: MIT
# What no honest client sends, on both sockets (hostile.c): one failure answer or a closed
# connection, the agent serves others and ends without a leak.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
agent_start
blob=$(lanyard ssh add u@h | cut -d' ' -f2 | base64 -d | od -An -v -tx1 | tr -d ' \n')
expect_ok 'hostile clients' "$BIN/hostile" "$LANYARD_SOCK" "$SSH_AUTH_SOCK" "$blob"
expect_match 'it still works' "$(line DEVICES)" '^S DEVICE 0 .* ready'
expect_match 'the log names who did not read' "$(cat "$home/agent.log")" 'does not read its answers'
expect_match 'the log has the long frame' "$(cat "$home/agent.log")" '2147483648 bytes; at most'
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
