/* SPDX-License-Identifier: MIT */
/* Another program that uses a USB device: hold_interface NODE INTERFACE claims that interface of
 * /dev/bus/usb/BUS/DEVICE, says so, and keeps it until it is ended. */
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	unsigned interface = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	if (fd < 0 || ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface) < 0) {
		perror("hold_interface");
		return 1;
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
