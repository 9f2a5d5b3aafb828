#!/bin/sh
# SPDX-License-Identifier: MIT
# `lanyard soft`: making, importing, listing, changing and removing software devices, on a real
# terminal where it asks. (What restores which key: test_backup.sh.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tty.sh
. "$(dirname "$0")/tty.sh"
home_new
cd "$home"
tty_start
soft=$HOME/.local/share/lanyard/soft
passphrase='Passphrase to encrypt it with:'
again='Passphrase to encrypt it with (again):'

# init asks twice, and again when the two differ; the words are shown once, the passphrases never.
tty_run 'lanyard soft init home'
tty_answer "$passphrase" 'first-try'
tty_answer "$again" 'secondtry'
tty_answer "$passphrase" "$PASSPHRASE"
tty_answer "$again" "$PASSPHRASE"
tty_status 0
expect_match 'the two differ' "$screen" 'the two differ'
expect_match 'made' "$screen" '^soft:home is made, serial [0-9a-f]\{16\}$'
# shellcheck disable=SC2046
set -- $(tty_words)
expect_eq 'words' $# 24
case $screen in
*first-try* | *secondtry* | *"$PASSPHRASE"*) die "a passphrase was echoed: $screen" ;;
esac
serial=$(lanyard soft list | awk '$1 == "home" { print $2 }')
expect_match 'the serial it said' "$screen" "serial $serial\$"
expect_eq 'mode of the file' "$(stat -c %a "$soft/home")" 600
expect_eq 'mode of its directory' "$(stat -c %a "$soft")" 700
expect_eq 'mode of the data directory' "$(stat -c %a "${soft%/*}")" 700
cp "$soft/home" home.before

# ^C at either question: no device, no words, and the terminal echoes again.
for at in "$passphrase" "$again"; do
	tty_run 'lanyard soft init gone'
	[ "$at" = "$passphrase" ] || tty_answer "$passphrase" "$PASSPHRASE"
	tty_prompt "$at"
	tty_key C-c
	tty_prompt '$'
	tty_type 'echo "status:" $?'
	tty_status 130
	expect_eq 'no words after ^C' "$(tty_words)" ''
	tty_run 'stty -a'
	tty_status 0
	expect_match 'echo after ^C' "$screen" '[; ]echo '
	expect_eq 'only the first device' "$(ls -A "$soft")" home
done
tty_run 'lanyard soft init gone'
tty_prompt "$passphrase"
tty_key C-d
tty_status 1
expect_match '^D' "$screen" 'canceled'
tty_run 'lanyard soft init gone'
tty_answer "$passphrase" ''
tty_answer "$again" ''
tty_status 1
expect_match 'empty passphrase' "$screen" 'an empty passphrase protects nothing'
expect_fail 'init without a terminal' 'no terminal to show' setsid -w lanyard soft init gone
tty_run 'lanyard soft init --words=13 gone'
tty_status 1
expect_match 'number of words' "$screen" 'words=13: 12, 18 or 24'
expect_eq 'nothing was made' "$(ls -A "$soft")" home
for words in 12 18; do
	tty_run "lanyard soft init --words=$words --passphrase-file passphrase w$words"
	tty_status 0
	# shellcheck disable=SC2046
	set -- $(tty_words)
	expect_eq "--words=$words" $# $words
	rm "$soft/w$words"
done

# A device that exists stays as it is, whatever would overwrite it.
expect_fail 'existing name' 'soft:home exists and stays as it is.*remove home' \
	lanyard soft import home --mnemonic-file words-a --passphrase-file passphrase
tty_run 'lanyard soft init home'
tty_status 1
expect_match 'init of an existing name' "$screen" 'soft:home exists'
cmp "$soft/home" home.before || die 'an existing device was changed'

# Words: how many, which, their checksum, how they may be written.
import() {
	lanyard soft import --mnemonic-file "$@" --passphrase-file passphrase
}
echo 'all all all all all all all all all all all' >eleven
expect_fail 'eleven words' '11 words; a mnemonic has 12, 15, 18, 21 or 24' import eleven x
echo 'all all all all all zzz all all all all all all' >unknown
expect_fail 'unknown word' 'word 6 is not in' import unknown x
! grep -q zzz stderr || die 'a word was repeated on the terminal'
echo 'all all all all all all all all all all all abandon' >checksum
expect_fail 'checksum' 'checksum is wrong' import checksum x
expect_fail 'no such file' 'nowhere' import nowhere x
expect_fail 'bad name' 'A-Z a-z 0-9' import words-a ../x
expect_fail 'bad name' 'A-Z a-z 0-9' import words-a .x
expect_fail 'the name twice' 'given twice' import words-a x --name y
expect_eq 'nothing was made' "$(ls -A "$soft")" home
printf '  ALL all All  all all all\tall all all all all all \r\nsecond line\n' >spelled
expect_ok 'spelling' import spelled spelled
expect_ok 'standard input' sh -c 'lanyard soft import --mnemonic-file - --passphrase-file passphrase \
	stdin <words-a'
tty_run 'lanyard soft import typed'
tty_answer 'BIP-39 words:' "$WORDS_A"
tty_answer "$passphrase" "$PASSPHRASE"
tty_answer "$again" "$PASSPHRASE"
tty_status 0
case $screen in *'all all'*) die "the words were echoed: $screen" ;; esac
echo 'TREZOR' >bip39
expect_ok 'BIP-39 passphrase' import words-a --bip39-passphrase-file bip39 hidden
printf 'caf\303\251\n' >bip39-utf8
expect_fail 'BIP-39 passphrase of other letters' 'ASCII' import words-a \
	--bip39-passphrase-file bip39-utf8 x

# The same words are the same keys, with a BIP-39 passphrase they are others.
agent_start
for name in spelled stdin typed hidden home; do
	lanyard unlock --passphrase-file passphrase soft:$name
	lanyard pubkey -d soft:$name ssh://a@b >key.$name
done
cmp key.spelled key.stdin || die 'spelling makes another key'
cmp key.spelled key.typed || die 'the terminal makes another key'
! cmp -s key.spelled key.hidden || die 'the BIP-39 passphrase makes no difference'
for name in spelled stdin typed hidden; do
	lanyard soft remove -y $name >/dev/null 2>&1
done

# Another passphrase, beside a running agent that has the device unlocked.
echo 'battery staple' >new
change() {
	lanyard soft change-passphrase home --passphrase-file "$1" --new-passphrase-file "$2"
}
expect_fail 'wrong old passphrase' 'wrong passphrase' change new passphrase
: >empty
expect_fail 'empty new passphrase' 'protects nothing' change passphrase empty
cmp "$soft/home" home.before || die 'a refused change changed the file'
expect_ok 'change' change passphrase new
expect_eq 'mode after the change' "$(stat -c %a "$soft/home")" 600
expect_eq 'serial after the change' "$(lanyard soft list | awk '$1 == "home" { print $2 }')" "$serial"
expect_eq 'unlocked all the while' "$(lanyard pubkey ssh://new@host | cut -d' ' -f1)" ssh-ed25519
lanyard lock
expect_fail 'the old one opens nothing' 'the passphrase in passphrase is wrong' \
	lanyard unlock --passphrase-file passphrase soft:home
expect_ok 'the new one does' lanyard unlock --passphrase-file new soft:home
expect_eq 'the same key' "$(lanyard pubkey -d soft:home ssh://a@b)" "$(cat key.home)"
# Locked, and asked on the terminal; the agent asks again, three times in all.
lanyard lock
tty_run "LANYARD_SOCK=$LANYARD_SOCK lanyard soft change-passphrase home"
tty_answer 'Passphrase:' 'battery staple'
tty_answer 'New passphrase:' "$PASSPHRASE"
tty_answer 'New passphrase (again):' "$PASSPHRASE"
tty_status 0
tty_run "LANYARD_SOCK=$LANYARD_SOCK lanyard unlock"
tty_answer 'Passphrase of soft:home:' 'battery staple'
tty_answer 'Passphrase of soft:home:' "$PASSPHRASE"
tty_status 0
case $screen in *staple* | *"$PASSPHRASE"*) die "a passphrase was echoed: $screen" ;; esac
expect_eq 'the same key still' "$(lanyard pubkey -d soft:home ssh://a@b)" "$(cat key.home)"

# Without encryption: said when it is made, in the list, at each unlock; encrypted when asked to be.
expect_ok '--no-encrypt' lanyard soft import open --mnemonic-file words-a --no-encrypt
expect_match 'said loudly' "$(cat stderr)" "WARNING: soft:open WILL NOT BE ENCRYPTED.*$soft/open"
expect_eq 'its mode' "$(stat -c %a "$soft/open")" 600
expect_match 'list' "$(lanyard soft list)" "^open  *[0-9a-f]\{16\}  NOT ENCRYPTED"
expect_match 'list' "$(lanyard soft list)" "^home  *$serial  encrypted "
expect_match 'list --json' "$(lanyard soft list --json)" \
	'"name": "open", "serial": "[0-9a-f]\{16\}", "encrypted": false, "created": [0-9]'
expect_match 'list --json' "$(lanyard soft list --json)" '"name": "home".*"encrypted": true'
wait_for 'lanyard devices | grep -q soft:open'
lanyard pubkey -d soft:open ssh://a@b >/dev/null
wait_for "grep -q 'soft:open IS NOT ENCRYPTED' agent.log"
expect_fail 'two minds' 'exclude each other' \
	lanyard soft import x --mnemonic-file words-a --no-encrypt --passphrase-file passphrase
expect_ok 'encrypt it' lanyard soft change-passphrase open --new-passphrase-file passphrase
expect_match 'encrypted now' "$(lanyard soft list)" "^open  *[0-9a-f]\{16\}  encrypted "

# Files that are not as they should be: named with the reason, and the others are there all the same.
chmod 640 "$soft/home"
expect_fail 'others can read it' "run .chmod 600 '$soft/home'" change passphrase new
status=0
list=$(lanyard soft list) || status=$?
expect_eq 'status of list' $status 1
expect_match 'list says what to type' "$list" "^home  *unusable: .*mode 0640.*chmod 600 '$soft/home'"
expect_match 'the others' "$list" '^open  *[0-9a-f]\{16\}  encrypted '
wait_for "grep -q 'soft device left out: .*mode 0640.*chmod 600' agent.log"
wait_for '! lanyard devices | grep -q soft:home'
eval "$(printf '%s\n' "$list" | sed -n 's/^home.*run `\(.*\)`$/\1/p')"
wait_for 'lanyard devices | grep -q soft:home'
expect_ok 'after typing that' lanyard unlock --passphrase-file passphrase soft:home
head -c 100 "$soft/home" >"$soft/cut"
echo 'something else' >"$soft/other"
ln -s home "$soft/link"
chmod 600 "$soft/cut" "$soft/other"
list=$(lanyard soft list) || status=$?
expect_match 'a file cut short' "$list" '^cut  *unusable: .*has 100 bytes, not 177'
expect_match 'another file' "$list" "^other  *unusable: .*not a software device's file"
expect_match 'a symbolic link' "$list" '^link  *unusable: .*symbolic link'
list=$(lanyard soft list --json) || status=$?
expect_match 'JSON' "$list" '"name": "cut", "error": "corrupt", "reason": ".*has 100 bytes'
rm "$soft/cut" "$soft/other" "$soft/link"
# One flipped bit: it cannot be told from a wrong passphrase, and opens nothing.
cp "$soft/home" home.before
byte=$(od -An -tu1 -j100 -N1 "$soft/home")
printf "\\$(printf %03o $((byte ^ 1)))" |
	dd of="$soft/home" bs=1 seek=100 conv=notrunc status=none
expect_fail 'a damaged byte' 'wrong passphrase, or the file is damaged' change passphrase new
cp home.before "$soft/home"
expect_ok 'mended' change passphrase new

# remove asks; only yes is yes.
expect_fail 'nobody to ask' 'run this in one, or give files' setsid -w lanyard soft change-passphrase home
expect_fail 'nobody to ask' '--yes answers yes' setsid -w lanyard soft remove home
tty_run 'lanyard soft remove home'
tty_answer 'Remove soft:home? [y/N]' n
tty_status 1
expect_match 'what it means' "$screen" 'Only its words bring the keys of soft:home back'
tty_run 'lanyard soft remove home'
tty_answer 'Remove soft:home? [y/N]' ''
tty_status 1
[ -e "$soft/home" ] || die 'removed without a yes'
tty_run 'lanyard soft remove home'
tty_answer 'Remove soft:home? [y/N]' y
tty_status 0
[ ! -e "$soft/home" ] || die 'not removed'
expect_fail 'remove again' 'there is no soft:home' lanyard soft remove -y home
expect_ok 'remove --yes' lanyard soft remove --yes open
expect_ok 'an empty list' lanyard soft list
expect_match 'says how to make one' "$(cat stderr)" 'lanyard soft init'
expect_eq 'an empty list as JSON' "$(lanyard soft list --json)" '[]'
expect_eq 'no file is left' "$(ls -A "$soft")" ''
