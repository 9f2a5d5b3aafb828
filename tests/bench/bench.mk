# Benchmarks: `make bench` compares the release build with ssh-agent and gpg-agent in one run and
# writes doc/BENCHMARKS.md. Nothing timed is part of `make test`, which only sees that they build.

deps_bench := $(deps_build) openssh-client gpg gpg-agent gpgconf valgrind procps \
              wireguard-tools wireguard-go iproute2 util-linux
bench_programs := load idle floor flow
bench_binaries := $(bench_programs:%=$(B)/bench/%)

$(bench_binaries): $(B)/bench/%: $(B)/tests/bench/%.o $(B)/tests/bench/wire.o
	@mkdir -p $(@D)
	$(call quiet,LINK,$@)$(link) -o $@ $^ $(libs)

check-bench: $(bench_binaries)

deps-bench:
	@sh tests/tools/deps.sh $(deps_bench)

ifeq ($(on_debian),yes)
bench: deps-bench
endif

bench:
	@$(MAKE) --no-print-directory all check-bench $(B)/emulators/trezor
	@sh tests/bench/bench.sh $(abspath $(B))
	@sh tests/bench/wg.sh $(abspath $(B))

.PHONY: bench check-bench deps-bench
