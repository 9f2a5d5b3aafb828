#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks who includes whom (doc/ARCHITECTURE.md, "Layers"). Every include must match an allowed
# pattern of its file's layer; third-party headers are fenced the same way.
set -eu
# Some are not there yet.
folders=$(ls -d protocol derive devices agent ssh gpg wg-hook 2>/dev/null || true)

# layer_of FILE: prints the regular expression of project headers that FILE may include.
layer_of() {
	case $1 in
	agent/main.c) echo '.*' ;;
	protocol/*) echo 'protocol/' ;;
	derive/*) echo '(protocol|derive)/|bip39_english\.inc' ;;
	devices/*/cmd_*) echo "(protocol|derive)/|$(dirname "$1")/|agent/cli/(cli|edit)\.h" ;;
	devices/*) echo '(protocol|derive|devices)/' ;;
	ssh/cmd_* | gpg/cmd_* | agent/cli/*) echo "(protocol|derive)/|$(dirname "$1")/|agent/cli/(cli|edit)\.h" ;;
	agent/logind/*) echo 'agent/logind_wire\.h' ;;
	agent/*) echo '(protocol|derive)/|agent/[a-z_]*\.h|devices/(device|registry)\.h' ;;
	ssh/*) echo '(protocol|derive|ssh)/|agent/(confirm|destination|passlock|request|frontend|upstream)\.h' ;;
	gpg/*) echo '(protocol|derive|gpg)/' ;;
	wg-hook/*) echo '(protocol|derive|wg-hook)/' ;;
	esac
}

# fence HEADER-REGEX FILE-REGEX: only those files may include that system header.
fence() {
	grep -rnE "^#include <($1)>" $folders --include='*.[ch]' |
		grep -vE "^($2):" | sed 's/$/   (fenced header)/' >>"$bad" || true
}

bad=$(mktemp)
trap 'rm -f "$bad"' EXIT

for file in $(find $folders -name '*.[ch]' | sort); do
	allowed=$(layer_of "$file")
	grep -nE '^#include "' "$file" | grep -vE "^[0-9]+:#include \"($allowed)" |
		sed "s|^|$file:|" >>"$bad" || true
done
# A layer may not reach into the command line, nor the daemon into a cmd_ file.
grep -rnE '^#include ".*(cmd_|agent/cli/)' $folders --include='*.[ch]' |
	grep -vE '^(agent/cli/[a-z_]*\.[ch]|[a-z-]+/([a-z]+/)?cmd_[a-z_]*\.c):' >>"$bad" || true

fence 'uv\.h' 'agent/[a-z_]*\.[ch]|gpg/server\.c|devices/(device|registry|hotplug|prober)\.[ch]'
fence 'libusb.*' 'devices/transport_usb\.c'
fence 'cbor\.h' 'devices/fido/[a-z_]*\.[ch]'
fence 'protobuf-c.*' 'devices/trezor/.*'
fence 'sodium.*|openssl/.*' '(derive|devices/soft)/[a-z0-9_]*\.[ch]|devices/fido/pin[a-z_]*\.c'
fence 'libmnl.*' 'wg-hook/netlink\.c'
fence 'systemd/.*' 'agent/logind/main\.c'
fence 'confuse\.h' 'agent/config[a-z_]*\.[ch]'
fence 'pthread\.h|threads\.h|stdatomic\.h' 'devices/device\.c'

if [ -s "$bad" ]; then
	echo 'layers: these includes break the layering (doc/ARCHITECTURE.md):' >&2
	cat "$bad" >&2
	exit 1
fi
