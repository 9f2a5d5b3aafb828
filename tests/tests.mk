# Everything around testing; the product's own rules are in the Makefile.

# make, git and a C library are there already; ci and demo need nothing that is not named here.
deps_build := gcc libc6-dev make pkg-config libsodium-dev libssl-dev libuv1-dev libconfuse-dev
deps_test  := clang clang-format libclang-rt-14-dev llvm libcriterion-dev openssh-client openssh-server \
              socat mandoc procps tmux gpg gpg-agent libassuan-dev
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
	@sh tests/e2e/demo.sh $(CURDIR)/build/release

check-layers:
	@sh tests/tools/layers.sh

check-format:
	@clang-format --dry-run -Werror $(c_files)

format:
	clang-format -i $(c_files)

check-man:
	@for page in doc/*.[1-8]; do test ! -e $$page || mandoc -Tlint -Wwarning $$page || exit 1; done

c_files := $(sort $(shell find protocol derive devices agent ssh gpg wg-hook tests -name '*.[ch]'))

unit: $(B)/unit
	$(B)/unit

test:
	@$(MAKE) --no-print-directory check-layers check-format check-man
	@$(MAKE) --no-print-directory MODE=asan all unit
	@$(MAKE) --no-print-directory all
	@sh tests/e2e/run.sh $(CURDIR)/build/asan $(CURDIR)/build/release

.PHONY: deps demo test unit check-layers check-format check-man format

# Random submits, cancels, unplugs and shutdowns under ThreadSanitizer.
$(B)/stress: $(B)/tests/threads/stress.o $(archive)
	$(link) -o $@ $^ $(libs)

run-stress: $(B)/stress
	$(B)/stress 5

check-threads:
	@$(MAKE) --no-print-directory MODE=tsan run-stress

.PHONY: run-stress check-threads
