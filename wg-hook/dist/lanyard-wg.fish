# SPDX-License-Identifier: MIT
# fish completion of lanyard-wg(8). The words are those of `lanyard-wg --help`; the project's tests
# compare them.

set -l commands setup teardown check pub point psk up down close show

# Interfaces that have settings, and configs that wg-quick finds.
function __lanyard_wg_interfaces
    for dir in /etc/lanyard/wg /etc/wireguard
        ls $dir 2>/dev/null | string replace -rf '^([A-Za-z0-9_=+.-]{1,15})\.conf$' '$1'
    end | sort -u
end

# How many words that are no options stand before the cursor.
function __lanyard_wg_words
    count (string match -v -- '-*' (commandline -opc)[2..])
end

complete -c lanyard-wg -f
complete -c lanyard-wg -n 'test (__lanyard_wg_words) = 0' -a "$commands"
complete -c lanyard-wg -n 'test (__lanyard_wg_words) = 1' -a '(__lanyard_wg_interfaces)'
complete -c lanyard-wg -l config -rF -d 'the wg-quick config'
complete -c lanyard-wg -s d -l device -x -d "instead of the settings'"
complete -c lanyard-wg -s i -l index -x -d "instead of the settings'"
complete -c lanyard-wg -l socket-dir -xa '(__fish_complete_directories)' -d "the directory of the agent's sockets"
complete -c lanyard-wg -l identity -x -d 'for setup'
complete -c lanyard-wg -l psk-mode -xa 'agent device single none' -d 'for setup'
complete -c lanyard-wg -s y -l yes -d 'answer yes'
complete -c lanyard-wg -s v -l verbose -d 'say more'
complete -c lanyard-wg -s h -l help -d 'show help'
complete -c lanyard-wg -s V -l version -d 'print the version'
