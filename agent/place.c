/* SPDX-License-Identifier: MIT */
#include "agent/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "protocol/text.h"

extern char **environ;

/* Major numbers (Linux, devices.txt): consoles and serial lines, Unix98 pseudo-terminals. */
enum { MAJOR_TTY = 4, CONSOLES = 64, MAJOR_PTS = 136, MAJOR_PTS_LAST = 143 };

enum { STAT_MAX = 1024, ENVIRON_MAX = 64 * 1024 };

/* ---- terminals ---- */

static bool is_terminal_number(dev_t device)
{
	return major(device) == MAJOR_TTY ||
	       (major(device) >= MAJOR_PTS && major(device) <= MAJOR_PTS_LAST);
}

enum err place_check_tty(const char *path, struct why *why)
{
	struct stat st;

	if (strncmp(path, "/dev/", 5) != 0 || strlen(path) >= PLACE_NAME_MAX ||
	    !text_is_ascii_printable(path, strlen(path)))
		return why_set(why, ERR_INVALID, "%s: a terminal's path begins with /dev/", path);
	if (stat(path, &st) != 0)
		return why_set(why, ERR_INVALID, "%s: %s", path, strerror(errno));
	if (!S_ISCHR(st.st_mode) || !is_terminal_number(st.st_rdev))
		return why_set(why, ERR_INVALID, "%s is not a terminal", path);
	if (st.st_uid != geteuid())
		return why_set(why, ERR_INVALID, "%s belongs to another user", path);
	return ERR_OK;
}

bool place_term_ok(const char *term)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-._";
	size_t n = strlen(term);

	return n > 0 && n < PLACE_NAME_MAX && term[0] != '.' && strspn(term, allowed) == n;
}

const char *place_default_term(const char *tty)
{
	return strncmp(tty, "/dev/tty", 8) == 0 ? "linux" : "xterm";
}

/* A file of /proc, NUL-terminated; -1 when it cannot be read. */
static ssize_t read_proc(pid_t pid, const char *name, char *out, size_t cap)
{
	char path[64];
	size_t used = 0;
	ssize_t n = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (used < cap - 1 && (n = read(fd, out + used, cap - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	out[used] = '\0';
	return n < 0 ? -1 : (ssize_t)used;
}

/* tty_nr of proc(5); 0 for none. The name before it is the process's own choice, and may hold
 * anything: what counts begins after its last parenthesis. */
static unsigned terminal_number(pid_t pid)
{
	char text[STAT_MAX];
	const char *p;
	unsigned number;

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0 || (p = strrchr(text, ')')) == NULL)
		return 0;
	return sscanf(p + 1, " %*c %*d %*d %*d %u", &number) == 1 ? number : 0;
}

static void process_term(pid_t pid, char out[static PLACE_NAME_MAX])
{
	char *text = malloc(ENVIRON_MAX);
	ssize_t n = text != NULL ? read_proc(pid, "environ", text, ENVIRON_MAX) : -1;

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(text + i) + 1)
		if (strncmp(text + i, "TERM=", 5) == 0 && place_term_ok(text + i + 5))
			snprintf(out, PLACE_NAME_MAX, "%s", text + i + 5);
	if (n > 0)
		text_wipe(text, (size_t)n);
	free(text);
}

bool place_of_process(struct place *out, pid_t pid)
{
	unsigned number = pid > 0 ? terminal_number(pid) : 0;
	unsigned major_number = number >> 8 & 0xFFF;
	unsigned minor_number = (number & 0xFF) | (number >> 12 & 0xFFF00);
	struct stat st;

	*out = (struct place){.kind = PLACE_TTY};
	if (major_number >= MAJOR_PTS && major_number <= MAJOR_PTS_LAST)
		snprintf(out->name, sizeof(out->name), "/dev/pts/%u",
			 (major_number - MAJOR_PTS) * 256 + minor_number);
	else if (major_number == MAJOR_TTY && minor_number < CONSOLES)
		snprintf(out->name, sizeof(out->name), "/dev/tty%u", minor_number);
	else
		return false;
	/* The number decides, not the name: /dev/pts may be another mount than the process's. */
	if (place_check_tty(out->name, NULL) != ERR_OK || stat(out->name, &st) != 0 ||
	    st.st_rdev != makedev(major_number, minor_number))
		return false;
	process_term(pid, out->term);
	return true;
}

bool place_has_start_display(void)
{
	const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	return (x != NULL && x[0] != '\0') || (wayland != NULL && wayland[0] != '\0');
}

const char *place_name(const struct place *place)
{
	return place->kind == PLACE_START_DISPLAY ? "the display" : place->name;
}

/* ---- the environment there ---- */

/* What a pinentry, an askpass or notify-send looks at, besides LC_…. */
static const char *const env_kept[] = {
	"PATH",
	"HOME",
	"USER",
	"LOGNAME",
	"SHELL",
	"LANG",
	"LANGUAGE",
	"TERMINFO",
	"TERMINFO_DIRS",
	"TMPDIR",
	"XDG_RUNTIME_DIR",
	"XDG_CONFIG_HOME",
	"XDG_DATA_DIRS",
	"PINENTRY_USER_DATA",
	"SSH_ASKPASS_PROMPT", /* the launcher's own word */
};
static const char *const env_display[] = {
	"XAUTHORITY",           "DBUS_SESSION_BUS_ADDRESS",
	"XDG_SESSION_TYPE",     "XDG_CURRENT_DESKTOP",
	"XMODIFIERS",           "GTK_IM_MODULE",
	"QT_IM_MODULE",         "QT_QPA_PLATFORM",
	"QT_QPA_PLATFORMTHEME", "GDK_SCALE",
	"GDK_DPI_SCALE",        "QT_SCALE_FACTOR",
};
static const char *const env_start[] = {"DISPLAY", "WAYLAND_DISPLAY"};

static bool env_named(const char *entry, const char *const *names, size_t count)
{
	size_t n = strcspn(entry, "=");

	for (size_t i = 0; i < count; i++)
		if (strlen(names[i]) == n && memcmp(names[i], entry, n) == 0)
			return true;
	return false;
}

static bool env_wanted(const char *entry, enum place_kind kind)
{
	if (strncmp(entry, "LC_", 3) == 0 ||
	    env_named(entry, env_kept, sizeof(env_kept) / sizeof(env_kept[0])))
		return true;
	if (kind != PLACE_TTY &&
	    env_named(entry, env_display, sizeof(env_display) / sizeof(env_display[0])))
		return true;
	return kind == PLACE_START_DISPLAY &&
	       env_named(entry, env_start, sizeof(env_start) / sizeof(env_start[0]));
}

enum err place_enter(const struct place *place)
{
	size_t count = 0, n = 0;
	char **kept;
	bool x;

	while (environ[count] != NULL)
		count++;
	kept = calloc(count + 1, sizeof(*kept));
	if (kept == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		if (env_wanted(environ[i], place->kind))
			kept[n++] = environ[i];
	environ = kept;
	if (place->kind == PLACE_TTY)
		return setenv("TERM", place->term, 1) == 0 && setenv("GPG_TTY", place->name, 1) == 0
			       ? ERR_OK
			       : ERR_NO_MEMORY;
	if (place->kind == PLACE_START_DISPLAY)
		return ERR_OK;
	x = strchr(place->name, ':') != NULL;
	return setenv(x ? "DISPLAY" : "WAYLAND_DISPLAY", place->name, 1) == 0 ? ERR_OK
									      : ERR_NO_MEMORY;
}
