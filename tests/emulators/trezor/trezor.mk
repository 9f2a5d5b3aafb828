# The emulated Trezor and KeepKey, and the program that replays recorded sessions through them.
emulator_trezor := $(patsubst %.c,$(B)/%.o,$(filter-out %/replay.c %/replay_%.c,\
                     $(sort $(wildcard tests/emulators/trezor/*.c))))
emulator_replay := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/emulators/trezor/replay*.c)))
emulators_trezor := $(B)/emulators/trezor $(B)/emulators/trezor-replay

$(B)/emulators/trezor: $(emulator_trezor)
$(B)/emulators/trezor-replay: $(emulator_replay)
$(emulators_trezor):
	@mkdir -p $(@D)
	$(call quiet,LINK,$@)$(link) -o $@ $^ $(libs)

e2e-programs: $(emulators_trezor)
