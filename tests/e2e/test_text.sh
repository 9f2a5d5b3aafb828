#!/bin/sh
# SPDX-License-Identifier: MIT
# Text from outside through every sink: the log, what `lanyard` prints, its JSON, WATCH, a child's
# arguments. Nothing that a terminal or a parser would act on arrives as it was.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new

# ESC and BEL, CR and LF, markup, quotes, C1 as UTF-8 and as a byte, a bidirectional override.
evil=$(printf '\033]0;x\007\033[31m\r\nINJECTED %%0A<b>"\047`$(id)\302\233\342\200\256\342\201\246\233\377_')

# clean WHAT FILE: text, one that shows what is there.
clean() {
	[ -s "$2" ] || die "$1: nothing was said"
	iconv -f UTF-8 -t UTF-8 "$2" >/dev/null 2>&1 || die "$1: not UTF-8: $(cat -v "$2")"
	! LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]' \
		"$2" || die "$1: raw control characters: $(cat -v "$2")"
	! grep -q '^INJECTED' "$2" || die "$1: a line of its own: $(cat -v "$2")"
}

# says WHAT COMMAND...: it fails, and what it prints is clean.
says() {
	says_what=$1
	shift
	! "$@" >"$home/said" 2>&1 </dev/null || die "$says_what: succeeded"
	! grep -q 'Sanitizer\|runtime error' "$home/said" || die "$says_what: $(cat "$home/said")"
	clean "$says_what" "$home/said"
}

# The test itself would notice.
printf 'a\033[31mb\n' >"$home/said"
! (clean 'the test' "$home/said") 2>/dev/null || die 'ESC would pass'
printf 'a\nINJECTED\n' >"$home/said"
! (clean 'the test' "$home/said") 2>/dev/null || die 'LF would pass'
printf 'a\342\200\256b\n' >"$home/said"
! (clean 'the test' "$home/said") 2>/dev/null || die 'a bidirectional override would pass'

# ---- what is typed and refused ----
lanyard soft import --name a --mnemonic-file "$home/words-a" --no-encrypt 2>/dev/null
: >"$HOME/.local/share/lanyard/soft/$evil" # a file that is no device: said in the log
agent_start -v
printf 'WATCH\n' | socat -t 1000 - "UNIX-CONNECT:$LANYARD_SOCK" >"$home/watch" &
wait_for "grep -q WATCHING $home/watch"

says 'noun' lanyard "$evil"
says 'verb' lanyard ssh "$evil"
says 'option' lanyard devices "--$evil"
says 'help' lanyard help "$evil"
says 'identity' lanyard pubkey "ssh://$evil"
says 'scheme' lanyard pubkey "$evil"
says 'curve' lanyard pubkey -k "$evil" ssh://u@h
says 'index' lanyard pubkey -i "$evil" ssh://u@h
says 'device' lanyard pubkey -d "$evil" ssh://u@h
says 'device to lock' lanyard lock "$evil"
says 'data' lanyard sign age://x "$evil"
says 'file' lanyard sign --file "$home/$evil" age://x
says 'visual' lanyard sign --visual "$evil" ssh://u@h 00
says 'socket directory' lanyard --socket-dir "/$evil" devices
says 'ssh add' lanyard ssh add "$evil"
says 'ssh rm' lanyard ssh rm "u@$evil"
says 'ssh connect' lanyard ssh connect "u@$evil"
says 'soft name' lanyard soft remove "$evil"
says 'soft file' lanyard soft import --name b --mnemonic-file "$home/$evil"
says 'agent: option' lanyard-agent "--$evil"
says 'agent: operand' lanyard-agent "$evil"
says 'agent: config' lanyard-agent -D --socket-dir "$home/other" --config "/$evil"
says 'agent: directory' lanyard-agent -D --socket-dir "/proc/$evil"
printf 'log = "%s"\n' "$evil" >"$home/evil.conf"
says 'config value' lanyard-agent -D --socket-dir "$home/other" --config "$home/evil.conf"
printf '%s = 1\n' "$evil" >"$home/evil.conf"
says 'config name' lanyard-agent -D --socket-dir "$home/other" --config "$home/evil.conf"
printf 'key "ssh://%s" {}\n' "$evil" >"$home/evil.conf"
says 'config key' lanyard-agent -D --socket-dir "$home/other" --config "$home/evil.conf"
words='abandon\033[31m abandon'
printf "$words\n" >"$home/evil-words"
says 'words' lanyard soft import --name b --mnemonic-file "$home/evil-words" --no-encrypt

# ---- what clients send ----
encoded=$(printf %s "$evil" | od -An -v -tx1 | tr -d '\n' | sed 's/ /%/g')
for command in "$encoded" "PUBKEY $encoded" "PUBKEY ssh://$encoded" "PUBKEY --curve=$encoded ssh://h" \
	"DEVICE $encoded" "DEVICE 0 $encoded" "LOCK $encoded" "OPTION $encoded" "HELLO $encoded" \
	"PUBKEY --$encoded ssh://h" "SIGN --visual=$encoded ssh://h"; do
	line "$command" >"$home/said"
	grep -q '^ERR ' "$home/said" || die "$command: $(cat "$home/said")"
	clean "$command" "$home/said"
done

# Bytes of ssh messages: u32 N, string FILE, text STRING, frame FILE.
u32() { printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) \
	$(($1 >> 8 & 255)) $(($1 & 255)))"; }
string() { u32 "$(wc -c <"$1")" && cat "$1"; }
text() { printf %s "$1" >"$home/text" && string "$home/text"; }
send() { string "$1" | socat -t 30 - "UNIX-CONNECT:$SSH_AUTH_SOCK" | od -An -v -tx1 | tr -d ' \n'; }
# login USER SERVICE; sshsig NAMESPACE; sign FILE: the answer's type
login() {
	text session && printf '\062' && text "$1" && text "$2" && text publickey && printf '\001' &&
		text ssh-ed25519 && string "$home/blob"
}
sshsig() { printf SSHSIG && text "$1" && text '' && text sha256 && text "$(printf '%032d' 0)"; }
sign() {
	(printf '\015' && string "$home/blob" && string "$1" && u32 0) >"$home/request"
	send "$home/request" | cut -c9-10
}
lanyard ssh add h | cut -d' ' -f2 | base64 -d >"$home/blob"
login "$evil" ssh-connection >"$home/login"
expect_eq 'a login' "$(sign "$home/login")" 0e
sshsig "$evil" >"$home/sshsig"
expect_eq 'an SSHSIG' "$(sign "$home/sshsig")" 0e
login u "$evil" >"$home/service"
expect_eq 'a login for a strange service' "$(sign "$home/service")" 05
(printf '\033' && text "$evil") >"$home/extension"
expect_match 'an extension' "$(send "$home/extension")" '^0000000105'
agents=$(grep -c '\\x1b' "$home/agent.log")
[ "$agents" -ge 5 ] || die "$agents lines of the log show an escape, not 5: $(cat "$home/agent.log")"
clean 'the log' "$home/agent.log"

# WATCH: what was signed is told in one line, each word encoded.
wait_for "test \$(grep -c 'EVENT key-used' $home/watch) -ge 3"
clean 'WATCH' "$home/watch"
expect_eq 'words of an event' "$(grep 'key-used' "$home/watch" | awk 'NF != 16' | wc -l)" 0
expect_match 'the user' "$(cat "$home/watch")" 'user%20\\x1b]0;x\\x07'
expect_match 'the namespace' "$(cat "$home/watch")" 'namespace%20\\x1b]0;x\\x07'

# ---- arguments of children ----
mkdir "$home/bin"
cat >"$home/bin/ssh" <<'END'
#!/bin/sh
printf '%s\n' "$@" >"$HOME/argv"
END
chmod +x "$home/bin/ssh"
PATH=$home/bin:$PATH lanyard ssh connect u@h -- "-oProxyCommand=$evil"
expect_match 'operands come after --' "$(tr '\n' '|' <"$home/argv")" '|--|u@h|-oProxyCommand='
rm "$home/argv"
for what in -oProxyCommand=id u@-oProxyCommand=id -l@h ssh://-v@h; do
	says "ssh connect $what" env "PATH=$home/bin:$PATH" lanyard ssh connect -- "$what"
	[ ! -e "$home/argv" ] || die "ssh was started with $(cat "$home/argv")"
done
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"

# ---- an agent that lies ----
# fake LINE...: answers the next client with these.
fake() {
	fakes=$((${fakes:-0} + 1)) # each with its own socket: the one before may still go
	fake=$home/fake-$fakes
	printf '%s\n' 'OK fake' "$@" OK >"$fake"
	socat "UNIX-LISTEN:$fake.sock" "SYSTEM:cat $fake; cat >/dev/null" 2>/dev/null &
	wait_for "listens $fake.sock"
}
# shows WHAT COMMAND...: whatever its status, what it prints is clean.
shows() {
	shows_what=$1
	shift
	LANYARD_SOCK=$fake.sock "$@" >"$home/said" 2>&1 </dev/null || true
	! grep -q 'Sanitizer\|runtime error' "$home/said" || die "$shows_what: $(cat "$home/said")"
	clean "$shows_what" "$home/said"
}
for json in '' --json; do
	fake "S DEVICE 0 $encoded soft $encoded $encoded $encoded"
	# shellcheck disable=SC2086
	shows "devices $json" lanyard devices $json
	fake "S VERSION $encoded" "S SOCKET $encoded" "S $encoded $encoded"
	# shellcheck disable=SC2086
	shows "status $json" lanyard -v status $json
done
fake "D $encoded"
shows 'a public key' lanyard pubkey ssh://u@h
fake "ERR 536870919 $encoded: $(printf '\033[31m')"
shows 'an error' lanyard pubkey ssh://u@h
fake "S CANDIDATE 0 $encoded $encoded" 'ERR 1 ambiguous: several'
shows 'candidates' lanyard pubkey ssh://u@h
fake "S NEAR $encoded" 'D x'
shows 'a near identity' lanyard pubkey ssh://u@h
fake "INQUIRE PASSPHRASE $encoded"
shows 'a question' setsid lanyard unlock
fake "INQUIRE $encoded $encoded"
shows 'an unknown question' lanyard unlock
fake "$(printf '\033[31m')"
shows 'no line of the protocol' lanyard unlock
