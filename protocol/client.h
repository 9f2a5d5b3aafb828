/* SPDX-License-Identifier: MIT */
/*
 * A blocking client of agent.sock: for `lanyard`, lanyard-scd and lanyard-wg.
 *
 * Single-threaded. Every byte from the socket is parsed as hostile. Buffers are the caller's or
 * wiped before they are freed; nothing is kept in the structure after a command ends.
 */
#ifndef LANYARD_CLIENT_H
#define LANYARD_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/buf.h"
#include "protocol/err.h"
#include "protocol/line.h"

enum { SOCKET_PATH_MAX = 107 }; /* sun_path without its NUL, unix(7) */

/*
 * The directory of the sockets: `dir` if not NULL (an absolute path), else the directory of
 * $LANYARD_SOCK, else $XDG_RUNTIME_DIR/lanyard, else /run/user/UID/lanyard when /run/user/UID is
 * ours, else $XDG_STATE_HOME/lanyard/run ($HOME/.local/state without it). One function, used by the
 * daemon too. It makes and checks nothing.
 */
enum err client_socket_dir(char *out, size_t cap, const char *dir, struct why *why) MUST_CHECK;
/* So begins, in that directory, the name of the one that the agent of a single command has made. */
#define CLIENT_COMMAND_DIR "cmd."
/* The path of socket `name` ("agent.sock", "ssh.sock") there; agent.sock is exactly $LANYARD_SOCK
 * when that is set and `dir` is NULL. ERR_TOO_LARGE for a path over SOCKET_PATH_MAX. */
enum err client_socket_path(char out[static SOCKET_PATH_MAX + 1], const char *dir, const char *name,
			    struct why *why) MUST_CHECK;

/* connect() to a Unix stream socket, close-on-exec. ERR_NO_AGENT when nobody listens. */
enum err client_connect(const char *path, int *fd, struct why *why) MUST_CHECK;

struct client;

/* What a command may call while it runs. All optional (NULL). The strings are from outside, valid
 * until the call returns: clean them before showing. */
struct client_calls {
	/* An "S keyword text" line; both NUL-terminated, text still percent-encoded. */
	void (*status)(void *arg, const char *keyword, const char *text);
	/* A "# text" line (HELP). */
	void (*comment)(void *arg, const char *text);
	/*
	 * "INQUIRE keyword text": write the answer, at most LINE_DATA_MAX bytes, into `answer`. Its
	 * memory is the client's, locked as far as the limit allows, and wiped after it is sent. An
	 * error sends CAN instead; if the agent then ends the command as canceled, that error is
	 * client_command()'s, with what the call wrote into the same `why`. Without this call:
	 * ERR_NO_PROMPT.
	 */
	enum err (*inquire)(void *arg, const char *keyword, const char *text, struct wbuf *answer);
	void *arg;
};

/* Connects, checks that the server's uid is ours or root, reads the greeting (ERR_TIMEOUT when none
 * comes: ssh.sock, say). */
enum err client_open(struct client **out, const char *path, struct why *why) MUST_CHECK;
/* The same for the agent of another user, `uid`: the server must be that user or root. For root. */
enum err client_open_of(struct client **out, const char *path, uid_t uid,
			struct why *why) MUST_CHECK;
void client_close(struct client *c); /* NULL is fine */
/* -1 once the connection is closed. */
int client_fd(const struct client *c);

/*
 * Sends one command and reads its replies until OK or ERR. Words must be encoded already
 * (client_word). D data is appended to `data` (may be NULL when none is expected: data is then an
 * error); more than its capacity is ERR_TOO_LARGE. That, a server that breaks the protocol
 * (ERR_SYNTAX) and a lost connection (ERR_NO_AGENT, ERR_IO) close the connection: later commands
 * are ERR_NO_AGENT. No timeout: a person may be asked.
 */
enum err client_command(struct client *c, const char *command, struct wbuf *data,
			const struct client_calls *calls, struct why *why) MUST_CHECK;

/*
 * The same in two halves, so that many commands can be under way: client_answer() reads the answer
 * to the earliest one that has none yet. Commands leave when an answer is waited for. At most
 * CLIENT_AHEAD_MAX (ERR_INTERNAL: what the agent keeps for us stays small). An INQUIRE is answered
 * only when nothing was sent after its command; else it is ERR_SYNTAX. client_command() is
 * ERR_INTERNAL while answers are due.
 */
enum { CLIENT_AHEAD_MAX = 64 };
enum err client_send(struct client *c, const char *command, struct why *why) MUST_CHECK;
enum err client_answer(struct client *c, struct wbuf *data, const struct client_calls *calls,
		       struct why *why) MUST_CHECK;
/* How many answers are due. */
unsigned client_ahead(const struct client *c);

/* Appends " word" percent-encoded to a command under construction; a "-" in front too, so that no
 * operand passes for an option. There is no empty word: it makes the buffer bad. */
void client_word(struct wbuf *command, const char *word);
/* Appends " --name=value" percent-encoded; nothing when value is NULL. */
void client_option(struct wbuf *command, const char *name, const char *value);

#endif
