#!/bin/sh
# SPDX-License-Identifier: MIT
# Walks doc/BACKUP.md on a real terminal: keys of words that were read off the screen come back, byte
# for byte, in a home where nothing else is left.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tty.sh
. "$(dirname "$0")/tty.sh"
page=$(pwd)/doc/BACKUP.md
home_new
tty_start
top=$home
file_passphrase='quite another one'
bip39_passphrase='Tausend Worte 1000'
encrypt='Passphrase to encrypt it with:'
again='Passphrase to encrypt it with (again):'

# A computer that has never seen lanyard; what was before is destroyed.
computer_new() {
	agent_stop || die "the agent: exit $agent_status"
	cd /
	rm -rf "$top/computer"
	mkdir -m 700 "$top/computer" "$top/computer/run"
	HOME=$top/computer XDG_RUNTIME_DIR=$top/computer/run
	cd "$HOME"
	tty_run "export HOME='$HOME' XDG_RUNTIME_DIR='$XDG_RUNTIME_DIR'; cd"
	tty_status 0
	agent_start
	unset LANYARD_SOCK SSH_AUTH_SOCK
}

# page COMMAND: one that the page tells to type, started on the terminal.
page() {
	grep -qxF -- "$1" "$page" || die "$page does not say: $1"
	tty_run "$1"
}

# show DEVICE: what its keys are, of every kind.
show() {
	lanyard pubkey -d "$1" ssh://git@github.com
	lanyard pubkey -d "$1" -k nist256p1 -i 7 ssh://git@github.com
	lanyard pubkey -d "$1" wg://wg0@peer1
	lanyard pubkey -d "$1" --raw --ecdh gpg://me@example.org
	lanyard ecdh -d "$1" gpg://me@example.org \
		40a8cf4b6a64c4314e80f15a8ea55812bd735fbb365936a48b2d78807b575fa1
	lanyard sign -d "$1" gpg://me@example.org 00
	lanyard secret -d "$1" secret://backup/home
}

# ---- Make one, write the words down ----
computer_new
page 'lanyard soft init'
tty_answer "$encrypt" "$file_passphrase"
tty_prompt "$again"
# While it waits with the first answer: neither arguments nor environment have it.
pid=$(pgrep -P "$(tty display -p '#{pane_pid}')" -x lanyard)
expect_eq 'its arguments' "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'lanyard soft init '
! grep -qsF "$file_passphrase" "/proc/$pid/environ" || die 'the passphrase is in the environment'
tty_answer "$again" "$file_passphrase"
tty_status 0
words=$(tty_words)
expect_eq 'words' "$(echo "$words" | wc -w)" 24
expect_match 'the words can be scrolled back to, as the page says' "$(tty_screen)" "${words##* }"
case $(tty_screen) in *"$file_passphrase"*) die 'the passphrase was shown' ;; esac
wait_for 'lanyard devices | grep -q soft:default'
tty_run 'lanyard unlock'
tty_answer 'Passphrase of soft:default:' "$file_passphrase"
tty_status 0
case $(tty_screen) in *"$file_passphrase"*) die 'the passphrase was shown' ;; esac
show soft:default >"$top/plain.want"
expect_eq 'keys' "$(sort -u "$top/plain.want" | wc -l)" 7
serial=$(lanyard soft list | awk '$1 == "default" { print $2 }')

printf '%s\n' "$bip39_passphrase" >bip39
page 'lanyard soft init --bip39-passphrase-file=bip39 hidden'
tty_answer "$encrypt" "$file_passphrase"
tty_answer "$again" "$file_passphrase"
tty_status 0
hidden_words=$(tty_words)
rm bip39
wait_for 'lanyard devices | grep -q soft:hidden'
tty_run 'lanyard unlock soft:hidden'
tty_answer 'Passphrase of soft:hidden:' "$file_passphrase"
tty_status 0
show soft:hidden >"$top/hidden.want"
# Clearing the terminal as the page says takes the words away.
tty_run ':'
tty_status 0
case $(tty_screen) in *"24 ${hidden_words##* }"*) die 'the words are still on the terminal' ;; esac

# In no file, no argument, no environment.
for secret in "$file_passphrase" "$bip39_passphrase" "$words" "$hidden_words" \
	"$(printf '%4u %-8s' 1 "${words%% *}")" \
	"${words% * * * *}" "$(echo "$words" | sed 's/^\([a-z]* [a-z]*\) .*/\1/')"; do
	printf '%s\n' "$secret" >"$top/pattern"
	found=$(grep -rlaF -f "$top/pattern" "$HOME" "$top/agent.log" "$top/agent.env" \
		"/proc/$agent_pid/cmdline" "/proc/$agent_pid/environ" 2>/dev/null || true)
	expect_eq 'words and passphrases in files' "$found" ''
done
rm "$top/pattern"

# ---- Check the words before they are needed ----
page 'lanyard soft import check'
tty_answer 'BIP-39 words:' "$words"
tty_answer "$encrypt" "$PASSPHRASE"
tty_answer "$again" "$PASSPHRASE"
tty_status 0
wait_for 'lanyard devices | grep -q soft:check'
page 'lanyard unlock soft:check'
tty_answer 'Passphrase of soft:check:' "$PASSPHRASE"
tty_status 0
page 'lanyard pubkey -d soft:check --raw ssh://git@github.com'
tty_status 0
check=$(printf '%s\n' "$screen" | grep -x '[0-9a-f]\{64\}')
page 'lanyard pubkey -d soft:default --raw ssh://git@github.com'
tty_status 0
expect_eq 'the words are right' "$check" "$(printf '%s\n' "$screen" | grep -x '[0-9a-f]\{64\}')"
page 'lanyard soft remove check'
tty_answer 'Remove soft:check? [y/N]' y
tty_status 0

# A copy of the file, from before its passphrase is changed.
cp .local/share/lanyard/soft/default "$top/copy"
printf '%s\n' "$file_passphrase" >"$top/old"
printf 'new one\n' >"$top/new"
lanyard soft change-passphrase --passphrase-file "$top/old" --new-passphrase-file "$top/new" >/dev/null

# ---- Restore from the words ----
computer_new
page 'lanyard soft import'
tty_answer 'BIP-39 words:' "$(echo "$words" | tr 'a-z' 'A-Z' | sed 's/ /   /g')"
tty_answer "$encrypt" "$PASSPHRASE"
tty_answer "$again" "$PASSPHRASE"
tty_status 0
# (Three of them: a single one may be a part of what is there.)
last=$(echo "$words" | cut -d ' ' -f 22-24)
case $(tty_screen | tr 'A-Z\n' 'a-z ' | tr -s ' ') in *"$last"*) die 'the words were shown' ;; esac
wait_for 'lanyard devices | grep -q soft:default'
page 'lanyard unlock'
tty_answer 'Passphrase of soft:default:' "$PASSPHRASE"
tty_status 0
show soft:default >"$top/got"
cmp "$top/plain.want" "$top/got" || die 'other keys from the same words'
[ "$(lanyard soft list | awk '{ print $2 }')" != "$serial" ] || die 'an import has the old serial'

computer_new
printf '%s\n' "$bip39_passphrase" >bip39
page 'lanyard soft import --bip39-passphrase-file=bip39 hidden'
tty_answer 'BIP-39 words:' "$hidden_words"
tty_answer "$encrypt" "$PASSPHRASE"
tty_answer "$again" "$PASSPHRASE"
tty_status 0
# Without it, or with another one: no error, other keys.
printf '%s\n' "$hidden_words" >words
printf '%s\n' "$PASSPHRASE" >passphrase
echo "$bip39_passphrase " >bip39
lanyard soft import without --mnemonic-file words --passphrase-file passphrase >/dev/null
lanyard soft import other --mnemonic-file words --passphrase-file passphrase \
	--bip39-passphrase-file bip39 >/dev/null
wait_for '[ "$(lanyard devices | grep -c soft:)" -eq 3 ]'
for name in hidden without other; do
	lanyard unlock --passphrase-file passphrase soft:$name
	show soft:$name >"$top/got.$name"
done
cmp "$top/hidden.want" "$top/got.hidden" || die 'other keys from words and BIP-39 passphrase'
expect_eq 'no key in common' \
	"$(sort "$top/got.hidden" "$top/got.without" "$top/got.other" "$top/plain.want" | uniq -d)" ''

# ---- Restore from a copy of the file ----
computer_new
cp "$top/copy" default
mkdir -p -m 700 .local/share/lanyard/soft
page 'cp default ~/.local/share/lanyard/soft/'
tty_status 0
chmod 644 .local/share/lanyard/soft/default
page 'chmod 600 ~/.local/share/lanyard/soft/default'
tty_status 0
wait_for 'lanyard devices | grep -q soft:default'
expect_eq 'a copy keeps its serial' "$(lanyard soft list | awk '{ print $2 }')" "$serial"
expect_fail 'a later passphrase' 'is wrong' lanyard unlock --passphrase-file "$top/new"
lanyard unlock --passphrase-file "$top/old"
show soft:default >"$top/got"
cmp "$top/plain.want" "$top/got" || die 'other keys from a copy'
cp -p .local/share/lanyard/soft/default .local/share/lanyard/soft/zweite
cp -p .local/share/lanyard/soft/default .local/share/lanyard/soft/a
wait_for 'lanyard devices | grep -q soft:a'
expect_eq 'two copies are one device' "$(lanyard devices | grep -c "$serial")" 1
rm .local/share/lanyard/soft/a .local/share/lanyard/soft/zweite
wait_for 'lanyard devices | grep -q soft:default'
lanyard unlock --passphrase-file "$top/old"

# ---- The serial number ----
lanyard ssh add --save git@github.com >/dev/null
want=$(lanyard pubkey ssh://git@github.com)
lanyard soft remove -y default 2>/dev/null
printf '%s\n' "$words" >words
lanyard soft import --mnemonic-file words --no-encrypt moved >/dev/null 2>&1
rm words
new_serial=$(lanyard soft list | awk '{ print $2 }')
agent_stop || die "the agent: exit $agent_status"
sed -i "s/$serial/$new_serial/" .config/lanyard/lanyard.conf
echo 'wait-device = 0' >>.config/lanyard/lanyard.conf
agent_start
unset LANYARD_SOCK SSH_AUTH_SOCK
# What was recorded goes on meaning the old device.
expect_eq 'what is recorded is shown' "$(lanyard pubkey -k nist256p1 -i 7 ssh://git@github.com)" \
	"$(sed -n 2p "$top/plain.want")"
expect_fail 'the old device is meant' "$serial.* not connected" lanyard sign gpg://me@example.org 00
page 'lanyard key forget ssh://git@github.com'
tty_answer 'Forget' y
tty_status 0
page 'lanyard pubkey ssh://git@github.com'
tty_status 0
expect_match 'moved over' "$screen" "^$want\$"
expect_match 'recorded with the new device' "$(lanyard key list)" "ssh://git@github.com .*$new_serial"
expect_fail 'the old device has keys' "key forget" lanyard device forget -y "$serial"
lanyard key forget -y --all -d "$serial"
lanyard device forget -y "$serial"
! lanyard device list | grep -q "$serial" || die 'the old device is not forgotten'
expect_eq 'signed by the new device' "$(lanyard sign gpg://me@example.org 00)" \
	"$(sed -n 6p "$top/plain.want")"
