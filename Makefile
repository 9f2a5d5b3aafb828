# lanyard: `make help` lists what there is to do. One file, no recursion but for build modes.
#
# MODE=release (default) | asan | tsan | fuzz | cover chooses flags and the directory below build/.

MODE       ?= release
PREFIX     ?= /usr/local
DESTDIR    ?=
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
# Where the agent looks, seen from BINDIR: ../libexec/lanyard.
LIBEXECDIR ?= $(PREFIX)/libexec/lanyard
UNITDIR    ?= $(PREFIX)/lib/systemd/user
SYSTEMDIR  ?= $(PREFIX)/lib/systemd
# systemd-sleep reads this one folder, and none below /usr/local.
SLEEPDIR   ?= $(PREFIX:/usr/local=/usr)/lib/systemd/system-sleep
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
UDEVDIR    ?= $(PREFIX)/lib/udev/rules.d
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
PKG_CONFIG ?= pkg-config
# Empty: without lanyard-logind (systems that have no logind).
LOGIND     ?= $(shell $(PKG_CONFIG) --exists libsystemd 2>/dev/null && echo yes)
CC         ?= cc
AR         ?= ar
CFLAGS     ?= -O2 -g
VERSION    := 0.1.0

B := build/$(MODE)

# $(call flag,F): F if the compiler takes it (clang 14 wants an oath with one of them).
flag = $(shell $(CC) -Werror $(1) -x c -c -o /dev/null /dev/null 2>/dev/null && echo $(1))

# What the code needs whatever the builder's CFLAGS say.
std      := -std=c11 -D_GNU_SOURCE -DLANYARD_VERSION='"$(VERSION)"' -I. -I$(B)/gen
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla \
            -Wpointer-arith -Wwrite-strings -Wundef -Wimplicit-fallthrough
harden   := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
            $(call flag,-ftrivial-auto-var-init=zero) -ffile-prefix-map='$(CURDIR)'=.
harden   := $(harden)
ldharden := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed

packages := libsodium libcrypto libuv libconfuse libprotobuf-c libusb-1.0 libmnl
pkgflags := $(shell $(PKG_CONFIG) --cflags $(packages) 2>/dev/null)
libs      = $(shell $(PKG_CONFIG) --libs $(packages)) -pthread

ifeq ($(MODE),release)
mode := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
else ifeq ($(MODE),asan)
mode := -O1 -g -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
        -DLANYARD_TEST
else ifeq ($(MODE),tsan)
mode := -O1 -g -Werror -fsanitize=thread -DLANYARD_TEST
else ifeq ($(MODE),fuzz)
CC   := clang
mode := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DLANYARD_TEST
harden := -ffile-prefix-map='$(CURDIR)'=.
ldharden :=
else ifeq ($(MODE),cover)
CC   := clang
mode := -O0 -g -fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping -DLANYARD_TEST
harden := -ffile-prefix-map='$(CURDIR)'=.
ldharden :=
else
$(error MODE is '$(MODE)'; allowed: release, asan, tsan, fuzz, cover)
endif

# V=1 shows whole commands.
ifneq ($(V),1)
quiet = @printf '  %-5s %s\n' $(1) $(2);
endif

compile = $(CC) $(std) $(warnings) $(harden) $(pkgflags) $(CFLAGS) $(mode) $(CPPFLAGS) -MMD -MP
link    = $(CC) $(CFLAGS) $(mode) $(ldharden) $(LDFLAGS)

# Programs and their main files; everything else is in one archive, of which a program takes what
# it names.
programs := lanyard-agent lanyard lanyard-wg
main_lanyard-agent := agent/main.c
main_lanyard       := agent/cli/main.c
main_lanyard-wg    := wg-hook/main.c
mains   := $(foreach p,$(programs),$(main_$(p)))
sources := $(filter-out $(mains),$(sort $(wildcard protocol/*.c derive/*.c devices/*.c \
             devices/*/*.c agent/*.c agent/cli/*.c ssh/*.c gpg/*.c wg-hook/*.c)))
# The wallets' messages, by protoc-c.
messages := $(B)/gen/devices/trezor/messages.pb-c
generated := $(B)/gen/bip39_english.inc $(messages).h
objects := $(sources:%.c=$(B)/%.o) $(messages).o
archive := $(B)/liblanyard.a
binaries := $(programs:%=$(B)/%)

unit_sources := $(sort $(wildcard tests/unit/*.c))

# The one program that speaks D-Bus, and the only one with its library.
logind := $(if $(LOGIND),$(B)/lanyard-logind)

all: $(binaries) $(logind)

$(binaries): $(B)/%: $(archive)
$(foreach p,$(programs),$(eval $(B)/$(p): $(main_$(p):%.c=$(B)/%.o)))
$(binaries):
	$(call quiet,LINK,$@)$(link) -o $@ $(filter %.o,$^) $(archive) $(libs)

$(B)/lanyard-logind: $(B)/agent/logind/main.o
	$(call quiet,LINK,$@)$(link) -o $@ $< $(shell $(PKG_CONFIG) --libs libsystemd)

$(archive): $(objects)
	@rm -f $@
	$(call quiet,AR,$@)$(AR) qcD $@ $^

$(B)/%.o: %.c | $(generated)
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(compile) -c -o $@ $<

# The BIP-39 word list as a C array.
$(B)/gen/bip39_english.inc: derive/bip39_english.txt
	@mkdir -p $(@D)
	@sed 's/.*/"&",/' $< > $@

$(messages).c $(messages).h &: devices/trezor/messages.proto
	@mkdir -p $(@D)
	$(call quiet,PROTO,$<)protoc-c --c_out=$(B)/gen $<

$(messages).o: $(messages).c
	$(call quiet,CC,$<)$(compile) -c -o $@ $<

$(B)/unit: $(unit_sources:%.c=$(B)/%.o) $(archive)
	$(call quiet,LINK,$@)$(link) -o $@ $^ $(libs) -lcriterion

include tests/tests.mk

pages := $(sort $(wildcard doc/*.[1-8]))
# All that install puts there, for uninstall to remove.
installed := $(programs:%=$(BINDIR)/%) $(foreach p,$(pages),$(MANDIR)/man$(subst .,,$(suffix $p))/$(notdir $p)) \
             $(UNITDIR)/lanyard-agent.service $(BASHDIR)/lanyard $(ZSHDIR)/_lanyard $(FISHDIR)/lanyard.fish \
             $(UDEVDIR)/70-lanyard.rules $(SYSUSERSDIR)/lanyard.conf \
             $(BASHDIR)/lanyard-agent $(ZSHDIR)/_lanyard-agent $(FISHDIR)/lanyard-agent.fish \
             $(BASHDIR)/lanyard-wg $(ZSHDIR)/_lanyard-wg $(FISHDIR)/lanyard-wg.fish \
             $(SYSTEMDIR)/system/lanyard-wg@.service $(SYSTEMDIR)/system/wg-quick@.service.d/lanyard.conf \
             $(SLEEPDIR)/lanyard-wg $(if $(logind),$(LIBEXECDIR)/lanyard-logind)

# Of these, the folders that nobody else has something in, as a rule.
own_dirs := $(filter %/lanyard,$(LIBEXECDIR)) $(SYSTEMDIR)/system/wg-quick@.service.d

install: all
	install -d $(sort $(dir $(installed:%=$(DESTDIR)%)))
	install -m 0755 $(binaries) $(DESTDIR)$(BINDIR)
	$(if $(logind),install -m 0755 $(logind) $(DESTDIR)$(LIBEXECDIR))
	for page in $(pages); do install -m 0644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.} || exit 1; done
	sed 's,@bindir@,$(BINDIR),' agent/dist/lanyard-agent.service.in > $(B)/lanyard-agent.service
	install -m 0644 $(B)/lanyard-agent.service $(DESTDIR)$(UNITDIR)
	install -m 0644 agent/dist/completion/lanyard.bash $(DESTDIR)$(BASHDIR)/lanyard
	install -m 0644 agent/dist/completion/_lanyard $(DESTDIR)$(ZSHDIR)
	install -m 0644 agent/dist/completion/lanyard.fish $(DESTDIR)$(FISHDIR)
	install -m 0644 agent/dist/completion/lanyard-agent.bash $(DESTDIR)$(BASHDIR)/lanyard-agent
	install -m 0644 agent/dist/completion/_lanyard-agent $(DESTDIR)$(ZSHDIR)
	install -m 0644 agent/dist/completion/lanyard-agent.fish $(DESTDIR)$(FISHDIR)
	install -m 0644 devices/udev/70-lanyard.rules $(DESTDIR)$(UDEVDIR)
	install -m 0644 devices/udev/lanyard-sysusers.conf $(DESTDIR)$(SYSUSERSDIR)/lanyard.conf
	sed 's,@bindir@,$(BINDIR),' wg-hook/dist/lanyard-wg@.service.in > $(B)/lanyard-wg@.service
	sed 's,@bindir@,$(BINDIR),' wg-hook/dist/lanyard-wg.sleep.in > $(B)/lanyard-wg.sleep
	install -m 0644 $(B)/lanyard-wg@.service $(DESTDIR)$(SYSTEMDIR)/system
	install -m 0644 wg-hook/dist/wg-quick.conf $(DESTDIR)$(SYSTEMDIR)/system/wg-quick@.service.d/lanyard.conf
	install -m 0755 $(B)/lanyard-wg.sleep $(DESTDIR)$(SLEEPDIR)/lanyard-wg
	install -m 0644 wg-hook/dist/lanyard-wg.bash $(DESTDIR)$(BASHDIR)/lanyard-wg
	install -m 0644 wg-hook/dist/_lanyard-wg $(DESTDIR)$(ZSHDIR)
	install -m 0644 wg-hook/dist/lanyard-wg.fish $(DESTDIR)$(FISHDIR)

uninstall:
	rm -f $(installed:%=$(DESTDIR)%)
	rmdir $(own_dirs:%=$(DESTDIR)%) 2>/dev/null || :

clean:
	rm -rf build

help:
	@echo 'make            build $(programs) into build/release'
	@echo 'make install    PREFIX=$(PREFIX) DESTDIR= ; make uninstall undoes it'
	@echo 'make demo       a tour: two software devices, a real ssh login (Debian: installs packages)'
	@echo 'make test       every check and test (Debian: installs packages)'
	@echo 'make check-vm   tests in QEMU guests: USB devices, kernel WireGuard (Debian: installs packages)'
	@echo 'make fuzz       each parser for FUZZ_SECONDS=60 (libFuzzer); FUZZ_JOBS= at a time'
	@echo 'make fuzz-cover line coverage of each parser by its corpus; MISSED=1 what is missing'
	@echo 'make bench      beside ssh-agent and gpg-agent, into doc/BENCHMARKS.md (Debian: installs packages)'
	@echo 'make deps       install the build and test packages with apt'
	@echo 'make format     rewrite the sources with clang-format'

.PHONY: all install uninstall clean help
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
