#!/bin/sh
# SPDX-License-Identifier: MIT
# Questions through pinentry, SSH_ASKPASS and loopback, with a pinentry that follows a script.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
home_new
conf=$home/.config/lanyard/lanyard.conf
me=$user@localhost

pinentry_new
for d in a b; do
	lanyard soft import --name $d --mnemonic-file "$home/words-$d" --passphrase-file "$home/passphrase" 2>/dev/null
done

# config LINE...: with two displays, so that there is a next place to try.
config() {
	mkdir -p "${conf%/*}"
	printf '%s\n' 'confirm = never' "pinentry = \"$home/pinentry\"" "$@" >"$conf"
}

# fresh [OPTION...]: an agent whose devices are locked.
fresh() {
	agent_stop || true
	DISPLAY=:77 LANYARD_CANARY=1 agent_start "$@"
}

# unknown: an identity that was not asked for yet, so that its device is needed.
number=0
unknown() {
	number=$((number + 1))
	identity=age://$number
}

# asked: how often a question was on the screen.
asked() {
	grep -c '^GETPIN' "$asks" || true
}

# on_screen: the process of the pinentry that asks, once it does.
on_screen() {
	wait_for "grep -q '^GETPIN' $asks"
	pinentry_pid=$(sed -n 's/^start //p' "$asks" | tail -n 1)
	alive "$pinentry_pid" || die 'the pinentry is not there'
}

config 'display = ":76"' 'device = "soft:a"'
fresh
lanyard unlock --passphrase-file "$home/passphrase"
lanyard ssh add --save "$me" >"$home/authorized_keys"
sshd_start "$home/authorized_keys"

# ---- a login asks, once ----

fresh -v
script "pin $PASSPHRASE"
ssh -F "$home/.ssh/config" "$me" true || die 'login through the prompt'
expect_eq 'one question' "$(asked)" 1
expect_match 'what for' "$(cat "$asks")" "^SETDESC Passphrase of soft:a%0Afor login with ssh://$me, "
expect_match 'the display of the config' "$(cat "$asks")" '^env DISPLAY=:76$'
expect_eq 'a clean environment' "$(grep -c CANARY "$asks")" 0
ssh -F "$home/.ssh/config" "$me" true || die 'second login'
expect_eq 'no more questions' "$(asked)" 1

fresh
script 'pin wrong' "split $PASSPHRASE"
ssh -F "$home/.ssh/config" "$me" true || die 'wrong, then right'
expect_eq 'two questions' "$(asked)" 2
expect_eq 'the second says why' "$(grep -c '^SETERROR Wrong passphrase' "$asks")" 1

fresh
script cancel
expect_fail 'canceled login' 'Permission denied' timeout 300 ssh -F "$home/.ssh/config" "$me" true
expect_match 'the reason is in the log' "$(cat "$home/agent.log")" 'ssh: client [0-9]*: Passphrase of soft:a: canceled'

# What a client chose to be shown cannot leave its line, nor look like another one.
printf x >"$home/letter"
lanyard pubkey "ssh://$me" >"$home/key.pub"
script cancel
ssh-keygen -Y sign -n "$(printf 'a"b%%0A%%\033[2J<b>\nSETDESC fake')" -f "$home/key.pub" "$home/letter" \
	>/dev/null 2>&1 && die 'signed though canceled'
expect_eq 'one description' "$(grep -c '^SETDESC' "$asks")" 1
expect_match 'it is escaped' "$(cat "$asks")" '^SETDESC .*a"b%250A%25\\x1b\[2J<b>\\x0aSETDESC fake'

# ---- pinentries that do not work: the next place is tried ----

for fault in fail early crash garbage longline silent; do
	fresh
	unknown
	script $fault "pin $PASSPHRASE"
	expect_ok "$fault, then the next place" lanyard pubkey "$identity"
	expect_match "$fault: the display at the start" "$(cat "$asks")" '^env DISPLAY=:77$'
	grep -q 'lanyard-agent: warning: .*pinentry on :76: ' "$home/agent.log" || die "$fault: not in the log"
done
fresh
unknown
script overlong
expect_fail 'an answer of 5000 bytes' 'Passphrase of soft:a: the message is longer' lanyard pubkey "$identity"
script fail fail
expect_fail 'no place left' 'nobody to ask: run `lanyard unlock` in a terminal' timeout 300 lanyard pubkey "$identity"

# Killed on the screen, at both places: not more than that.
script hang hang
lanyard pubkey "$identity" 2>"$home/stderr" &
client=$!
on_screen
kill -9 "$pinentry_pid"
wait_for "test \$(grep -c ^GETPIN $asks) -eq 2"
on_screen
kill -9 "$pinentry_pid"
wait $client && die 'a killed pinentry answered'
expect_match 'killed' "$(cat "$home/stderr")" 'nobody to ask'

# Nothing there at all: said within a second.
agent_stop
config 'device = "soft:a"'
agent_start
expect_fail 'no display, no terminal' 'nobody to ask: run `lanyard unlock` in a terminal' lanyard pubkey "$identity"
expect_eq 'nobody was asked' "$(asked)" 2
printf 'pinentry = "/nonexistent/pinentry"\ndevice = "soft:a"\n' >"$conf"
fresh
expect_match 'a missing pinentry is told' "$(cat "$home/agent.log")" '/nonexistent/pinentry: no such program'
expect_fail 'pinentry missing' 'nobody to ask' timeout 300 lanyard pubkey "$identity"
echo 'pinentry = "p"' >"$home/bad.conf"
expect_fail 'a relative pinentry' 'bad.conf:1: pinentry is "p"; allowed: .*absolute' \
	lanyard-agent -D --socket-dir "$home/run/bad" --config "$home/bad.conf"

# The agent itself, which learns the keys of its config, asks nobody.
config 'log = debug' 'device = "soft:a"' 'key "ssh://new@host" { }'
script
fresh
wait_for "grep -q 'config key ssh://new@host: .*locked' $home/agent.log"
expect_eq 'no question at the start' "$(asked)" 0

# ---- who leaves takes the question along ----

config 'device = "soft:a"'
fresh -v -v
for kind in hang deaf; do
	unknown
	script $kind
	lanyard pubkey "$identity" 2>/dev/null &
	client=$!
	on_screen
	kill $client
	wait_for "! alive $pinentry_pid"
	wait $client 2>/dev/null || true
done
script "pin $PASSPHRASE"
expect_ok 'the next question works' lanyard pubkey "$identity"

# Several who need one device: one question, one answer for all.
# herd: three clients that wait for soft:a.
herd() {
	waiting=$(grep -c 'waits for soft:a to be unlocked' "$home/agent.log" || true)
	herd=
	for i in 1 2 3; do
		unknown
		lanyard pubkey "$identity" >"$home/herd.$i" 2>&1 &
		herd="$herd $!"
		wait_for "test \$(grep -c 'waits for soft:a to be unlocked' $home/agent.log) -eq $((waiting + i))"
	done
	on_screen
}
fresh -v -v
script cancel cancel cancel
script "when $home/go" cancel cancel
herd
rm -f "$home/go"
first=${herd# }
first=${first%% *}
# The first one, whose question it was, leaves: it is asked again, for the next one.
printf '%s\n' "when $home/go $PASSPHRASE" cancel >"$home/script"
kill "$first"
wait "$first" 2>/dev/null || true
wait_for "test \$(grep -c ^GETPIN $asks) -eq 2"
touch "$home/go"
for pid in ${herd#* $first}; do
	wait "$pid" || die "one of the herd: $(cat "$home"/herd.*)"
done
expect_eq 'one question for all' "$(asked)" 2
rm -f "$home/go"

fresh -v -v
script "when $home/go wrong" cancel 'pin not asked'
herd
touch "$home/go"
for pid in $herd; do
	wait "$pid" && die 'a canceled question unlocked'
done
expect_match 'all hear of it' "$(cat "$home"/herd.1 "$home"/herd.2 "$home"/herd.3 | grep -c canceled)" 3
expect_eq 'and nobody is asked again' "$(asked)" 2
rm -f "$home/go"

# Two devices: one question on the screen at a time.
fresh
script "when $home/go $PASSPHRASE" "pin $PASSPHRASE"
unknown
lanyard pubkey -d soft:a "$identity" >/dev/null 2>&1 &
client=$!
on_screen
lanyard pubkey -d soft:b "$identity" >/dev/null 2>&1 &
other=$!
wait_for "lanyard devices | grep -q soft:b"
expect_eq 'one at a time' "$(grep -c ^start "$asks")" 1
touch "$home/go"
wait $client || die 'first of two devices'
wait $other || die 'second of two devices'
expect_eq 'in turn' "$(grep '^start\|^end' "$asks" | sed 's/ .*//' | tr '\n' ' ')" 'start end start end '
rm -f "$home/go"

# ---- nothing secret is to be seen while it asks ----

fresh -v -v
unknown
script 'pin sesame-0123456789' hang
lanyard pubkey "$identity" >/dev/null 2>&1 &
client=$!
wait_for "test \$(grep -c ^GETPIN $asks) -eq 2"
echo sesame-0123456789 >"$home/needle"
grep -l -F -f "$home/needle" /proc/[0-9]*/cmdline /proc/[0-9]*/environ "$home/agent.log" "$asks" \
	>"$home/leaks" 2>/dev/null || true
[ ! -s "$home/leaks" ] || die "the passphrase is in $(cat "$home/leaks")"

# ---- the launcher, the lock, the end ----

on_screen
launcher=$(ps -o ppid= -p "$pinentry_pid" | tr -d ' ')
expect_eq 'the launcher is of our keeper' "$(ps -o ppid= -p "$launcher" | tr -d ' ')" "$agent_pid"
expect_eq 'the launcher is not to be traced' "$(stat -c %U "/proc/$launcher/mem")" root
kill -9 "$launcher"
wait $client && die 'a killed launcher answered'
wait_for "! alive $pinentry_pid"
expect_match 'a dead launcher refuses' "$(cat "$home/agent.log")" 'refused'
script "pin $PASSPHRASE"
expect_ok 'a new launcher' lanyard pubkey "$identity"

fresh
unknown
script hang
lanyard pubkey "$identity" 2>"$home/stderr" &
client=$!
on_screen
expect_ok 'lock while it asks' lanyard lock soft:a
wait $client && die 'unlocked by lock'
expect_match 'lock ends the question' "$(cat "$home/stderr")" 'locked'
wait_for "! alive $pinentry_pid"
script "pin $PASSPHRASE"
expect_fail 'what was locked stays locked' 'locked' lanyard pubkey "$identity"
expect_eq 'without a question' "$(asked)" 0
expect_ok 'unlock' lanyard unlock --passphrase-file "$home/passphrase" soft:a
expect_ok 'and works' lanyard pubkey "$identity"

fresh
unknown
script hang
lanyard pubkey "$identity" 2>/dev/null &
client=$!
on_screen
agent_stop || die "exit $agent_status while it asks"
wait_for "! alive $pinentry_pid"
wait $client && die 'success from an agent that ended'

fresh
script hang
lanyard pubkey "$identity" 2>/dev/null &
client=$!
on_screen
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null || true
agent_pid=
wait_for "! alive $LANYARD_AGENT_PID"
wait_for "! alive $pinentry_pid"
[ ! -e "$LANYARD_SOCK" ] && [ ! -e "$SSH_AUTH_SOCK" ] || die 'a killed keeper left sockets'
wait $client 2>/dev/null || true

# ---- SSH_ASKPASS, where there is no pinentry ----

cat >"$home/askpass" <<EOF2
#!/bin/sh
printf '%s|' "\$@" "\${DISPLAY:-none}" "\${LANYARD_CANARY:-none}" >>"$asks"
echo >>"$asks"
read -r line <"$home/script"
sed 1d "$home/script" >"$home/script.rest"
mv "$home/script.rest" "$home/script"
[ "\$line" != cancel ] || exit 1
printf '%s\n' "\$line"
EOF2
chmod 755 "$home/askpass"
printf 'device = "soft:a"\n' >"$conf"
mkdir "$home/few" "$home/wrap"
for program in cat sed mv; do
	ln -s "$(command -v $program)" "$home/few/$program"
done
printf '#!/bin/sh\nPATH=%s exec "%s/lanyard-agent" "$@"\n' "$home/few" "$BIN" >"$home/wrap/lanyard-agent"
chmod 755 "$home/wrap/lanyard-agent"
path=$PATH
PATH=$home/wrap:$PATH
askpass_agent() {
	agent_stop || true
	SSH_ASKPASS=$home/askpass DISPLAY=:77 LANYARD_CANARY=1 agent_start
}
askpass_agent
unknown
script wrong "$PASSPHRASE"
expect_ok 'askpass' lanyard pubkey "$identity"
expect_eq 'its arguments' "$(tr '\n' ' ' <"$asks" | sed 's/Asked for by what says it is lanyard ([0-9]*)[^|]*/WHO/g')" \
	"lanyard: Passphrase of soft:a for $identity WHO|:77|none| \
lanyard: That was wrong. Passphrase of soft:a for $identity WHO|:77|none| "
askpass_agent
unknown
script cancel
expect_fail 'askpass canceled' 'canceled' lanyard pubkey "$identity"

PATH=$path

# ---- loopback ----

config 'device = "soft:a"'
fresh
expect_match 'loopback is off' "$(line 'OPTION pinentry-mode=loopback')" '^ERR [0-9]* not-allowed: .*allow-loopback'
config 'device = "soft:a"' 'allow-loopback = true'
fresh
script cancel
expect_match 'who did not ask for it' "$(line 'PUBKEY age://loop' BYE)" '^ERR [0-9]* canceled'
expect_match 'any other mode' "$(line 'OPTION pinentry-mode=x')" '^ERR [0-9]* invalid: .*ask, loopback'
script
out=$(line 'OPTION pinentry-mode=loopback' 'SIGN age://loop' 'D hello' END "D $PASSPHRASE" END BYE)
expect_match 'signed' "$out" '^D '
expect_match 'after an inquiry' "$out" '^INQUIRE PASSPHRASE Passphrase of soft:a$'
expect_eq 'same signature as without' "$(printf '%s\n' "$out" | grep '^D ')" \
	"$(line 'SIGN age://loop' 'D hello' END BYE | grep '^D ')"
fresh
out=$(line 'OPTION pinentry-mode=loopback' 'PUBKEY age://loop2' 'D wrong' END BYE)
expect_match 'one wrong answer' "$out" '^ERR [0-9]* bad-passphrase'
script cancel
out=$(line 'OPTION pinentry-mode=loopback' 'PUBKEY age://loop2' BYE)
expect_match 'then a person is asked' "$out" '^ERR [0-9]* canceled'
expect_eq 'in a prompt' "$(asked)" 1
script 'pin wrong' "pin $PASSPHRASE"
expect_match 'who answers' "$(line 'OPTION pinentry-mode=loopback' 'PUBKEY age://loop2' BYE)" '^D '
out=$(line 'OPTION pinentry-mode=loopback' 'PUBKEY --device=soft:b age://loop3' "D $PASSPHRASE" END BYE)
expect_match 'then loopback is back' "$out" '^INQUIRE PASSPHRASE Passphrase of soft:b$'
expect_match 'and works' "$out" '^D '
fresh
line 'OPTION pinentry-mode=loopback' 'PUBKEY age://loop4' 'D wrong' END BYE >/dev/null
expect_ok 'lanyard unlock' lanyard unlock --passphrase-file "$home/passphrase" soft:b
out=$(line 'OPTION pinentry-mode=loopback' 'PUBKEY age://loop4' "D $PASSPHRASE" END BYE)
expect_match 'allows it again too' "$out" '^D '
agent_stop || die "exit $agent_status: $(cat "$home/agent.log")"
