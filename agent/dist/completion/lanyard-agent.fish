# SPDX-License-Identifier: MIT
# fish completion of lanyard-agent(1). The words are those of `lanyard-agent --help`; the project's
# tests compare them.

complete -c lanyard-agent -f
complete -c lanyard-agent -n 'contains -- -- (commandline -opc)' -a '(__fish_complete_subcommand)'
complete -c lanyard-agent -s D -l foreground -d 'Stay in the foreground, log to standard error'
complete -c lanyard-agent -s k -l kill -d 'Stop the running agent'
complete -c lanyard-agent -s s -l sh -d 'Print Bourne shell commands'
complete -c lanyard-agent -s c -l csh -d 'Print C shell commands'
complete -c lanyard-agent -s v -l verbose -d 'Log more; twice: everything'
complete -c lanyard-agent -l config -rF -d 'Instead of ~/.config/lanyard/lanyard.conf'
complete -c lanyard-agent -l socket-dir -xa '(__fish_complete_directories)' -d 'Where agent.sock and ssh.sock are'
complete -c lanyard-agent -s h -l help -d 'Show help'
complete -c lanyard-agent -s V -l version -d 'Print the version'
