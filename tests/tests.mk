# Everything around testing; the product's own rules are in the Makefile.

# make, git and a C library are there already; ci and demo need nothing that is not named here.
deps_build := gcc libc6-dev make pkg-config libsodium-dev libssl-dev libuv1-dev libconfuse-dev \
              libprotobuf-c-dev protobuf-c-compiler libusb-1.0-0-dev libmnl-dev libsystemd-dev
deps_test  := clang clang-format libclang-rt-14-dev llvm libcriterion-dev openssh-client openssh-server \
              socat mandoc procps tmux pinentry-curses zsh fish gpg gpg-agent gpgconf libassuan-dev \
              wireguard-tools wireguard-go iproute2 iputils-ping util-linux dbus systemd
deps := $(deps_build) $(deps_test)

on_debian := $(shell test -x /usr/bin/apt-get && echo yes)

deps:
	@sh tests/tools/deps.sh $(deps)

# On Debian, demo and test bring their packages; elsewhere they are the user's business.
ifeq ($(on_debian),yes)
demo test: deps
endif

demo: deps
	@$(MAKE) --no-print-directory all
	@sh tests/e2e/demo.sh '$(CURDIR)/build/release'

check-layers:
	@sh tests/tools/layers.sh

check-format:
	@clang-format --dry-run -Werror $(c_files)

format:
	clang-format -i $(c_files)

check-man:
	@for page in doc/*.[1-8]; do test ! -e $$page || mandoc -Tlint -Wwarning $$page || exit 1; done

c_files := $(sort $(shell find protocol derive devices agent ssh $(wildcard gpg wg-hook) tests -name '*.[ch]'))

unit: $(B)/unit
	@sh tests/tools/unit.sh $(B)/unit

test:
	@$(MAKE) --no-print-directory check-layers check-format check-man
	@$(MAKE) --no-print-directory MODE=asan all e2e-programs unit fuzz-corpus
	@$(MAKE) --no-print-directory check-threads
	@$(MAKE) --no-print-directory all check-bench
	@sh tests/e2e/run.sh '$(CURDIR)/build/asan' '$(CURDIR)/build/release'

# Programs that end-to-end tests run.
e2e_programs := $(B)/assuan_client $(B)/hostile $(B)/memscan
$(e2e_programs): $(B)/%: $(B)/tests/e2e/%.o
	$(call quiet,LINK,$@)$(link) -o $@ $^ $(libs_$*)
$(B)/hostile: $(B)/tests/e2e/hostile_line.o $(B)/tests/e2e/hostile_ssh.o
$(B)/memscan: $(archive)
libs_memscan = $(libs)
libs_assuan_client = $(shell $(PKG_CONFIG) --libs libassuan gpg-error)

# Stand-ins for programs and devices of other makers.
emulators := $(patsubst tests/emulators/%.c,$(B)/emulators/%,$(sort $(wildcard tests/emulators/*.c)))
$(emulators): $(B)/emulators/%: $(B)/tests/emulators/%.o $(archive)
	@mkdir -p $(@D)
	$(call quiet,LINK,$@)$(link) -o $@ $^ $(libs) $(libs_$*)
libs_logind = $(shell $(PKG_CONFIG) --libs libsystemd)

include tests/emulators/trezor/trezor.mk

e2e-programs: $(e2e_programs) $(emulators)

.PHONY: e2e-programs

.PHONY: deps demo test unit check-layers check-format check-man format

# Random submits, cancels, unplugs and shutdowns under ThreadSanitizer.
$(B)/stress: $(B)/tests/threads/stress.o $(archive)
	$(link) -o $@ $^ $(libs)

run-stress: $(B)/stress
	$(B)/stress 5

check-threads:
	@$(MAKE) --no-print-directory MODE=tsan run-stress

.PHONY: run-stress check-threads

include tests/vm/vm.mk
include tests/fuzz/fuzz.mk
include tests/bench/bench.mk
