/* SPDX-License-Identifier: MIT */
/* agent/pinentry: what it makes of a pinentry's lines, and what it says to one. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/pinentry.h"
#include "derive/secret.h"

static struct slice slice_of(const char *text)
{
	return (struct slice){(const uint8_t *)text, strlen(text)};
}

static const struct {
	const char *line;
	enum err e;
	enum pinentry_kind kind;
	unsigned code;
	const char *data;
} lines[] = {
	{"OK", ERR_OK, PINENTRY_OK, 0, NULL},
	{"OK Pleased to meet you", ERR_OK, PINENTRY_OK, 0, NULL},
	{"OK\r", ERR_OK, PINENTRY_OK, 0, NULL},
	{"OKAY", ERR_SYNTAX, PINENTRY_IGNORE, 0, NULL},
	{"ok", ERR_SYNTAX, PINENTRY_IGNORE, 0, NULL},
	{"ERR 83886179 Operation cancelled <Pinentry>", ERR_OK, PINENTRY_ERR, 99, NULL},
	{"ERR 83886194 Not confirmed", ERR_OK, PINENTRY_ERR, 114, NULL},
	{"ERR 99", ERR_OK, PINENTRY_ERR, 99, NULL},
	{"ERR 4294967295 x", ERR_OK, PINENTRY_ERR, 0xFFFF, NULL},
	{"ERR 4294967296 x", ERR_SYNTAX, PINENTRY_ERR, 0, NULL},
	{"ERR 99999999999999999999999999", ERR_SYNTAX, PINENTRY_ERR, 0, NULL},
	{"ERR", ERR_SYNTAX, PINENTRY_ERR, 0, NULL},
	{"ERR ", ERR_SYNTAX, PINENTRY_ERR, 0, NULL},
	{"ERR -1", ERR_SYNTAX, PINENTRY_ERR, 0, NULL},
	{"ERR 99x", ERR_SYNTAX, PINENTRY_ERR, 0, NULL},
	{"D correct%20horse", ERR_OK, PINENTRY_DATA, 0, "correct%20horse"},
	{"D  two", ERR_OK, PINENTRY_DATA, 0, " two"},
	{"D", ERR_OK, PINENTRY_DATA, 0, ""},
	{"D ", ERR_OK, PINENTRY_DATA, 0, ""},
	{"DATA", ERR_SYNTAX, PINENTRY_IGNORE, 0, NULL},
	{"S PIN_REPEATED", ERR_OK, PINENTRY_IGNORE, 0, NULL},
	{"# a comment", ERR_OK, PINENTRY_IGNORE, 0, NULL},
	{"#", ERR_OK, PINENTRY_IGNORE, 0, NULL},
	{"INQUIRE QUALITY x", ERR_OK, PINENTRY_INQUIRE, 0, NULL},
	{"", ERR_SYNTAX, PINENTRY_IGNORE, 0, NULL},
	{"\r", ERR_SYNTAX, PINENTRY_IGNORE, 0, NULL},
	{" OK", ERR_SYNTAX, PINENTRY_IGNORE, 0, NULL},
	{"GETPIN", ERR_SYNTAX, PINENTRY_IGNORE, 0, NULL},
};

Test(pinentry, lines)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct pinentry_reply reply;
		enum err e = pinentry_parse(&reply, slice_of(lines[i].line));

		cr_expect_eq(e, lines[i].e, "%s: %s", lines[i].line, err_word(e));
		if (e != ERR_OK || lines[i].e != ERR_OK)
			continue;
		cr_expect_eq(reply.kind, lines[i].kind, "%s", lines[i].line);
		cr_expect_eq(reply.code, lines[i].code, "%s", lines[i].line);
		if (lines[i].data != NULL)
			cr_expect(slice_is(reply.data, lines[i].data), "%s", lines[i].line);
	}
}

/* A pinentry that has said everything beforehand, and what it was told. */
struct talk {
	char told[8192];
	uint8_t bytes[32];
	struct wbuf answer;
	struct why why;
};

static enum err talk(struct talk *t, struct pinentry_question q, const char *replies, bool cancel)
{
	int fds[2], end[2];
	size_t used = 0;
	ssize_t n;
	enum err e;

	cr_assert_eq(secret_start(NULL), ERR_OK);
	*t = (struct talk){.why = {""}};
	t->answer = wbuf_new(t->bytes, sizeof(t->bytes));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_assert_eq(pipe(end), 0);
	cr_assert_eq(write(fds[1], replies, strlen(replies)), (ssize_t)strlen(replies));
	if (cancel)
		close(end[1]);
	else
		shutdown(fds[1], SHUT_WR);
	e = pinentry_ask(fds[0], end[0], &q, &t->answer, &t->why);
	close(fds[0]);
	while ((n = read(fds[1], t->told + used, sizeof(t->told) - 1 - used)) > 0)
		used += (size_t)n;
	close(fds[1]);
	close(end[0]);
	if (!cancel)
		close(end[1]);
	return e;
}

/* Greeting, and the answers to no-grab, title, description, two buttons and prompt. */
#define START "OK hello\nERR 174 no such option\nOK\nOK\nOK\nOK\nOK\n"
/* The same where there is no prompt: a confirmation. */
#define START_CONFIRM "OK hello\nERR 174 no such option\nOK\nOK\nOK\nOK\n"

static const struct pinentry_question passphrase = {
	.kind = ASK_PASSPHRASE, .text = "Passphrase of soft:a", .detail = "", .who = ""};
static const struct pinentry_question confirm = {
	.kind = ASK_CONFIRM, .text = "Sign?", .detail = "for ssh://a@b", .who = "ssh (7) <- zsh"};

Test(pinentry, asks_for_a_passphrase)
{
	struct talk t;

	cr_assert_eq(
		talk(&t, passphrase, START "S X\nD correct%20\nD ho\nD r%73e\nOK\nOK\n", false),
		ERR_OK);
	cr_assert_eq(t.answer.n, 13);
	cr_assert_arr_eq(t.bytes, "correct horse", 13);
	cr_assert_str_eq(t.told, "OPTION no-grab\nSETTITLE lanyard\n"
				 "SETDESC Passphrase of soft:a\nSETOK OK\nSETCANCEL Cancel\n"
				 "SETPROMPT Passphrase:\nGETPIN\nBYE\n");
}

Test(pinentry, says_where_why_and_that_it_was_wrong)
{
	const struct pinentry_question q = {
		.kind = ASK_PIN,
		.again = true,
		.text = "PIN of \"100%\"",
		.detail = "for ssh://a@b",
		.who = "",
		.tty = "/dev/pts/3",
		.term = "xterm",
		.lc_ctype = "C.UTF-8",
	};
	struct talk t;

	cr_assert_eq(talk(&t, q, "OK\nOK\nOK\nOK\nOK\n" START "D 1\nOK\n", false), ERR_OK);
	cr_assert_str_eq(t.told,
			 "OPTION no-grab\nOPTION ttyname=/dev/pts/3\nOPTION ttytype=xterm\n"
			 "OPTION lc-ctype=C.UTF-8\nSETTITLE lanyard\n"
			 "SETDESC PIN of \"100%25\"%0Afor ssh://a@b\nSETOK OK\nSETCANCEL Cancel\n"
			 "SETPROMPT PIN:\nSETERROR Wrong PIN\nGETPIN\nBYE\n");
}

Test(pinentry, confirms)
{
	struct talk t;

	cr_assert_eq(talk(&t, confirm, START_CONFIRM "OK\n", false), ERR_OK);
	cr_assert_eq(t.answer.n, 0);
	cr_assert_str_eq(t.told,
			 "OPTION no-grab\nSETTITLE lanyard\nSETDESC Sign?%0Afor ssh://a@b%0A"
			 "Asked for by what says it is ssh (7) <- zsh\n"
			 "SETOK Allow\nSETCANCEL Refuse\nCONFIRM\nBYE\n");
	cr_assert_eq(talk(&t, confirm, START_CONFIRM "ERR 83886194 no\n", false), ERR_REFUSED);
	cr_assert_eq(talk(&t, confirm, START_CONFIRM "ERR 83886179 no\n", false), ERR_CANCELED);
	/* Anything but a plain yes is none. */
	cr_assert_eq(talk(&t, confirm, START_CONFIRM "YES\n", false), ERR_NO_PROMPT);
	cr_assert_eq(talk(&t, confirm, START_CONFIRM, false), ERR_NO_PROMPT);
}

static const struct {
	const char *replies;
	enum err e;
	const char *why;
} failures[] = {
	{"", ERR_NO_PROMPT, "it ended without an answer"},
	{"ERR 83886340 no display\n", ERR_NO_PROMPT, "it greets with error 260"},
	{"hello\n", ERR_NO_PROMPT, "it does not speak"},
	{"OK", ERR_NO_PROMPT, "it ended without an answer"},
	{START, ERR_NO_PROMPT, "it ended without an answer"},
	{START "ERR 83886340 no tty\n", ERR_NO_PROMPT, "it cannot ask there (error 260)"},
	{START "ERR 83886179 x\n", ERR_CANCELED, ""},
	{START "ERR 83886278 fully\n", ERR_CANCELED, ""},
	{START "ERR 83886142 timeout\n", ERR_TIMEOUT, ""},
	{START "D %zz\nOK\n", ERR_NO_PROMPT, "its answer is not percent-encoded"},
	{START "D %0\nOK\n", ERR_NO_PROMPT, "its answer is not percent-encoded"},
	{START "D 0123456789012345\nD 0123456789012345\nD 6\nOK\n", ERR_TOO_LARGE,
	 "the answer is longer than 32 bytes"},
};

Test(pinentry, failures)
{
	struct talk t;

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		enum err e = talk(&t, passphrase, failures[i].replies, false);

		cr_expect_eq(e, failures[i].e, "%zu: %s", i, err_word(e));
		cr_expect_eq(strncmp(t.why.text, failures[i].why, strlen(failures[i].why)), 0,
			     "%zu: %s", i, t.why.text);
	}
}

Test(pinentry, a_line_has_999_bytes_at_most)
{
	static char replies[2 * PINENTRY_LINE_MAX];
	struct talk t;

	memset(replies, 'x', PINENTRY_LINE_MAX);
	memcpy(replies, "OK ", 3);
	strcpy(replies + PINENTRY_LINE_MAX - 1, "\n" START);
	/* A greeting of 1000 bytes with its LF; what follows answers all the rest with OK. */
	cr_expect_eq(talk(&t, passphrase, replies, false), ERR_OK);
	cr_expect_eq(t.answer.n, 0);
	strcpy(replies + PINENTRY_LINE_MAX - 1, "x\n" START);
	cr_expect_eq(talk(&t, passphrase, replies, false), ERR_NO_PROMPT);
	cr_expect_str_eq(t.why.text, "it said a line over 1000 bytes");
}

Test(pinentry, an_inquiry_is_canceled)
{
	struct talk t;

	cr_assert_eq(talk(&t, passphrase, START "INQUIRE X\nD ok\nOK\n", false), ERR_OK);
	cr_assert_not_null(strstr(t.told, "GETPIN\nCAN\nBYE\n"));
}

Test(pinentry, long_texts_keep_the_question)
{
	char text[200], detail[640];
	const struct pinentry_question q = {
		.kind = ASK_PASSPHRASE, .text = text, .detail = detail, .who = "ssh (7)"};
	struct talk t;

	memset(text, 'q', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	/* Each byte takes three, and the line has no room for that. */
	memset(detail, '%', sizeof(detail));
	detail[sizeof(detail) - 1] = '\0';
	cr_assert_eq(talk(&t, q, START "D x\nOK\n", false), ERR_OK);
	cr_assert_not_null(strstr(t.told, "SETDESC qqqq"));
	cr_assert_not_null(strstr(t.told, "%25%25...%0AAsked for by what says it is ssh (7)\n"));
}

Test(pinentry, cancel_ends_it)
{
	struct talk t;

	cr_assert_eq(talk(&t, passphrase, "OK\n", true), ERR_CANCELED);
}
