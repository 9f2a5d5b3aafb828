# SPDX-License-Identifier: MIT
# bash completion of lanyard(1), with or without the bash-completion package. The words are those
# of `lanyard help`; the project's tests compare them.

# Lists of a running agent, and of the software devices' files; without one, nothing. What bash
# completes it does not quote, so names of harmless characters alone are offered.
_lanyard_devices() {
	lanyard "${@:-devices}" --json 2>/dev/null | sed -n \
		's/.*"driver": "\([a-z]*\)", "label": "\([A-Za-z0-9._+-]*\)".*/\1:\2/p'
}

_lanyard_uris() {
	{
		lanyard key list --json
		lanyard ssh list --json
	} 2>/dev/null | sed -n 's|.*"uri": "\([A-Za-z0-9._+:/@=,-]*\)".*|\1|p' | sort -u
}

_lanyard_soft() {
	lanyard soft list --json 2>/dev/null |
		sed -n 's/.*"name": "\([A-Za-z0-9._-]*\)", "serial".*/\1/p'
}

_lanyard_verbs() {
	case $1 in
	key | device) echo list forget ;;
	ssh) echo add rm list connect config setup teardown ;;
	soft) echo init import list change-passphrase remove ;;
	esac
}

# The options of NOUN or "NOUN VERB", those with an argument ending in "=".
_lanyard_options() {
	case $1 in
	unlock) echo --passphrase-file= ;;
	lock) echo --passphrase --new-passphrase-file= ;;
	pubkey) echo --raw --ecdh --psk-mode= ;;
	sign) echo --visual= --file= ;;
	ecdh) echo --file= ;;
	'key forget') echo --all ;;
	'ssh add') echo --save --life= --confirm --destination= ;;
	'ssh config') echo --write ;;
	'soft init') echo --name= --words= --bip39-passphrase-file= --passphrase-file= --no-encrypt ;;
	'soft import')
		echo --name= --mnemonic-file= --bip39-passphrase-file= --passphrase-file= --no-encrypt
		;;
	'soft change-passphrase') echo --name= --passphrase-file= --new-passphrase-file= ;;
	'soft remove') echo --name= ;;
	esac
	echo --device= --index= --curve= --yes --verbose --json --config= --socket-dir= --help \
		--version -d -i -k -y -v -h -V
}

# The lines that begin with $1.
_lanyard_match() {
	local line
	while IFS= read -r line; do
		[[ $line != "$1"* ]] || printf '%s\n' "$line"
	done
}

# The argument of option $1 that begins with $2.
_lanyard_value() {
	case $1 in
	-d | --device) _lanyard_devices | _lanyard_match "$2" ;;
	-k | --curve) compgen -W 'ed25519 nist256p1 secp256k1 curve25519' -- "$2" ;;
	--psk-mode) compgen -W 'device agent' -- "$2" ;;
	--words) compgen -W '12 18 24' -- "$2" ;;
	--name) _lanyard_soft | _lanyard_match "$2" ;;
	--file | --config | --*-file) compgen -f -- "$2" ;;
	--socket-dir) compgen -d -- "$2" ;;
	esac
}

# The first operand of NOUN or "NOUN VERB" that begins with $2.
_lanyard_operand() {
	case $1 in
	lock | unlock)
		printf '%s\n' all sign decrypt auth
		_lanyard_devices
		;;
	pubkey | sign | ecdh | secret | 'key forget') _lanyard_uris ;;
	'device forget') _lanyard_devices device list ;;
	'ssh add' | 'ssh rm' | 'ssh connect' | 'ssh config')
		case $2 in
		ssh:*) _lanyard_uris ;;
		*) _lanyard_uris | sed -n 's,^ssh://,,p' ;;
		esac
		;;
	'soft change-passphrase' | 'soft remove') _lanyard_soft ;;
	esac | _lanyard_match "$2"
}

_lanyard() {
	local nouns='status devices events doctor unlock lock tty reload pubkey sign ecdh secret key device ssh soft help'
	local with_value='^(-[dik]|--(device|index|curve|config|socket-dir|name|words|visual|psk-mode|file|.*-file))$'
	local words word typed current option='' prefix='' command='' verbs='' ended='' breaks cut i
	local -i left=1 # operands that are still to come

	# The words as typed: COMP_WORDS has them in pieces, cut at ":" and "=".
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
	[[ ${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]] || words+=('')
	current=${words[-1]}
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		if [[ $option ]]; then
			option=
		elif [[ $word == -- ]]; then
			ended=1
		elif [[ ! $ended && $word =~ $with_value ]]; then
			option=$word
		elif [[ ! $ended && $word == -* ]]; then
			:
		elif [[ ! $command ]]; then
			command=$word
			verbs=$(_lanyard_verbs "$command")
		elif [[ $verbs ]]; then
			command+=" $word"
			verbs=
		elif [[ $command == help ]]; then
			command+=" $word"
			verbs=$(_lanyard_verbs "$word")
		else
			left=0
		fi
	done

	typed=$current
	if [[ ! $option && ! $ended && $current == --*=* ]]; then
		option=${current%%=*}
		prefix=$option=
		current=${current#*=}
	fi
	if [[ $option ]]; then
		mapfile -t COMPREPLY < <(_lanyard_value "$option" "$current")
		[[ $option != --@(file|config|socket-dir|*-file) ]] || compopt -o filenames
	elif [[ ! $ended && $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_lanyard_options "$command")" -- "$current")
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
	elif [[ ! $command || $command == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$nouns" -- "$current")
	elif [[ $verbs ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current")
	elif ((left)); then
		mapfile -t COMPREPLY < <(_lanyard_operand "$command" "$current")
	else
		COMPREPLY=()
	fi

	# readline replaces only what stands after the last of its breaks, and "@" with that.
	COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
	breaks=${COMP_WORDBREAKS//[^:=@]/}
	if [[ $breaks ]]; then
		cut=${typed%"${typed##*["$breaks"]}"}
		COMPREPLY=("${COMPREPLY[@]#"${cut%@}"}")
	fi
}

complete -F _lanyard lanyard
