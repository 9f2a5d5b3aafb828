# SPDX-License-Identifier: MIT
# fish completion of lanyard(1). The words are those of `lanyard help`; the project's tests compare
# them.

# Lists of a running agent, and of the software devices' files; without one, nothing.
function __lanyard_devices
    lanyard $argv --json 2>/dev/null |
        string replace -rf '.*"driver": "([^"\\\\]*)", "label": "([^"\\\\]*)".*' '$1:$2'
end

function __lanyard_uris
    begin
        lanyard key list --json
        lanyard ssh list --json
    end 2>/dev/null | string replace -rf '.*"uri": "([^"\\\\]*)".*' '$1' | sort -u
end

# For ssh the scheme may be left out.
function __lanyard_ssh
    if string match -q 'ssh:*' -- (commandline -ct)
        __lanyard_uris | string match 'ssh://*'
    else
        __lanyard_uris | string replace -f ssh:// ''
    end
end

function __lanyard_soft
    lanyard soft list --json 2>/dev/null |
        string replace -rf '.*"name": "([^"\\\\]*)", "serial".*' '$1'
end

# The words before the cursor without options: noun, verb, operands.
function __lanyard_words
    set -l tokens (commandline -opc)
    set -l value 0
    for token in $tokens[2..]
        if test $value = 1
            set value 0
        else if string match -qr -- '^(-[dik]|--(device|index|curve|config|socket-dir|name|words|visual|file|.*-file))$' $token
            set value 1
        else if not string match -q -- '-*' $token
            echo $token
        end
    end
end

# Whether these are the words; a command's options and operands come after its noun and verb.
function __lanyard_at
    set -l words (__lanyard_words)
    test "$words" = "$argv"
end

function __lanyard_after
    set -l words (__lanyard_words)
    set -l count (count $argv)
    test "$words[1..$count]" = "$argv"
end

complete -c lanyard -f
complete -c lanyard -s d -l device -x -a '(__lanyard_devices devices)' -d 'The device to use'
complete -c lanyard -s i -l index -x -d 'The identity\'s index'
complete -c lanyard -s k -l curve -x -a 'ed25519 nist256p1 secp256k1 curve25519' -d Curve
complete -c lanyard -s y -l yes -d 'Answer yes to this program\'s questions'
complete -c lanyard -s v -l verbose -d 'Say more on standard error'
complete -c lanyard -l json -d 'Print JSON, where a command can'
complete -c lanyard -l config -rF -d 'For lanyard-agent; accepted everywhere'
complete -c lanyard -l socket-dir -x -a '(__fish_complete_directories)' -d 'The directory of the agent\'s sockets'
complete -c lanyard -s h -l help -d 'Show what the command takes'
complete -c lanyard -s V -l version -d 'Print the version'

for at in '' help
    complete -c lanyard -n "__lanyard_at $at" -a status -d 'The agent: process, sockets, whether it is locked'
    complete -c lanyard -n "__lanyard_at $at" -a devices -d 'The devices'
    complete -c lanyard -n "__lanyard_at $at" -a events -d 'Follow what happens'
    complete -c lanyard -n "__lanyard_at $at" -a doctor -d 'What is in the agent\'s way, and what to type'
    complete -c lanyard -n "__lanyard_at $at" -a unlock -d 'Make a device able to work'
    complete -c lanyard -n "__lanyard_at $at" -a lock -d 'Wipe every secret, of one device or of all'
    complete -c lanyard -n "__lanyard_at $at" -a tty -d 'Have the agent ask on this terminal from now on'
    complete -c lanyard -n "__lanyard_at $at" -a reload -d 'Have the agent read its configuration again'
    complete -c lanyard -n "__lanyard_at $at" -a pubkey -d 'The public key of an identity'
    complete -c lanyard -n "__lanyard_at $at" -a sign -d 'Sign data, hexadecimal or a file'
    complete -c lanyard -n "__lanyard_at $at" -a ecdh -d 'The shared point with another\'s public key'
    complete -c lanyard -n "__lanyard_at $at" -a secret -d '32 bytes that only this device can make'
    complete -c lanyard -n "__lanyard_at $at" -a key -d 'The keys in use'
    complete -c lanyard -n "__lanyard_at $at" -a device -d 'The devices that were ever seen'
    complete -c lanyard -n "__lanyard_at $at" -a ssh -d 'Keys that SSH clients are offered'
    complete -c lanyard -n "__lanyard_at $at" -a soft -d 'Software devices'
    complete -c lanyard -n "__lanyard_at $at" -a help -d 'All commands, or a noun\'s with their options'
end

complete -c lanyard -n '__lanyard_at lock; or __lanyard_at unlock' -a '(__lanyard_devices devices)' -d device
complete -c lanyard -n '__lanyard_at lock; or __lanyard_at unlock' -a 'all sign decrypt auth' -d class
complete -c lanyard -n '__lanyard_after lock' -l passphrase -d 'Lock all with a passphrase of its own'
complete -c lanyard -n '__lanyard_after lock' -l new-passphrase-file -rF -d 'Its first line is that'
complete -c lanyard -n '__lanyard_after unlock' -l passphrase-file -rF -d 'Its first line is the passphrase'

for noun in pubkey sign ecdh secret
    complete -c lanyard -n "__lanyard_at $noun" -a '(__lanyard_uris)' -d identity
end
complete -c lanyard -n '__lanyard_after pubkey' -l raw -d 'The plain SLIP-0013 node, hexadecimal'
complete -c lanyard -n '__lanyard_after pubkey' -l ecdh -d 'With --raw: the SLIP-0017 node'
complete -c lanyard -n '__lanyard_after pubkey' -l psk-mode -xa 'device agent' -d 'The point for a WireGuard peer'
complete -c lanyard -n '__lanyard_after sign' -l visual -x -d 'What a display shows and is signed with the data'
complete -c lanyard -n '__lanyard_after sign' -l file -rF -d 'The bytes of a file'
complete -c lanyard -n '__lanyard_after ecdh' -l file -rF -d 'The bytes of a file'

for at in key 'help key'
    complete -c lanyard -n "__lanyard_at $at" -a list -d 'The keys in use: identity, device, public key'
    complete -c lanyard -n "__lanyard_at $at" -a forget -d 'Stop insisting on a recorded public key'
end
complete -c lanyard -n '__lanyard_at key forget' -a '(__lanyard_uris)' -d identity
complete -c lanyard -n '__lanyard_after key forget' -l all -d 'With --device: every key of it'

for at in device 'help device'
    complete -c lanyard -n "__lanyard_at $at" -a list -d 'The devices that were ever seen, connected or not'
    complete -c lanyard -n "__lanyard_at $at" -a forget -d 'Give up the index of a device that is gone'
end
complete -c lanyard -n '__lanyard_at device forget' -a '(__lanyard_devices device list)' -d device

for at in ssh 'help ssh'
    complete -c lanyard -n "__lanyard_at $at" -a add -d 'Offer the key for a host to SSH clients'
    complete -c lanyard -n "__lanyard_at $at" -a rm -d 'Stop offering a key'
    complete -c lanyard -n "__lanyard_at $at" -a list -d 'The keys that SSH clients are offered'
    complete -c lanyard -n "__lanyard_at $at" -a connect -d 'Run ssh with the key for a host alone'
    complete -c lanyard -n "__lanyard_at $at" -a config -d 'Print a Host block with the key for this host alone'
    complete -c lanyard -n "__lanyard_at $at" -a setup -d 'Make ssh use the agent'
    complete -c lanyard -n "__lanyard_at $at" -a teardown -d 'Undo setup'
end
for verb in add rm connect config
    complete -c lanyard -n "__lanyard_at ssh $verb" -a '(__lanyard_ssh)' -d identity
end
complete -c lanyard -n '__lanyard_after ssh add' -l save -d 'Write it to the config'
complete -c lanyard -n '__lanyard_after ssh add' -l life -x -d 'Stop offering it after this time'
complete -c lanyard -n '__lanyard_after ssh add' -l confirm -d 'Ask before each use of it'
complete -c lanyard -n '__lanyard_after ssh add' -l destination -x -d 'Use it there alone, from this machine or HOP on'
complete -c lanyard -n '__lanyard_after ssh config' -l write -d 'Write it to ~/.ssh/config'

for at in soft 'help soft'
    complete -c lanyard -n "__lanyard_at $at" -a init -d 'Make a software device with new words'
    complete -c lanyard -n "__lanyard_at $at" -a import -d 'Make a software device of words you have'
    complete -c lanyard -n "__lanyard_at $at" -a list -d 'List software devices'
    complete -c lanyard -n "__lanyard_at $at" -a change-passphrase -d 'Encrypt one under another passphrase'
    complete -c lanyard -n "__lanyard_at $at" -a remove -d 'Delete a software device\'s file'
end
for verb in change-passphrase remove
    complete -c lanyard -n "__lanyard_at soft $verb" -a '(__lanyard_soft)' -d 'software device'
    complete -c lanyard -n "__lanyard_after soft $verb" -l name -x -a '(__lanyard_soft)' -d 'The device\'s name'
end
complete -c lanyard -n '__lanyard_after soft init' -l words -x -a '12 18 24' -d 'How many new words'
complete -c lanyard -n '__lanyard_after soft import' -l mnemonic-file -rF -d 'Its first line is the words'
for verb in init import
    complete -c lanyard -n "__lanyard_after soft $verb" -l name -x -d 'The device\'s name'
    complete -c lanyard -n "__lanyard_after soft $verb" -l bip39-passphrase-file -rF -d 'The words\' own passphrase'
    complete -c lanyard -n "__lanyard_after soft $verb" -l passphrase-file -rF -d 'Its first line is the passphrase'
    complete -c lanyard -n "__lanyard_after soft $verb" -l no-encrypt -d 'Write the seed in clear'
end
complete -c lanyard -n '__lanyard_after soft change-passphrase' -l passphrase-file -rF -d 'Its first line is the passphrase'
complete -c lanyard -n '__lanyard_after soft change-passphrase' -l new-passphrase-file -rF -d 'Its first line is the new passphrase'
