#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion of bash, zsh and fish: in step with `lanyard help`, and at work in the shells.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tty.sh
. "$(dirname "$0")/tty.sh"
files=$(pwd)/agent/dist/completion
home_new
cd "$home"

# What the programs' own tables say. A noun without verbs is a command itself.
lanyard help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort -u >nouns
while read -r noun; do
	lanyard help "$noun" | sed -n "s/^  $noun \([a-z][a-z-]*\) .*/\1/p; s/^  $noun \([a-z][a-z-]*\)\$/\1/p" |
		sort -u >"verbs.$noun"
	[ -s "verbs.$noun" ] || echo "$noun"
	sed "s/^/$noun /" "verbs.$noun"
done <nouns >commands
[ "$(wc -l <commands)" -ge 16 ] || die "found only these commands: $(cat commands)"
options_of() {
	# shellcheck disable=SC2086 # noun and verb
	lanyard help $1 | sed -n 's/^  *\(-[a-zA-Z], \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' | sort -u
}
while read -r command; do
	options_of "$command"
done <commands | sort -u >options

# in_bash, in_fish LINE: what the shell offers at the end of it, a line each. Both say nothing else.
cat >bash.sh <<'EOS'
source "$1"
compopt() { :; }
COMP_LINE=$2 COMP_POINT=${#2}
read -ra COMP_WORDS <<<"$2"
COMP_CWORD=${#COMP_WORDS[@]}
_lanyard
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
EOS
in_bash() {
	bash bash.sh "$files/lanyard.bash" "$1" 2>bash.stderr
	[ ! -s bash.stderr ] || die "bash: $1: $(cat bash.stderr)"
}
in_fish() {
	fish --no-config -c "source '$files/lanyard.fish'; complete -C \$argv[1]" "$1" 2>fish.stderr |
		cut -f1
	[ ! -s fish.stderr ] || die "fish: $1: $(cat fish.stderr)"
}

# No agent runs: words, and quietly nothing where its lists would be.
unset LANYARD_SOCK
for in in in_bash in_fish; do
	$in 'lanyard ' | sort >got
	cmp nouns got || die "$in: nouns: $(cat got)"
	$in 'lanyard help ' | sort >got
	cmp nouns got || die "$in: help: $(cat got)"
	while read -r noun; do
		[ -s "verbs.$noun" ] || continue
		$in "lanyard $noun " | sort >got
		cmp "verbs.$noun" got || die "$in: verbs of $noun: $(cat got)"
		$in "lanyard help $noun " | sort >got
		cmp "verbs.$noun" got || die "$in: help $noun: $(cat got)"
	done <nouns
	while read -r command; do
		$in "lanyard $command --" | sed 's/=$//' | sort >got
		options_of "$command" >want
		cmp want got || die "$in: options of $command: $(diff want got)"
	done <commands
	for line in 'lanyard -d ' 'lanyard pubkey ' 'lanyard ssh rm ' 'lanyard soft remove '; do
		expect_eq "$in: $line without an agent" "$($in "$line" | grep -vxFf nouns || true)" ''
	done
	expect_eq "$in: classes" "$($in 'lanyard lock ' |
		grep -x 'all\|auth\|decrypt\|sign' | sort | tr '\n' ' ')" \
		'all auth decrypt sign '
	expect_eq "$in: a value" "$($in 'lanyard ssh add --curve n')" nist256p1
	expect_match "$in: a value after =" "$($in 'lanyard soft init --words=1' | tr '\n' ' ')" '12 .*18 $'
	expect_match "$in: a file" "$($in "lanyard unlock --passphrase-file $home/passphr")" \
		"$home/passphrase\$"
	expect_eq "$in: an option before the verb" "$($in 'lanyard ssh -d x a')" add
	expect_eq "$in: after --" "$($in 'lanyard ssh connect x -- --sa')" ''
done
# zsh completes on a terminal only (below): here its words.
while read -r noun; do
	grep -q "^.*['\"]$noun:" "$files/_lanyard" || die "zsh: no noun $noun"
	while read -r verb; do
		grep -q "['\"]$verb:" "$files/_lanyard" || die "zsh: no verb $noun $verb"
	done <"verbs.$noun"
done <nouns
grep -o -- '--[a-z][a-z0-9-]*' "$files/_lanyard" | sort -u >got
cmp options got || die "zsh: options: $(diff options got)"

# With an agent: its devices and identities. A name is text: nothing in it is run.
lanyard soft import b --mnemonic-file words-b --no-encrypt 2>/dev/null
agent_start
lanyard ssh add git@github.com >/dev/null
# shellcheck disable=SC2016
evil='ssh://$(touch${IFS}pwned)@evil.example'
lanyard ssh add "$evil" >/dev/null
for in in in_bash in_fish; do
	expect_match "$in: a device" "$($in 'lanyard unlock ')" '^soft:b$'
	expect_match "$in: -d" "$($in 'lanyard ssh add -d so')" '^soft:b$'
	expect_eq "$in: soft names" "$($in 'lanyard soft remove ')" b
	expect_match "$in: an identity" "$($in 'lanyard pubkey ')" '^ssh://git@github\.com$'
	expect_match "$in: short, for ssh" "$($in 'lanyard ssh rm g')" '^git@github\.com$'
	expect_match "$in: a recorded key" "$($in 'lanyard key forget ')" '^ssh://git@github\.com$'
	expect_match "$in: a recorded device" "$($in 'lanyard device forget ')" '^soft:b$'
done
[ ! -e pwned ] || die 'a name was run by completion'
# bash has "@", ":" and "=" end a word, and replaces only what stands after them.
expect_eq 'bash: after :' "$(in_bash 'lanyard unlock soft:')" b
expect_eq 'bash: after =' "$(in_bash 'lanyard ssh add --device=so')" soft:b
expect_eq 'bash: after @' "$(in_bash 'lanyard ssh rm git@g')" @github.com
expect_eq 'bash: only harmless names' "$(in_bash 'lanyard ssh rm ')" git@github.com

# In the shells, with the TAB key.
mkdir zsh
cp "$files/_lanyard" zsh
tty_start
tab() {
	tty_key C-u
	tty send-keys -l -- "$1"
	tty_key Tab
	wait_for "tty_screen | grep -qF -- '$2'"
}
start() {
	tty_type "exec env LANYARD_SOCK=$LANYARD_SOCK PS1='$1> ' $2"
	tty_type "$3; clear; echo $1 \"ready\""
	wait_for "tty_screen | grep -q '^$1 ready'"
	tty clear-history
	tab 'lanyard ssh a' 'lanyard ssh add'
	tab 'lanyard soft ch' 'lanyard soft change-passphrase'
	tab 'lanyard unlock so' 'lanyard unlock soft:b'
	tab 'lanyard lock soft:' 'lanyard lock soft:b'
	tab 'lanyard ssh connect git@g' 'lanyard ssh connect git@github.com'
	tab 'lanyard pubkey ssh://gi' 'lanyard pubkey ssh://git@github.com'
	tab 'lanyard ssh rm ssh://gi' 'lanyard ssh rm ssh://git@github.com'
	tab 'lanyard pubkey --device=so' 'lanyard pubkey --device=soft:b'
	tty_key C-u
}
start bash 'bash --norc --noprofile' "source '$files/lanyard.bash'"
start zsh 'zsh -f' 'fpath=(./zsh $fpath); autoload -Uz compinit; compinit -u -D'
start fish 'fish --no-config' "source '$files/lanyard.fish'"
[ ! -e pwned ] || die 'a name was run by completion'
