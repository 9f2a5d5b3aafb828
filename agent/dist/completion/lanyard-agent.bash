# SPDX-License-Identifier: MIT
# bash completion of lanyard-agent(1). The words are those of `lanyard-agent --help`; the project's
# tests compare them.

_lanyard_agent() {
	local options='--foreground --kill --sh --csh --verbose --config= --socket-dir= --help --version
		-D -k -s -c -v -h -V --'
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i
	# readline gives --config=x as three words.
	[[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $current != = ]] || { before=${COMP_WORDS[COMP_CWORD - 1]} current=; }
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] || continue
		if ((i == COMP_CWORD - 1)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$current")
		else
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
		fi
		return
	done
	case $before in
	--config | --socket-dir)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
	[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
}

complete -F _lanyard_agent lanyard-agent
