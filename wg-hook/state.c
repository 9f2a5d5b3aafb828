/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "protocol/dirs.h"
#include "protocol/text.h"
#include "wg-hook/lines.h"
#include "wg-hook/state.h"

enum {
	STATE_FILE_MAX = 4096,
	CLOSED_FILE_MAX = 64 * 1024 * 1024,
	/* Bytes of a peer without allowed IPs, and of one of them, as lines. */
	PEER_LINES = 256,
	ALLOWED_LINE = 64,
};

static const char *const phase_names[PHASE_COUNT] = {
	[PHASE_NONE] = "none", [PHASE_STARTING] = "starting", [PHASE_WAITING] = "waiting",
	[PHASE_OPEN] = "open", [PHASE_CLOSED] = "closed",     [PHASE_FAILED] = "failed",
};

const char *phase_name(enum tunnel_phase p)
{
	return phase_names[p];
}

static void path_of(char out[static 64], const char *iface, const char *suffix)
{
	snprintf(out, 64, STATE_DIR "/%s.%s", iface, suffix);
}

enum err state_open(int *fd, const char *iface, struct why *why)
{
	char path[64];
	mode_t mask = umask(0022);
	enum err e;

	*fd = -1;
	/* Others may look for the agent's socket in the upper one. */
	(void)mkdir("/run/lanyard", 0755);
	umask(mask);
	if (mkdir(STATE_DIR, 0700) < 0 && errno != EEXIST)
		return why_set(why, errno == EACCES ? ERR_PERMISSION : ERR_IO, "cannot make %s: %m",
			       STATE_DIR);
	e = dir_check_private(STATE_DIR, why);
	if (e != ERR_OK)
		return e;
	path_of(path, iface, "lock");
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return why_set(why, errno == EACCES ? ERR_PERMISSION : ERR_IO, "cannot open %s: %m",
			       path);
	return ERR_OK;
}

static struct flock byte_of(enum state_role role, short type)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)role, .l_len = 1};
}

enum err state_lock(int fd, enum state_role role, int ms, struct why *why)
{
	struct flock lock = byte_of(role, F_WRLCK);
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	for (;; ms -= 10) {
		if (fcntl(fd, F_SETLK, &lock) == 0)
			return ERR_OK;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return why_set(why, ERR_IO, "cannot lock in %s: %m", STATE_DIR);
		if (ms <= 0)
			return why_set(why, ERR_EXISTS,
				       "another lanyard-wg (process %d) is at work on this "
				       "interface: wait for it",
				       (int)state_holder(fd, role));
		nanosleep(&pause, NULL);
	}
}

pid_t state_holder(int fd, enum state_role role)
{
	struct flock lock = byte_of(role, F_WRLCK);

	if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

/* In place of the old file, for readers at once; /run needs no fsync. */
static enum err replace(const char *path, const void *p, size_t n, struct why *why)
{
	char fresh[96];
	struct rbuf r = rbuf_new(p, n);
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.%d", path, (int)getpid());
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return why_set(why, ERR_IO, "cannot write %s: %m", fresh);
	while (r.n > 0) {
		ssize_t written = write(fd, r.p, r.n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			break;
		rbuf_bytes(&r, (size_t)written);
	}
	if (close(fd) < 0 || r.n > 0 || rename(fresh, path) < 0) {
		enum err e = why_set(why, ERR_IO, "cannot write %s: %m", path);

		(void)unlink(fresh);
		return e;
	}
	return ERR_OK;
}

enum err state_write(const char *iface, const struct state *s, struct why *why)
{
	char text[STATE_FILE_MAX], path[64];
	struct wbuf w = wbuf_new(text, sizeof(text));

	wbuf_printf(&w, "phase %s\nwatcher %d\nsince %lld\nnext %lld\nrotate %u\nindex %u\n",
		    phase_name(s->phase), (int)s->watcher, (long long)s->since, (long long)s->next,
		    s->rotate, s->index);
	wbuf_printf(&w,
		    "serial %s\ndevice %s\ncustody %s\nsocket %s\ndigest %s\nerror %s\nwhy %s\n"
		    "notice %s\n",
		    s->serial, s->device, s->custody, s->socket, s->digest, err_word(s->err),
		    s->why.text, s->notice.text);
	if (!wbuf_ok(&w))
		return why_set(why, ERR_INTERNAL, "the state of %s is too long", iface);
	path_of(path, iface, "state");
	return replace(path, w.p, w.n, why);
}

static int64_t number(const char *text)
{
	return strtoll(text, NULL, 10);
}

static void parse_line(struct state *s, const char *name, const char *value)
{
	struct {
		const char *name;
		char *out;
		size_t cap;
	} texts[] = {
		{"serial", s->serial, sizeof(s->serial)},
		{"device", s->device, sizeof(s->device)},
		{"custody", s->custody, sizeof(s->custody)},
		{"socket", s->socket, sizeof(s->socket)},
		{"digest", s->digest, sizeof(s->digest)},
		{"why", s->why.text, sizeof(s->why.text)},
		{"notice", s->notice.text, sizeof(s->notice.text)},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(name, texts[i].name) == 0)
			text_clean_message(texts[i].out, texts[i].cap, value, strlen(value));
	}
	for (enum tunnel_phase p = PHASE_NONE; p < PHASE_COUNT; p++) {
		if (strcmp(name, "phase") == 0 && strcmp(value, phase_names[p]) == 0)
			s->phase = p;
	}
	if (strcmp(name, "watcher") == 0)
		s->watcher = (pid_t)number(value);
	else if (strcmp(name, "since") == 0)
		s->since = number(value);
	else if (strcmp(name, "next") == 0)
		s->next = number(value);
	else if (strcmp(name, "rotate") == 0)
		s->rotate = (uint32_t)number(value);
	else if (strcmp(name, "index") == 0)
		s->index = (uint32_t)number(value);
	else if (strcmp(name, "error") == 0)
		s->err = err_from_word(value);
}

void state_parse(struct state *s, struct slice text)
{
	struct lines lines = lines_new(text.p, text.n);
	char line[WHY_MAX + 32];
	struct slice raw;

	memset(s, 0, sizeof(*s));
	while (lines_next(&lines, &raw)) {
		char *space;

		if (raw.n >= sizeof(line))
			continue;
		memcpy(line, raw.p, raw.n);
		line[raw.n] = '\0';
		space = strchr(line, ' ');
		if (!space)
			continue;
		*space = '\0';
		parse_line(s, line, space + 1);
	}
}

enum err state_read(const char *iface, struct state *s, struct why *why)
{
	char path[64];
	uint8_t *text;
	size_t n;
	enum err e;

	path_of(path, iface, "state");
	memset(s, 0, sizeof(*s));
	e = file_read(path, STATE_FILE_MAX, FILE_OURS, &text, &n, NULL, why);
	if (e != ERR_OK)
		return e;
	state_parse(s, (struct slice){text, n});
	free(text);
	return ERR_OK;
}

bool closed_exists(const char *iface)
{
	char path[64];

	path_of(path, iface, "closed");
	return access(path, F_OK) == 0;
}

void closed_remove(const char *iface)
{
	char path[64];

	path_of(path, iface, "closed");
	(void)unlink(path);
}

void state_remove(const char *iface)
{
	char path[64];

	path_of(path, iface, "state");
	(void)unlink(path);
	closed_remove(iface);
}

/* First a line of ours, then the answer of a WireGuard socket to get=1. */
enum err closed_read(const char *iface, struct wg_device *d, struct why *why)
{
	char path[64], first[32];
	struct lines lines;
	struct slice line;
	uint8_t *text;
	size_t n;
	enum err e;

	path_of(path, iface, "closed");
	memset(d, 0, sizeof(*d));
	e = file_read(path, CLOSED_FILE_MAX, FILE_OURS, &text, &n, NULL, why);
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (e != ERR_OK)
		return e;
	snprintf(first, sizeof(first), "index=%u", if_nametoindex(iface));
	lines = lines_new(text, n);
	if (lines_next(&lines, &line) && slice_is(line, first))
		e = wg_uapi_parse(d, (struct slice){lines.rest.p, lines.rest.n}, why);
	free(text);
	if (e == ERR_OK)
		wg_device_sort(d);
	else
		wg_device_free(d);
	return e;
}

static void put_peers(struct wbuf *w, const struct wg_device *d, const struct wg_device *but)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct wg_peer *p = &d->peers[i];

		if (but && wg_device_find(but, p->public_key))
			continue;
		wg_uapi_write_key(w, "public_key", p->public_key);
		wg_uapi_write_peer(w, p);
		for (uint32_t a = 0; a < p->allowed_count; a++)
			wg_uapi_write_allowed(w, &d->allowed[p->allowed + a]);
	}
}

enum err closed_write(const char *iface, const struct wg_device *d, struct why *why)
{
	struct wg_device old;
	struct why ignored;
	char path[64];
	struct wbuf w;
	size_t cap;
	enum err e;

	/* One that cannot be read is no reason to leave the tunnel open. */
	if (closed_read(iface, &old, &ignored) != ERR_OK)
		memset(&old, 0, sizeof(old));
	cap = 64 + (d->count + old.count) * PEER_LINES +
	      (d->allowed_count + old.allowed_count) * ALLOWED_LINE;
	w = wbuf_new(malloc(cap), cap);
	if (!w.p) {
		wg_device_free(&old);
		return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	}
	wbuf_printf(&w, "index=%u\n", if_nametoindex(iface));
	put_peers(&w, d, NULL);
	put_peers(&w, &old, d);
	wbuf_text(&w, "errno=0\n\n");
	path_of(path, iface, "closed");
	e = wbuf_ok(&w) ? replace(path, w.p, w.n, why)
			: why_set(why, ERR_INTERNAL, "the peers of %s do not fit", iface);
	free(w.p);
	wg_device_free(&old);
	return e;
}
