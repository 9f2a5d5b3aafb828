#!/bin/sh
# SPDX-License-Identifier: MIT
# `make install` puts there what it should, which works; `make uninstall` removes all of that and
# nothing else.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
tree=$(pwd)
BIN=$RELEASE
home_new
unset MAKEFLAGS MAKELEVEL

# The release programs as they were built, whatever has happened to their sources since.
run_make() {
	make -s -C "$tree" B="${RELEASE#"$tree/"}" -o all "$@"
}
files() {
	(cd "$1" && find . ! -type d -printf '%m %P\n' | LC_ALL=C sort -k 2)
}

# With a careful umask too, others can use what is installed.
cat >"$home/want" <<'EOF2'
755 bin/lanyard
755 bin/lanyard-agent
755 bin/lanyard-wg
755 lib/systemd/system-sleep/lanyard-wg
644 lib/systemd/system/lanyard-wg@.service
644 lib/systemd/system/wg-quick@.service.d/lanyard.conf
644 lib/systemd/user/lanyard-agent.service
644 lib/sysusers.d/lanyard.conf
644 lib/udev/rules.d/70-lanyard.rules
755 libexec/lanyard/lanyard-logind
644 share/bash-completion/completions/lanyard
644 share/bash-completion/completions/lanyard-agent
644 share/bash-completion/completions/lanyard-wg
644 share/fish/vendor_completions.d/lanyard-agent.fish
644 share/fish/vendor_completions.d/lanyard-wg.fish
644 share/fish/vendor_completions.d/lanyard.fish
644 share/man/man1/lanyard-agent.1
644 share/man/man1/lanyard.1
644 share/man/man5/lanyard.conf.5
644 share/man/man7/lanyard.7
644 share/man/man8/lanyard-wg.8
644 share/zsh/site-functions/_lanyard
644 share/zsh/site-functions/_lanyard-agent
644 share/zsh/site-functions/_lanyard-wg
EOF2
(umask 077 && run_make install DESTDIR="$home/dest")
# systemd-sleep does not look below /usr/local.
sleep=lib/systemd/system-sleep
mkdir -p "$home/dest/usr/local/$sleep"
expect_eq 'the sleep hook' "$(files "$home/dest/usr/$sleep")" '755 lanyard-wg'
mv "$home/dest/usr/$sleep/lanyard-wg" "$home/dest/usr/local/$sleep"
files "$home/dest/usr/local" >"$home/got"
diff "$home/want" "$home/got" || die 'what is installed below /usr/local'
expect_eq 'nothing elsewhere' "$(files "$home/dest" | wc -l)" "$(wc -l <"$home/want")"
mv "$home/dest/usr/local/$sleep/lanyard-wg" "$home/dest/usr/$sleep"
rm -r "${home:?}/dest/usr/local/$sleep"
expect_eq 'directories' "$(find "$home/dest/usr" -type d ! -perm 755)" ''
expect_eq 'the unit names the program where it will be' \
	"$(sed -n 's/^ExecStart=//p' "$home/dest/usr/local/lib/systemd/user/lanyard-agent.service")" \
	'/usr/local/bin/lanyard-agent --foreground'

# Another prefix, no DESTDIR: works in place.
prefix=$home/prefix
run_make install PREFIX="$prefix"
files "$prefix" | diff "$home/want" - || die 'what is installed below another prefix'
version=$(sed -n 's/^VERSION *:= *//p' "$tree/Makefile")
expect_eq 'version' "$("$prefix/bin/lanyard" --version)" "lanyard $version"
expect_eq 'version' "$("$prefix/bin/lanyard-agent" --version)" "lanyard-agent $version"
expect_eq 'version' "$("$prefix/bin/lanyard-wg" --version)" "lanyard-wg $version"
PATH=$prefix/bin:$PATH
unit=$prefix/lib/systemd/user/lanyard-agent.service
if command -v systemd-analyze >/dev/null; then
	expect_ok 'the unit' systemd-analyze --user --man=no verify "$unit"
	expect_eq 'the unit is understood' "$(cat "$home/stderr")" ''
fi
# What the unit runs becomes an agent, and ends well when told to.
$(sed -n 's/^ExecStart=//p' "$unit") >/dev/null 2>"$home/agent.log" &
agent_pid=$!
wait_for 'lanyard status >/dev/null 2>&1'
# The unit's process stays beside the daemon that it has started.
daemon=$(lanyard status | sed -n 's/^process *//p')
expect_eq 'the installed agent' "$(ps -o ppid= -p "$daemon" | tr -d ' ')" "$agent_pid"
expect_eq 'bash completion' "$(bash -c '. "$1"; compopt() { :; }; COMP_LINE="lanyard ssh a"
	COMP_POINT=13; _lanyard; echo "${COMPREPLY[*]}"' - "$prefix/share/bash-completion/completions/lanyard")" add
agent_stop || die "the installed agent: exit $agent_status"

# A file of somebody else's stays.
echo mine >"$prefix/bin/lanyard-mine"
chmod 644 "$prefix/bin/lanyard-mine"
run_make uninstall PREFIX="$prefix"
expect_eq 'after uninstall' "$(files "$prefix")" '644 bin/lanyard-mine'
run_make uninstall DESTDIR="$home/dest"
expect_eq 'after uninstall' "$(files "$home/dest")" ''
expect_eq 'folders of our own' "$(find "$home/dest" "$prefix" -name lanyard -o -name 'wg-quick@*')" ''
run_make uninstall DESTDIR="$home/dest" || die 'uninstall twice'
