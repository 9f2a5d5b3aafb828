# SPDX-License-Identifier: MIT
# bash completion of lanyard-wg(8). The words are those of `lanyard-wg --help`; the project's tests
# compare them.

# Interfaces that have settings, and configs that wg-quick finds.
_lanyard_wg_interfaces() {
	local file
	for file in /etc/lanyard/wg/*.conf /etc/wireguard/*.conf; do
		file=${file##*/}
		[[ $file != \** && $file =~ ^[A-Za-z0-9_=+.-]{1,15}\.conf$ ]] && printf '%s\n' "${file%.conf}"
	done | sort -u
}

_lanyard_wg() {
	local commands='setup teardown check pub point psk up down close show'
	local options='--config= --device= --index= --socket-dir= --identity= --psk-mode= --yes
		--verbose --help --version -d -i -y -v -h -V'
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} word words=0 i
	# readline gives --psk-mode=x as three words.
	[[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $current != = ]] || { before=${COMP_WORDS[COMP_CWORD - 1]} current=; }
	COMPREPLY=()
	case $before in
	--psk-mode)
		mapfile -t COMPREPLY < <(compgen -W 'agent device single none' -- "$current")
		return
		;;
	--config | --socket-dir)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	-d | --device | -i | --index | --identity) return ;;
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-d | -i | = | --config | --device | --index | --socket-dir | --identity | --psk-mode)
			[[ $word == = || ${COMP_WORDS[i + 1]} != = ]] && ((i++))
			;;
		-*) ;;
		*) ((words++)) ;;
		esac
	done
	case $words in
	0) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current") ;;
	1) mapfile -t COMPREPLY < <(compgen -W "$(_lanyard_wg_interfaces)" -- "$current") ;;
	esac
}

complete -F _lanyard_wg lanyard-wg
