/* SPDX-License-Identifier: MIT */
/* agent/cli/doctor: each finding, in a directory that stands for the machine. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli/doctor.h"

static char root[] = "/tmp/lanyard-doctor-XXXXXX";
static char said[8192];

static void make_root(void)
{
	cr_assert_not_null(mkdtemp(root));
}

static void remove_root(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(cli_doctor, .init = make_root, .fini = remove_root);

static void put(const char *path, const char *text, mode_t mode)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(full, 0700);
		*p = '/';
	}
	f = fopen(full, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(full, mode), 0);
}

static void on_found(void *arg, const char *check, enum doctor_state state, const char *says,
		     const char *type)
{
	size_t n = strlen(said);

	(void)arg;
	snprintf(said + n, sizeof(said) - n, "%s %s: %s | %s\n", doctor_state_name(state), check,
		 says, type);
}

static const struct doctor doctor = {.root = root, .found = on_found};

#define EXPECT_SAID(text)     cr_expect_neq(strstr(said, text), NULL, "%s", said)
#define EXPECT_NOT_SAID(text) cr_expect_eq(strstr(said, text), NULL, "%s", said)

static void run(void (*check)(const struct doctor *d))
{
	said[0] = '\0';
	check(&doctor);
}

Test(cli_doctor, wsl_and_containers)
{
	run(doctor_machine);
	cr_expect_str_eq(said, "");
	put("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n", 0600);
	run(doctor_machine);
	cr_expect_str_eq(said, "");
	put("/proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n", 0600);
	put("/run/.containerenv", "", 0600);
	run(doctor_machine);
	EXPECT_SAID("note wsl: ");
	EXPECT_SAID("usbipd attach --wsl");
	EXPECT_SAID("note container: ");
}

Test(cli_doctor, hibernation)
{
	static const char *const head = "Filename Type Size Used Priority\n";

	put("/sys/power/state", "freeze mem disk\n", 0600);
	put("/proc/swaps", head, 0600);
	run(doctor_swap);
	EXPECT_SAID("ok hibernation: ");
	put("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n", 0600);
	run(doctor_swap);
	EXPECT_SAID("todo hibernation: ");
	EXPECT_SAID("| lanyard lock");
	put("/sys/power/resume", "0:0\n", 0600);
	run(doctor_swap);
	EXPECT_SAID("ok hibernation: ");
	put("/sys/power/resume", "8:2\n", 0600);
	put("/run/systemd/seats/seat0", "", 0600);
	run(doctor_swap);
	EXPECT_SAID("note hibernation: ");
	said[0] = '\0';
	doctor_swap(&(struct doctor){.root = root, .found = on_found, .hears_of_sleep = true});
	EXPECT_SAID("ok hibernation: ");
	put("/sys/power/state", "freeze mem\n", 0600);
	run(doctor_swap);
	EXPECT_SAID("ok hibernation: ");
}

static void plug(const char *vendor, const char *product)
{
	put("/sys/bus/usb/devices/1-2/idVendor", vendor, 0600);
	put("/sys/bus/usb/devices/1-2/idProduct", product, 0600);
	put("/sys/bus/usb/devices/1-2/busnum", "1\n", 0600);
	put("/sys/bus/usb/devices/1-2/devnum", "7\n", 0600);
}

Test(cli_doctor, usb_nodes)
{
	run(doctor_usb);
	cr_expect_str_eq(said, "");
	plug("1d6b\n", "0002\n");
	run(doctor_usb);
	cr_expect_str_eq(said, "");
	plug("1209\n", "53c1\n");
	run(doctor_usb);
	EXPECT_SAID(
		"todo usb: Trezor is plugged in, but its node /dev/bus/usb/001/007 is not here");
	put("/dev/bus/usb/001/007", "", 0600);
	run(doctor_usb);
	cr_expect_str_eq(said, "ok usb: Trezor at /dev/bus/usb/001/007 may be used | \n");
	plug("12\n", "junk\n");
	run(doctor_usb);
	cr_expect_str_eq(said, "");
	plug("99999999\n", "53c1\n");
	run(doctor_usb);
	cr_expect_str_eq(said, "");
}

/* access(2) goes by the real user, and lets root do everything: then it is asked as nobody. */
static void run_as_nobody(void (*check)(const struct doctor *d))
{
	char command[160];
	bool is_root = getuid() == 0;

	snprintf(command, sizeof(command), "chmod -R a+rX %s; chmod 0400 %s/dev/bus/usb/001/007",
		 root, root);
	cr_assert_eq(system(command), 0);
	if (is_root)
		cr_assert_eq(setresuid(65534, 65534, 0), 0);
	run(check);
	if (is_root)
		cr_assert_eq(setresuid(0, 0, 0), 0);
}

Test(cli_doctor, usb_nodes_that_may_not_be_used)
{
	put("/dev/bus/usb/001/007", "", 0600);
	plug("2b24\n", "0002\n");
	run_as_nobody(doctor_usb);
	EXPECT_SAID(
		"todo usb: KeepKey at /dev/bus/usb/001/007 may not be used by this user, and the "
		"udev rule 70-lanyard.rules is not installed");
	put("/usr/lib/udev/rules.d/70-lanyard.rules", "", 0644);
	run_as_nobody(doctor_usb);
	EXPECT_SAID("todo usb: ");
	EXPECT_SAID("usermod -aG lanyard");
	/* What no rule of ours is for is worth a note only. */
	plug("1050\n", "0407\n");
	run_as_nobody(doctor_usb);
	EXPECT_SAID("note usb: YubiKey");
}

Test(cli_doctor, other_programs)
{
	said[0] = '\0';
	put("/proc/12/comm", "bash\n", 0600);
	put("/proc/self-made/comm", "pcscd\n", 0600);
	doctor_others(&doctor, true);
	EXPECT_SAID("ok agents: no other agent");
	put("/proc/13/comm", "gcr-ssh-agent\n", 0600);
	put("/proc/14/comm", "gnome-keyring-d\n", 0600);
	put("/proc/15/comm", "scdaemon\n", 0600);
	put("/proc/16/comm", "ssh-agent\n", 0600);
	said[0] = '\0';
	doctor_others(&doctor, true);
	EXPECT_SAID("note agents: GNOME's gcr-ssh-agent runs");
	EXPECT_SAID("systemctl --user mask --now gcr-ssh-agent.socket");
	EXPECT_SAID("note agents: gnome-keyring runs");
	EXPECT_SAID("| ssh-agent -k, or make it an upstream");
	EXPECT_SAID("note holders: GnuPG's scdaemon runs");
	EXPECT_SAID("gpgconf --kill scdaemon");
	EXPECT_NOT_SAID("pcscd");
	/* An agent that SSH_AUTH_SOCK does not name is in nobody's way; a holder is. */
	said[0] = '\0';
	doctor_others(&doctor, false);
	EXPECT_NOT_SAID("gcr");
	EXPECT_SAID("scdaemon");
}

Test(cli_doctor, ssh_auth_sock)
{
	static const struct {
		const char *value, *says;
	} table[] = {
		{NULL, "todo ssh-auth-sock: SSH_AUTH_SOCK is not set"},
		{"", "todo ssh-auth-sock: SSH_AUTH_SOCK is not set"},
		{"/run/user/1000/gcr/ssh", "which is GNOME's gcr-ssh-agent"},
		{"/run/user/1000/keyring/ssh", "which is gnome-keyring"},
		{"/run/user/1000/gnupg/S.gpg-agent.ssh", "which is gpg-agent"},
		{"/tmp/ssh-abc/agent.12", "which is an ssh-agent, or the agent of the machine"},
		{"/else/\033[1m", "/else/\\x1b[1m, which is another agent"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		said[0] = '\0';
		cr_expect_not(doctor_auth_sock(&doctor, table[i].value, "/run/l/ssh.sock", false));
		EXPECT_SAID(table[i].says);
		EXPECT_SAID("export SSH_AUTH_SOCK=/run/l/ssh.sock");
	}
	said[0] = '\0';
	cr_expect(doctor_auth_sock(&doctor, "/run/l/ssh.sock", "/run/l/ssh.sock", false));
	EXPECT_SAID("ok ssh-auth-sock: ");
}

Test(cli_doctor, pinentry)
{
	said[0] = '\0';
	put("/usr/bin/pinentry", "", 0600);
	put("/opt/pinentry", "", 0700);
	doctor_pinentry(&doctor, "/bin:relative:/usr/bin", NULL);
	EXPECT_SAID("todo pinentry: there is no pinentry in PATH");
	said[0] = '\0';
	doctor_pinentry(&doctor, "/usr/bin:/opt", NULL);
	EXPECT_SAID("ok pinentry: /opt/pinentry asks");
	said[0] = '\0';
	doctor_pinentry(&doctor, "/opt", "/usr/bin/pinentry");
	EXPECT_SAID(
		"todo pinentry: the configuration's pinentry, /usr/bin/pinentry, is no program");
	said[0] = '\0';
	doctor_pinentry(&doctor, NULL, "/opt/pinentry");
	EXPECT_SAID("ok pinentry: /opt/pinentry asks");
	said[0] = '\0';
	doctor_pinentry(&doctor, NULL, NULL);
	EXPECT_SAID("todo pinentry: ");
}
