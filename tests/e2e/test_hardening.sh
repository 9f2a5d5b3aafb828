#!/bin/sh
# SPDX-License-Identifier: MIT
# Reads the hardening flags back from the release binaries, and checks that two builds are identical.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
tree=$(pwd)
BIN=$RELEASE
home_new

for program in lanyard-agent lanyard lanyard-wg lanyard-logind; do
	elf=$RELEASE/$program
	headers=$(readelf -W -l -h -d -n "$elf")
	symbols=$(readelf -W --dyn-syms "$elf")
	expect_match "$program: PIE" "$headers" 'Type: *DYN'
	expect_match "$program: PIE flag" "$headers" 'FLAGS_1.*PIE'
	expect_match "$program: relro" "$headers" 'GNU_RELRO'
	expect_match "$program: bind now" "$headers" 'BIND_NOW\|FLAGS_1.*NOW'
	expect_match "$program: stack is not executable" "$headers" 'GNU_STACK.* RW  *0x'
	expect_match "$program: stack protector" "$symbols" '__stack_chk_fail'
	expect_match "$program: fortified" "$symbols" '_chk'
	case $(uname -m) in
	# The note that says so is lost, for Debian's own crt1.o lacks it: look at the code.
	x86_64) expect_match "$program: control-flow protection" \
		"$(objdump -d --no-show-raw-insn "$elf" | grep -A1 '<main>:')" 'endbr64' ;;
	esac
	[ $program = lanyard-logind ] || ! printf '%s' "$headers" | grep -qE 'NEEDED.*(dbus|glib|systemd)' ||
		die "$program links something that starts threads or D-Bus"
	! grep -q LANYARD_TEST "$elf" || die "$program has what is for tests alone"
done

# Automatic variables start as zero: the flag is in the debug information of every object of ours.
expect_match 'zero-initialised autos' "$(readelf --debug-dump=info "$RELEASE/agent/server.o" 2>/dev/null |
	grep -m 1 DW_AT_producer)" 'ftrivial-auto-var-init=zero'

# The running daemon: no core, not traceable, locked memory.
agent_start
pid=$LANYARD_AGENT_PID
expect_match 'no core dumps' "$(cat "/proc/$pid/limits")" 'Max core file size *0 *0'
expect_eq 'not dumpable: /proc belongs to root' "$(stat -c %U "/proc/$pid/mem")" root
locked=$(awk '/^VmLck/ { print $2 }' "/proc/$pid/status")
[ "$locked" -gt 0 ] || die 'no memory is locked'

# Two builds of one tree, in two places, are the same bytes.
if [ -z "${LANYARD_NO_REBUILD:-}" ]; then
	mkdir "$home/one"
	(cd "$tree" && tar cf - --exclude build --exclude .git .) | tar xf - -C "$home/one"
	cp -a "$home/one" "$home/two-longer"
	for copy in one two-longer; do
		make -s -j2 -C "$home/$copy" MODE=release >/dev/null
	done
	for program in lanyard-agent lanyard lanyard-wg lanyard-logind; do
		cmp "$home/one/build/release/$program" "$home/two-longer/build/release/$program" ||
			die "$program differs between two builds"
	done
fi
