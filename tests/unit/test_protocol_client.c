/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/client.h"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))
#define TEXT(text)  text, sizeof(text) - 1
#define SEND(text)                                                                                 \
	{                                                                                          \
		.bytes = text, .n = sizeof(text) - 1                                               \
	}
#define EXPECT(text)                                                                               \
	{                                                                                          \
		.bytes = text, .n = sizeof(text) - 1, .expect = true                               \
	}

enum { STEPS_MAX = 8 };

/* What a scripted server does, one after another; it closes the connection at the end. */
struct step {
	const char *bytes;
	size_t n;
	bool expect; /* reads exactly these; else sends them */
};

static char place[] = "/tmp/lanyard-client-XXXXXX";
static char path[64];

static void enter(void)
{
	cr_assert(mkdtemp(place));
	cr_assert_eq(chmod(place, 0755), 0);
	snprintf(path, sizeof(path), "%s/agent.sock", place);
	unsetenv("LANYARD_SOCK");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_STATE_HOME");
	/* A write to a closed connection must not end the program. */
	signal(SIGPIPE, SIG_DFL);
}

static void leave(void)
{
	unlink(path);
	rmdir(place);
}

TestSuite(protocol_client, .init = enter, .fini = leave, .timeout = 60);

static int listen_at(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", at);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0)
		return -1;
	return fd;
}

/* One step of the script, byte by byte when `slow`; false when the client says something else. */
static bool play(int fd, const struct step *step, bool slow)
{
	if (!step->expect) {
		size_t part = slow ? 1 : step->n;

		/* The client may have hung up already. */
		for (size_t i = 0; i < step->n; i += part)
			if (send(fd, step->bytes + i, part, MSG_NOSIGNAL) < 0)
				return errno == EPIPE || errno == ECONNRESET;
		return true;
	}
	for (size_t i = 0; i < step->n; i++) {
		char c;

		if (read(fd, &c, 1) != 1 || c != step->bytes[i])
			return false;
	}
	return true;
}

/* A process that serves one connection; it listens when this returns. */
static pid_t serve(const struct step *steps, size_t count, bool slow)
{
	int listener = listen_at(path);

	cr_assert_geq(listener, 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = accept(listener, NULL, NULL);

		for (size_t i = 0; i < count && steps[i].bytes; i++)
			if (!play(fd, &steps[i], slow))
				_exit(1);
		_exit(0);
	}
	close(listener);
	return pid;
}

/* True when the server saw what it expected. */
static bool served(pid_t pid)
{
	int status = -1;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	unlink(path);
	return status == 0;
}

/* What the calls of a command do and see. */
struct seen {
	struct slice answer;
	enum err refuse;
	struct why *why;
	char text[256];
};

static void see(struct seen *seen, const char *kind, const char *keyword, const char *text)
{
	size_t n = strlen(seen->text);

	snprintf(seen->text + n, sizeof(seen->text) - n, "%s{%s|%s}", kind, keyword, text);
}

static void on_status(void *arg, const char *keyword, const char *text)
{
	see(arg, "S", keyword, text);
}

static void on_comment(void *arg, const char *text)
{
	see(arg, "#", "", text);
}

static enum err on_inquire(void *arg, const char *keyword, const char *text, struct wbuf *answer)
{
	struct seen *seen = arg;

	see(seen, "I", keyword, text);
	wbuf_bytes(answer, seen->answer.p, seen->answer.n);
	return seen->refuse ? why_set(seen->why, seen->refuse, "the terminal is gone") : ERR_OK;
}

static enum err command(struct client *c, struct seen *seen, struct wbuf *data, struct why *why)
{
	const struct client_calls calls = {
		.status = on_status, .comment = on_comment, .inquire = on_inquire, .arg = seen};

	seen->why = why;
	return client_command(c, "PUBKEY x", data, &calls, why);
}

/* Runs the script against one command, sent whole and sent byte by byte. */
struct script {
	struct step steps[STEPS_MAX];
	struct slice answer;
	enum err refuse;
	/* what is to come of it */
	enum err e;
	const char *why, *data, *seen;
};

static void run(const struct script *script)
{
	for (unsigned slow = 0; slow < 2; slow++) {
		pid_t pid = serve(script->steps, STEPS_MAX, slow);
		struct seen seen = {.answer = script->answer, .refuse = script->refuse};
		struct why why;
		char room[64] = "";
		struct wbuf data = wbuf_new(room, sizeof(room));
		struct client *c;

		cr_assert_eq(client_open(&c, path, &why), ERR_OK, "%s", why.text);
		cr_expect_eq(command(c, &seen, &data, &why), script->e, "%s", why.text);
		cr_expect_str_eq(why.text, script->why, "%s", why.text);
		cr_expect_str_eq(seen.text, script->seen, "%s", seen.text);
		cr_expect(slice_is((struct slice){data.p, data.n}, script->data));
		client_close(c);
		cr_expect(served(pid), "the server expected something else");
	}
}

/* Who listens: the caller's choice of user, or root. Run by root, the server is another user. */
Test(protocol_client, the_server_is_the_user_that_was_named)
{
	uid_t uid = geteuid() == 0 ? 65534 : geteuid();
	const struct {
		uid_t named;
		bool good;
	} rows[] = {{uid, true}, {uid - 1, false}, {0, false}};
	struct why why;

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct client *c = NULL;
		int listener = listen_at(path), ready[2];
		char byte;
		pid_t pid;

		cr_assert_geq(listener, 0);
		cr_assert_eq(pipe(ready), 0);
		pid = fork();
		if (pid == 0) {
			/* The kernel names whoever called listen() last. */
			if (setresuid(uid, uid, uid) != 0 || listen(listener, 1) != 0 ||
			    write(ready[1], "", 1) != 1)
				_exit(1);
			int fd = accept(listener, NULL, NULL);

			_exit(send(fd, "OK\n", 3, MSG_NOSIGNAL) == 3 || !rows[i].good ? 0 : 1);
		}
		close(listener);
		cr_assert_eq(read(ready[0], &byte, 1), 1);
		cr_expect_eq(client_open_of(&c, path, rows[i].named, &why),
			     rows[i].good ? ERR_OK : ERR_PERMISSION, "row %zu: %s", i, why.text);
		if (!rows[i].good)
			cr_expect_not_null(strstr(why.text, " or root"), "%s", why.text);
		client_close(c);
		cr_expect(served(pid));
		close(ready[0]);
		close(ready[1]);
	}
}

Test(protocol_client, every_kind_of_reply)
{
	run(&(struct script){
		.steps =
			{SEND("# lanyard-agent\nOK greetings\n"), EXPECT("PUBKEY x\n"),
			 SEND("S PROGRESS touch it\n#one\r\n# two\n#\nD a%0Ab \nS EMPTY\nS K  t\n"),
			 SEND("D %25%FF\xff\r\nINQUIRE DATA for x\n"),
			 EXPECT("D a b%0A%25%C3%00\nEND\n"), SEND("INQUIRE AGAIN\n"),
			 EXPECT("D a b%0A%25%C3%00\nEND\n"), SEND("D end\nOK done\r\n")},
		.answer = {(const uint8_t *)TEXT("a b\n%\xc3\0")},
		.e = ERR_OK,
		.why = "",
		.data = "a\nb %\xff\xff"
			"end",
		.seen = "S{PROGRESS|touch it}#{|one}#{|two}#{|}S{EMPTY|}S{K| t}"
			"I{DATA|for x}I{AGAIN|}",
	});
}

Test(protocol_client, an_error)
{
	run(&(struct script){
		.steps = {SEND("OK\n"), EXPECT("PUBKEY x\n"),
			  SEND("D part\nERR 536870999 bad-pin: 2 tries left\n")},
		.e = ERR_BAD_PIN,
		.why = "2 tries left",
		.data = "part",
		.seen = "",
	});
}

Test(protocol_client, an_empty_answer)
{
	run(&(struct script){
		.steps = {SEND("OK\n"), EXPECT("PUBKEY x\n"), SEND("INQUIRE A\n"), EXPECT("END\n"),
			  SEND("OK\n")},
		.e = ERR_OK,
		.why = "",
		.data = "",
		.seen = "I{A|}",
	});
}

Test(protocol_client, no_answer_is_the_reason_that_is_given)
{
	run(&(struct script){
		.steps = {SEND("OK\n"), EXPECT("PUBKEY x\n"), SEND("INQUIRE A\n"), EXPECT("CAN\n"),
			  SEND("ERR 536871011 canceled: the client canceled\n")},
		.refuse = ERR_NO_PROMPT,
		.e = ERR_NO_PROMPT,
		.why = "the terminal is gone",
		.data = "",
		.seen = "I{A|}",
	});
	run(&(struct script){
		.steps = {SEND("OK\n"), EXPECT("PUBKEY x\n"), SEND("INQUIRE A\n"), EXPECT("CAN\n"),
			  SEND("ERR 1 device-gone: pulled meanwhile\n")},
		.refuse = ERR_NO_PROMPT,
		.e = ERR_DEVICE_GONE,
		.why = "pulled meanwhile",
		.data = "",
		.seen = "I{A|}",
	});
}

Test(protocol_client, without_calls)
{
	static const struct step steps[] = {
		SEND("# hi\nOK\n"),
		EXPECT("STATUS\n"),
		SEND("S A b\n# c\nINQUIRE PIN\n"),
		EXPECT("CAN\n"),
		SEND("ERR 536871011 canceled: canceled\n"),
	};
	pid_t pid = serve(steps, ROWS(steps), false);
	struct client *c;
	struct why why;

	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	cr_expect_eq(client_command(c, "STATUS", NULL, NULL, &why), ERR_NO_PROMPT);
	cr_expect_eq(client_fd(c) >= 0, true, "the connection is still good");
	client_close(c);
	cr_expect(served(pid));
}

/* Found by tests/fuzz/client: the reason was empty, or an older one's. */
Test(protocol_client, bug_question_that_nobody_answers_had_no_reason)
{
	static const struct step steps[] = {SEND("INQUIRE PIN\n"), EXPECT("CAN\n"),
					    SEND("ERR 536871011 canceled: canceled\n")};
	pid_t pid = serve(steps, ROWS(steps), false);
	struct why why = {"stale"};
	struct client *c;

	cr_expect_eq(client_open(&c, path, &why), ERR_NO_PROMPT);
	cr_expect(strstr(why.text, "lanyard unlock") != NULL, "%s", why.text);
	cr_expect(served(pid));
}

Test(protocol_client, hostile_replies)
{
	static const struct {
		const char *reply;
		size_t n;
		enum err e;
		const char *why;
	} rows[] = {
		{TEXT("garbage\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("\r\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("\x1b[2J\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("OKAY\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("ok\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("\rOK\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("OK\r\r\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("END\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("D\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("S\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("ERR\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("INQUIRE\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("S \n"), ERR_SYNTAX, "status line"},
		{TEXT("S  x\n"), ERR_SYNTAX, "status line"},
		{TEXT("INQUIRE \n"), ERR_SYNTAX, "INQUIRE without"},
		{TEXT("INQUIRE  x\n"), ERR_SYNTAX, "INQUIRE without"},
		{TEXT("OK\0\n"), ERR_SYNTAX, "NUL"},
		{TEXT("S A\0b\n"), ERR_SYNTAX, "NUL"},
		{TEXT("# \0\n"), ERR_SYNTAX, "NUL"},
		{TEXT("ERR 1 io: \0\n"), ERR_SYNTAX, "NUL"},
		{TEXT("D %zz\nOK\n"), ERR_SYNTAX, "bad escape"},
		{TEXT("D %\nOK\n"), ERR_SYNTAX, "bad escape"},
		{TEXT("D a\rb\nOK\n"), ERR_SYNTAX, "bad escape"},
		{TEXT("D 12345\nD 6789\nOK\n"), ERR_TOO_LARGE, "longer than 8 bytes"},
		{TEXT(""), ERR_NO_AGENT, "closed the connection"},
		{TEXT("O"), ERR_NO_AGENT, "closed the connection"},
		{TEXT("OK"), ERR_NO_AGENT, "closed the connection"},
		{TEXT("D abc\n"), ERR_NO_AGENT, "closed the connection"},
		{TEXT("S PROGRESS x\n# y\nINQ"), ERR_NO_AGENT, "closed the connection"},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct step steps[] = {SEND("OK\n"),
					     EXPECT("PUBKEY x\n"),
					     {.bytes = rows[i].reply, .n = rows[i].n}};
		pid_t pid = serve(steps, ROWS(steps), i % 2);
		struct seen seen = {.refuse = ERR_OK};
		uint8_t room[8];
		struct wbuf data = wbuf_new(room, sizeof(room));
		struct client *c;
		struct why why;

		cr_assert_eq(client_open(&c, path, &why), ERR_OK, "row %zu: %s", i, why.text);
		cr_expect_eq(command(c, &seen, &data, &why), rows[i].e, "row %zu: %s", i, why.text);
		cr_expect(strstr(why.text, rows[i].why), "row %zu: %s", i, why.text);
		cr_expect_eq(client_fd(c), -1, "row %zu: the connection stays open", i);
		cr_expect_eq(command(c, &seen, &data, &why), ERR_NO_AGENT, "row %zu", i);
		client_close(c);
		cr_expect(served(pid), "row %zu", i);
	}
}

/* An error line is hostile too, but the connection may go on after it. */
Test(protocol_client, hostile_error_lines)
{
	static const struct {
		const char *reply;
		size_t n;
		enum err e;
		const char *why;
	} rows[] = {
		{TEXT("ERR \n"), ERR_INTERNAL, "an error line that cannot be read: ERR "},
		{TEXT("ERR io: x\n"), ERR_INTERNAL, "an error line that cannot be read: ERR io: x"},
		{TEXT("ERR 0 ok: fine\n"), ERR_INTERNAL, "ok: fine"},
		{TEXT("ERR 1 nonsense\n"), ERR_INTERNAL, "nonsense"},
		{TEXT("ERR 1 io: \x1b[2J\xe2\x80\xae\r\n"), ERR_IO, "\\x1b[2J\\xe2\\x80\\xae"},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct step steps[] = {SEND("OK\n"),
					     EXPECT("PUBKEY x\n"),
					     {.bytes = rows[i].reply, .n = rows[i].n},
					     EXPECT("PUBKEY x\n"),
					     SEND("OK\n")};
		pid_t pid = serve(steps, ROWS(steps), false);
		struct seen seen = {.refuse = ERR_OK};
		struct client *c;
		struct why why;

		cr_assert_eq(client_open(&c, path, &why), ERR_OK);
		cr_expect_eq(command(c, &seen, NULL, &why), rows[i].e, "row %zu", i);
		cr_expect_str_eq(why.text, rows[i].why, "row %zu: %s", i, why.text);
		cr_expect_eq(command(c, &seen, NULL, &why), ERR_OK, "row %zu: %s", i, why.text);
		client_close(c);
		cr_expect(served(pid), "row %zu", i);
	}
}

Test(protocol_client, data_that_nobody_asked_for)
{
	static const struct step steps[] = {SEND("OK\n"), EXPECT("PUBKEY x\n"), SEND("D x\nOK\n")};
	pid_t pid = serve(steps, ROWS(steps), false);
	struct seen seen = {.refuse = ERR_OK};
	struct client *c;
	struct why why;

	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	cr_expect_eq(command(c, &seen, NULL, &why), ERR_SYNTAX);
	cr_expect(strstr(why.text, "not asked for"), "%s", why.text);
	cr_expect_eq(command(c, &seen, NULL, &why), ERR_NO_AGENT);
	client_close(c);
	cr_expect(served(pid));
}

Test(protocol_client, a_reply_too_many_is_not_the_next_ones)
{
	static const struct step steps[] = {SEND("OK\n"), EXPECT("PUBKEY x\n"), SEND("OK\nOK\n")};
	pid_t pid = serve(steps, ROWS(steps), false);
	struct seen seen = {.refuse = ERR_OK};
	struct client *c;
	struct why why;

	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	cr_expect_eq(command(c, &seen, NULL, &why), ERR_OK);
	cr_expect_eq(client_fd(c), -1);
	cr_expect_eq(command(c, &seen, NULL, &why), ERR_NO_AGENT);
	client_close(c);
	cr_expect(served(pid));
}

Test(protocol_client, an_agent_that_has_gone_does_not_end_the_program)
{
	static const struct step steps[] = {SEND("OK\n")};
	pid_t pid = serve(steps, ROWS(steps), false);
	struct client *c;
	struct why why;

	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	cr_assert(served(pid));
	cr_expect_eq(client_command(c, "STATUS", NULL, NULL, &why), ERR_NO_AGENT);
	cr_expect_str_eq(why.text, "the agent closed the connection");
	cr_expect_eq(client_fd(c), -1);
	client_close(c);
}

Test(protocol_client, line_length_limit)
{
	static char reply[LINE_LEN_MAX + 8];

	for (size_t n = LINE_LEN_MAX - 1; n <= LINE_LEN_MAX + 2; n++) {
		/* "S K xxx…" of n bytes, and OK */
		memset(reply, 'x', sizeof(reply));
		memcpy(reply, "S K ", 4);
		memcpy(reply + n, "\nOK\n", 4);
		const struct step steps[] = {
			SEND("OK\n"), EXPECT("PUBKEY x\n"), {.bytes = reply, .n = n + 4}};
		pid_t pid = serve(steps, ROWS(steps), false);
		struct client *c;
		struct why why;
		enum err want = n <= LINE_LEN_MAX ? ERR_OK : ERR_SYNTAX;

		cr_assert_eq(client_open(&c, path, &why), ERR_OK);
		cr_expect_eq(client_command(c, "PUBKEY x", NULL, NULL, &why), want, "%zu", n);
		cr_expect_eq(want == ERR_OK || strstr(why.text, "1000 bytes"), true, "%zu", n);
		client_close(c);
		cr_expect(served(pid));
	}
}

Test(protocol_client, commands_that_cannot_be_sent)
{
	static const struct step steps[] = {SEND("OK\n"), EXPECT("PUBKEY x\n"), SEND("OK\n")};
	pid_t pid = serve(steps, ROWS(steps), false);
	struct seen seen = {.refuse = ERR_OK};
	struct client *c;
	struct why why;
	char text[LINE_LEN_MAX + 2];

	memset(text, 'x', sizeof(text));
	text[LINE_LEN_MAX + 1] = '\0';
	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	cr_expect_eq(client_command(c, text, NULL, NULL, &why), ERR_TOO_LARGE);
	cr_expect(strstr(why.text, "1001"), "%s", why.text);
	cr_expect_eq(client_command(c, "BYE\nPUBKEY x", NULL, NULL, &why), ERR_INVALID);
	cr_expect_eq(client_command(c, "BYE\r", NULL, NULL, &why), ERR_INVALID);
	cr_expect_eq(command(c, &seen, NULL, &why), ERR_OK, "%s", why.text);
	client_close(c);
	cr_expect(served(pid));
}

/* Reads one long answer and says OK when it is `n` bytes of a known pattern. */
static void serve_long_answer(int listener, size_t n)
{
	static char line[LINE_LEN_MAX + 2];
	static uint8_t back[LINE_DATA_MAX];
	struct wbuf out = wbuf_new(back, sizeof(back));
	int fd = accept(listener, NULL, NULL);
	FILE *in = fdopen(fd, "r");

	(void)!write(fd, "OK\n", 3);
	if (!fgets(line, sizeof(line), in) || write(fd, "INQUIRE DATA\n", 13) != 13)
		_exit(1);
	while (fgets(line, sizeof(line), in) && strcmp(line, "END\n") != 0)
		if (strncmp(line, "D ", 2) != 0 || !strchr(line, '\n') ||
		    line_decode(&out, line + 2, strlen(line) - 3) != ERR_OK)
			_exit(2);
	for (size_t i = 0; i < out.n; i++)
		if (back[i] != (uint8_t)i)
			_exit(3);
	_exit(out.n == n && write(fd, "OK\n", 3) == 3 ? 0 : 4);
}

Test(protocol_client, the_longest_answer)
{
	static uint8_t data[LINE_DATA_MAX];
	struct seen seen = {.answer = {.p = data, .n = sizeof(data)}};
	struct client *c;
	struct why why;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	int listener = listen_at(path);
	cr_assert_geq(listener, 0);
	pid_t pid = fork();
	if (pid == 0)
		serve_long_answer(listener, sizeof(data));
	close(listener);
	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	cr_expect_eq(command(c, &seen, NULL, &why), ERR_OK, "%s", why.text);
	client_close(c);
	cr_expect(served(pid));
}

Test(protocol_client, an_answer_that_is_too_long)
{
	static uint8_t data[LINE_DATA_MAX + 1];

	run(&(struct script){
		.steps = {SEND("OK\n"), EXPECT("PUBKEY x\n"), SEND("INQUIRE A\n"), EXPECT("CAN\n"),
			  SEND("ERR 536871011 canceled: canceled\n")},
		.answer = {.p = data, .n = sizeof(data)},
		.e = ERR_TOO_LARGE,
		.why = "more than 262144 bytes for A",
		.data = "",
		.seen = "I{A|}",
	});
}

/* Everything that the client has lies in one mapping, of which the answer's buffer is a part. */
static bool holds(const struct client *c, const char *text)
{
	return memmem(c, LINE_DATA_MAX, text, strlen(text)) != NULL;
}

Test(protocol_client, nothing_stays_in_memory)
{
	/* In the middle of its line, so that the next one does not hide it. */
	static const struct step steps[] = {
		SEND("OK\n"),
		EXPECT("PUBKEY x\n"),
		SEND("INQUIRE PIN\n"),
		EXPECT("D 0000000000271828\nEND\n"),
		SEND("D 0000000000314159\nOK\n"),
	};
	pid_t pid = serve(steps, ROWS(steps), false);
	struct seen seen = {.answer = {.p = (const uint8_t *)"0000000000271828", .n = 16}};
	char room[17] = "";
	struct wbuf data = wbuf_new(room, sizeof(room));
	struct client *c;
	struct why why;

	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	cr_expect_eq(command(c, &seen, &data, &why), ERR_OK);
	cr_expect_str_eq(room, "0000000000314159");
	cr_expect_not(holds(c, "314159"));
	cr_expect_not(holds(c, "271828"));
	client_close(c);
	cr_expect(served(pid));
}

Test(protocol_client, greetings)
{
	static const struct {
		const char *greeting;
		size_t n;
		enum err e;
		const char *why;
	} rows[] = {
		{TEXT("OK\n"), ERR_OK, ""},
		{TEXT("ERR 1 shutdown: it ends\n"), ERR_SHUTDOWN, "it ends"},
		{TEXT(""), ERR_NO_AGENT, "closed"},
		{TEXT("SSH-2.0-OpenSSH\r\n"), ERR_SYNTAX, "unknown kind"},
		{TEXT("D x\nOK\n"), ERR_SYNTAX, "not asked for"},
		{TEXT("\0\0\0\x01\x05"), ERR_NO_AGENT, "closed"},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct step steps[] = {{.bytes = rows[i].greeting, .n = rows[i].n}};
		pid_t pid = serve(steps, ROWS(steps), false);
		struct why why = {.text = ""};
		struct client *c;

		cr_expect_eq(client_open(&c, path, &why), rows[i].e, "row %zu: %s", i, why.text);
		cr_expect(strstr(why.text, rows[i].why), "row %zu: %s", i, why.text);
		cr_expect_eq(c != NULL, rows[i].e == ERR_OK);
		client_close(c);
		cr_expect(served(pid));
	}
}

/* ---- commands ahead of their answers ---- */

static void expect_answer(struct client *c, enum err e, const char *text)
{
	char room[16] = "";
	struct wbuf data = wbuf_new(room, sizeof(room) - 1);
	struct why why = {0};

	cr_expect_eq(client_answer(c, &data, NULL, &why), e, "%s", why.text);
	cr_expect_str_eq(e == ERR_OK ? room : why.text, text);
}

Test(protocol_client, answers_come_in_order)
{
	static const struct step steps[] = {
		SEND("OK\n"),  EXPECT("A\nB\nC\n"),  SEND("D 1\nOK\nERR 1 refused: no\nD 2\nO"),
		EXPECT("D\n"), SEND("K\nD 3\nOK\n"), EXPECT("E\n"),
		SEND("OK\n"),
	};

	for (int slow = 0; slow < 2; slow++) {
		pid_t pid = serve(steps, ROWS(steps), slow != 0);
		struct client *c;
		struct why why;

		cr_assert_eq(client_open(&c, path, &why), ERR_OK);
		cr_expect_eq(client_answer(c, NULL, NULL, &why), ERR_INTERNAL);
		cr_expect_eq(client_send(c, "A", &why), ERR_OK);
		cr_expect_eq(client_send(c, "B", &why), ERR_OK);
		cr_expect_eq(client_send(c, "C", &why), ERR_OK);
		cr_expect_eq(client_ahead(c), 3);
		cr_expect_eq(client_command(c, "E", NULL, NULL, &why), ERR_INTERNAL);
		expect_answer(c, ERR_OK, "1");
		cr_expect_eq(client_send(c, "D", &why), ERR_OK);
		expect_answer(c, ERR_REFUSED, "no");
		expect_answer(c, ERR_OK, "2");
		expect_answer(c, ERR_OK, "3");
		cr_expect_eq(client_command(c, "E", NULL, NULL, &why), ERR_OK, "%s", why.text);
		client_close(c);
		cr_expect(served(pid));
	}
}

/* What follows a command would be its answer to a question. */
Test(protocol_client, no_question_while_commands_follow)
{
	static const struct step steps[] = {SEND("OK\n"), EXPECT("A\nB\n"),
					    SEND("INQUIRE PIN x\n")};
	pid_t pid = serve(steps, ROWS(steps), false);
	struct client *c;
	struct why why;

	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	cr_expect_eq(client_send(c, "A", &why), ERR_OK);
	cr_expect_eq(client_send(c, "B", &why), ERR_OK);
	cr_expect_eq(client_answer(c, NULL, NULL, &why), ERR_SYNTAX);
	cr_expect(strstr(why.text, "next commands"), "%s", why.text);
	cr_expect_eq(client_ahead(c), 0);
	cr_expect_eq(client_answer(c, NULL, NULL, &why), ERR_NO_AGENT);
	client_close(c);
	cr_expect(served(pid));
}

/* One reply more than commands is nobody's, and commands that are not answered are lost. */
Test(protocol_client, replies_and_commands_ahead)
{
	static const struct step steps[] = {SEND("OK\n"), EXPECT("A\nB\n"), SEND("OK\nOK\nOK\n")};
	static const struct step lost[] = {SEND("OK\n"), EXPECT("A\nB\n"), SEND("OK\n")};
	char text[LINE_LEN_MAX + 1];
	struct client *c;
	struct why why;

	for (int i = 0; i < 2; i++) {
		pid_t pid = i == 0 ? serve(steps, ROWS(steps), false)
				   : serve(lost, ROWS(lost), false);

		cr_assert_eq(client_open(&c, path, &why), ERR_OK);
		cr_expect_eq(client_send(c, "A", &why), ERR_OK);
		cr_expect_eq(client_send(c, "B", &why), ERR_OK);
		cr_expect_eq(client_answer(c, NULL, NULL, &why), ERR_OK);
		cr_expect_eq(client_answer(c, NULL, NULL, &why), i == 0 ? ERR_OK : ERR_NO_AGENT);
		cr_expect_eq(client_fd(c), -1);
		client_close(c);
		cr_expect(served(pid));
	}
	/* The most, each of the greatest length: nothing waits for nothing. */
	memset(text, 'x', LINE_LEN_MAX);
	text[LINE_LEN_MAX] = '\0';
	int listener = listen_at(path);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = accept(listener, NULL, NULL);

		(void)!write(fd, "OK\n", 3);
		for (int i = 0, n = 0; i < CLIENT_AHEAD_MAX * (LINE_LEN_MAX + 1); i += n)
			if ((n = (int)read(fd, text, sizeof(text))) <= 0)
				_exit(1);
		for (int i = 0; i < CLIENT_AHEAD_MAX; i++)
			(void)!write(fd, "OK\n", 3);
		_exit(0);
	}
	close(listener);
	cr_assert_eq(client_open(&c, path, &why), ERR_OK);
	for (int i = 0; i < CLIENT_AHEAD_MAX; i++)
		cr_expect_eq(client_send(c, text, &why), ERR_OK);
	cr_expect_eq(client_send(c, "A", &why), ERR_INTERNAL);
	for (int i = 0; i < CLIENT_AHEAD_MAX; i++)
		cr_expect_eq(client_answer(c, NULL, NULL, &why), ERR_OK, "%d: %s", i, why.text);
	client_close(c);
	cr_expect(served(pid));
}
