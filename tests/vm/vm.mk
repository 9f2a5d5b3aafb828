# make check-vm: tests that need a kernel of their own, in QEMU guests of Debian's kernel.
deps_vm := qemu-system-x86 busybox-static cpio xz-utils kmod usbutils wireguard-tools nftables iproute2 \
           iputils-ping libip4tc2 libusb-1.0-0 passwd util-linux
vm := build/vm

deps-vm:
	@sh tests/tools/deps.sh $(deps) $(deps_vm)

ifeq ($(on_debian),yes)
check-vm: deps-vm
endif

# A guest is slow: what it runs is built, and what it installs is laid out, before it boots.
check-vm:
	@$(MAKE) --no-print-directory all e2e-programs $(B)/vm/hold_interface
	@$(MAKE) --no-print-directory -s $(vm)/initramfs
	@rm -rf $(vm)/installed
	@$(MAKE) --no-print-directory install PREFIX=/usr DESTDIR='$(CURDIR)/$(vm)/installed' >$(vm)/install.log
	@sh tests/vm/run.sh '$(CURDIR)/$(B)'

$(vm)/initramfs: tests/vm/image.sh tests/vm/init.sh
	@sh tests/vm/image.sh $(vm)

$(B)/vm/hold_interface: $(B)/tests/vm/hold_interface.o
	@mkdir -p $(@D)
	$(call quiet,LINK,$@)$(link) -o $@ $^

.PHONY: deps-vm check-vm
