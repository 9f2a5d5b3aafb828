#!/bin/sh
# SPDX-License-Identifier: MIT
# A full disk, a home that cannot be written, files that were cut or changed: a clear error, and
# what was there before is still there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
soft=$HOME/.local/share/lanyard/soft
printf 'another one\n' >"$home/new-passphrase"

# intact WHAT: the devices are as they were, and nothing half-written lies about.
intact() {
	expect_eq "$1: what is there" "$(ls -A "$soft")" a
	cmp -s "$soft/a" "$home/a" || die "$1: the file has changed"
}

lanyard soft import --name a --mnemonic-file "$home/words-a" --passphrase-file "$home/passphrase" 2>/dev/null
cp "$soft/a" "$home/a"

# ---- full: no file may grow ----
# full COMMAND...: its output and its status, in $out. (A pipe, for a file could not be written.)
full() {
	out=$( (
		ulimit -f 0
		status=0
		"$@" 2>&1 || status=$?
		echo "status $status"
	) | cat)
}
full lanyard soft import --name b --mnemonic-file "$home/words-b" --no-encrypt
expect_match 'import' "$out" "^lanyard: .*$soft/b: File too large"
expect_match 'import' "$out" '^status 1$'
intact 'import on a full disk'
full lanyard soft change-passphrase a --passphrase-file "$home/passphrase" \
	--new-passphrase-file "$home/new-passphrase"
expect_match 'change-passphrase' "$out" "^lanyard: .*$soft/a: File too large"
expect_match 'change-passphrase' "$out" '^status 1$'
intact 'change-passphrase on a full disk'
expect_fail 'an answer that cannot be written' 'No space left' sh -c 'lanyard soft list >/dev/full'
expect_fail 'help that cannot be written' 'No space left' sh -c 'lanyard help >/dev/full'

mkdir -p "$HOME/.config/lanyard"
printf '# mine\n' >"$HOME/.config/lanyard/lanyard.conf"
mkfifo "$home/log"
cat "$home/log" >"$home/agent.log" &
(
	ulimit -f 0
	exec lanyard-agent -D -s >"$home/log" 2>&1
) &
agent_pid=$!
wait_for "grep -q LANYARD_SOCK $home/agent.log"
eval "$(grep '^LANYARD_SOCK\|^SSH_AUTH' "$home/agent.log")" >/dev/null
lanyard unlock --passphrase-file "$home/passphrase"
expect_fail 'ssh add --save' "$HOME/.config/lanyard/lanyard.conf: .*File too large" \
	lanyard ssh add --save u@h
expect_eq 'the config' "$(cat "$HOME/.config/lanyard/lanyard.conf")" '# mine'
expect_eq 'beside the config' "$(ls -A "$HOME/.config/lanyard")" lanyard.conf
expect_ok 'keys work all the same' lanyard sign age://x 00
intact 'the agent on a full disk'
expect_fail 'an answer of the agent' 'No space left' sh -c 'lanyard pubkey ssh://u@h >/dev/full'
expect_fail 'an answer of the agent' 'No space left' sh -c 'lanyard devices >/dev/full'
expect_fail 'events with nobody to print for' 'No space left' sh -c '
	lanyard events >/dev/full 2>"$HOME/events" &
	while kill -0 $! 2>/dev/null; do lanyard sign age://x 00; done >&2
	cat "$HOME/events" >&2
	wait $!'
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"

# ---- standard streams that are closed, or full: no file, no socket gets their numbers ----
for closed in '<&-' '<&- 2>&-' '<&- >&- 2>&-'; do
	rm -f "$home/stderr"
	LOG=$home/stderr sh -c "lanyard-agent -- sh -c 'lanyard lock 2>\"\$LOG\"' $closed" 2>>"$home/stderr" ||
		die "an agent with $closed: $(cat "$home/stderr")"
	expect_eq "an agent with $closed" "$(grep lanyard "$home/stderr")" ''
done
expect_fail 'nothing to print to' 'standard output: Bad file' sh -c 'lanyard soft list >&-'
expect_fail 'nothing to print to' 'standard output: Bad file' sh -c 'lanyard-wg --version >&-'
for option in --help --version; do
	expect_fail "$option" 'standard output: No space' sh -c "lanyard-agent $option >/dev/full"
done
expect_fail 'the environment' 'standard output: No space' sh -c 'lanyard-agent >/dev/full'
expect_ok 'that agent' lanyard-agent -k

# ---- read-only: for root too, who is not stopped by a mode ----
mkdir "$home/programs"
install "$BIN/lanyard" "$BIN/lanyard-agent" "$home/programs"
[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$home"
as_user() {
	if [ "$(id -u)" -eq 0 ]; then
		PATH=$home/programs:$PATH setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}
chmod 500 "$soft"
expect_fail 'import' "$soft.*: Permission denied" as_user lanyard soft import --name b \
	--mnemonic-file "$home/words-b" --no-encrypt
expect_fail 'change-passphrase' "$soft.*: Permission denied" as_user lanyard soft change-passphrase a \
	--passphrase-file "$home/passphrase" --new-passphrase-file "$home/new-passphrase"
expect_fail 'remove' "$soft.*: Permission denied" as_user lanyard soft remove -y a
intact 'a read-only directory'
chmod 700 "$soft"
[ "$(id -u)" -ne 0 ] || chown -R 0:0 "$home"

# ---- cut and changed ----
lanyard soft import --name plain --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
mv "$soft/plain" "$home/plain"
size=$(wc -c <"$home/plain")
# flip FROM TO OFFSET: a copy with one bit changed
flip() {
	byte=$(od -An -v -tu1 -j "$3" -N 1 "$1" | tr -d ' ')
	cp "$1" "$2"
	# shellcheck disable=SC2059
	printf "$(printf '\\%03o' $((byte ^ 1 << $3 % 8)))" |
		dd of="$2" bs=1 seek="$3" conv=notrunc 2>/dev/null
}
# refused WHAT: the device cannot be used, says so, and stays as it is
refused() {
	cp "$soft/x" "$home/x"
	expect_fail "$1" '^lanyard: .*\(damaged\|/soft/x\)' lanyard soft change-passphrase x \
		--new-passphrase-file "$home/new-passphrase"
	cmp -s "$soft/x" "$home/x" || die "$1: the file has changed"
}
offset=0
while [ "$offset" -lt "$size" ]; do
	flip "$home/plain" "$soft/x" "$offset"
	refused "a bit of byte $offset"
	offset=$((offset + 1))
done
for length in 0 1 15 16 95 96 100 $((size - 1)); do
	head -c "$length" "$home/plain" >"$soft/x"
	refused "cut to $length bytes"
done
(cat "$home/plain" && echo) >"$soft/x"
refused 'a byte more'
cp "$home/plain" "$soft/x"
expect_ok 'the test itself: the file as it was' lanyard soft change-passphrase x \
	--new-passphrase-file "$home/new-passphrase"
rm "$soft/x"

# The agent: no key from such a file, never another key.
agent_start
wanted=$(lanyard unlock --passphrase-file "$home/passphrase" && lanyard pubkey ssh://u@h)
[ -n "$wanted" ] || die 'no key'
lanyard lock
for offset in 50 100 170; do
	flip "$home/a" "$home/changed" "$offset"
	cp "$home/changed" "$soft/a"
	expect_fail "unlock with a bit of byte $offset changed" 'wrong\|damaged' \
		lanyard unlock --passphrase-file "$home/passphrase"
	expect_fail 'no key of it' 'locked' lanyard sign age://x 00
	cmp -s "$soft/a" "$home/changed" || die "byte $offset: the file has changed"
done
head -c 100 "$home/a" >"$soft/a"
wait_for "grep -q 'left out: .*soft/a' $home/agent.log"
wait_for "! lanyard devices | grep -q soft:a"
cp "$home/a" "$soft/a"
wait_for "lanyard devices | grep -q soft:a"
lanyard unlock --passphrase-file "$home/passphrase"
expect_eq 'the key again' "$(lanyard pubkey ssh://u@h)" "$wanted"
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
