# Fuzzing (README.md here): a target is a file of this directory, its corpus is corpus/TARGET.

FUZZ_SECONDS ?= 60
FUZZ_JOBS    ?= $(shell nproc 2>/dev/null || echo 1)

fuzz_targets  := $(filter-out replay,$(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c))))
fuzz_binaries := $(fuzz_targets:%=$(B)/fuzz/%)

# Functions that a target has its own version of.
fuzz_wrap_client    := connect getsockopt setsockopt send recv
fuzz_wrap_config    := fsync
fuzz_wrap_pinentry  := poll recv send
fuzz_wrap_soft_file := fsync crypto_pwhash

# libFuzzer's main() where it belongs, else the one that replays files.
ifeq ($(MODE),fuzz)
fuzz_main := -fsanitize=fuzzer
else
fuzz_main := $(B)/tests/fuzz/replay.o
endif

$(fuzz_binaries): $(filter %.o,$(fuzz_main)) $(archive)
$(fuzz_binaries): $(B)/fuzz/%: $(B)/tests/fuzz/%.o
	@mkdir -p $(@D)
	$(call quiet,LINK,$@)$(link) $(fuzz_wrap_$*:%=-Wl,--wrap=%) -o $@ $< $(fuzz_main) $(archive) $(libs)

# Each input of the corpus once: part of `make test`, with any compiler.
fuzz-corpus: $(fuzz_binaries)
	@for t in $(fuzz_targets); do \
	  REPLAY_QUIET=1 $(B)/fuzz/$$t tests/fuzz/corpus/$$t || { \
	    echo "fuzz: $$t fails; $(B)/fuzz/$$t tests/fuzz/corpus/$$t says at which file" >&2; exit 1; }; done

run-fuzz: $(fuzz_binaries)
	@sh tests/fuzz/fuzz.sh $(B) $(FUZZ_SECONDS) $(FUZZ_JOBS) $(fuzz_targets)

run-fuzz-cover: $(fuzz_binaries)
	@sh tests/fuzz/cover.sh $(B)

fuzz:
	@$(MAKE) --no-print-directory MODE=fuzz run-fuzz

fuzz-cover:
	@$(MAKE) --no-print-directory MODE=cover run-fuzz-cover

ifeq ($(on_debian),yes)
fuzz fuzz-cover: deps
endif

.PHONY: fuzz fuzz-cover fuzz-corpus run-fuzz run-fuzz-cover
