#!/bin/sh
# SPDX-License-Identifier: MIT
# A tunnel by stock wg-quick, whose keys are in no file: up, packets, the same preshared key on both
# ends though it was never exchanged, up twice, down leaves none.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/wg.sh
. "$(dirname "$0")/wg.sh"
wg_enter
home_new
wg_hosts

expect_ok 'up a' wg_up a
expect_ok 'up b' wg_up b
wait_for ping_a
wait_for ping_b
expect_eq 'the public key' "$(wg_show a public-key)" "$key_a"
expect_match 'a preshared key' "$(wg_psk a)" '^[A-Za-z0-9+/]\{43\}=$'
expect_eq 'one preshared key' "$(wg_psk a)" "$(wg_psk b)"
