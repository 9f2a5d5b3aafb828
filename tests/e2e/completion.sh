# SPDX-License-Identifier: MIT
# in_bash, in_fish WORD...: what the completion of $program in $files offers for the last word, a line
# each. Sourced after lib.sh.
# shellcheck shell=sh disable=SC2154 # who sources this sets them
in_bash() {
	# shellcheck disable=SC2016 # bash expands it
	bash -c 'source "$1"
		shift
		compopt() { :; }
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		"_${1//-/_}"
		((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' bash "$files/$program.bash" "$program" "$@"
}
in_fish() {
	fish --no-config -c "source '$files/$program.fish'; complete -C \$argv[1]" "$program $*" | cut -f1
}
