/* SPDX-License-Identifier: MIT */
/* agent/cli: what commands send, ask and print, with an agent that follows a script. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/cli/cli.h"

enum { WORDS_MAX = 16 };

static char dir[] = "/tmp/lanyard-cli-XXXXXX";
static char sock[64], passphrase[64];
static pid_t agent;

/* A line of the script that starts with '>' is sent without it, one with '<' is expected. */
static void serve(int listener, const char *const *script)
{
	FILE *f = fdopen(accept(listener, NULL, NULL), "r+");
	char line[4096];

	alarm(20);
	setvbuf(f, NULL, _IONBF, 0);
	for (; *script; script++) {
		if (**script == '>') {
			fputs(*script + 1, f);
		} else if (!fgets(line, sizeof(line), f) || strcmp(line, *script + 1) != 0) {
			fprintf(stderr, "the agent got \"%s\", not \"%s\"\n", line, *script + 1);
			_exit(1);
		}
	}
	_exit(0);
}

static void start_agent(const char *const *script)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, sock);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	agent = fork();
	if (agent == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener, script);
	}
	close(listener);
}

/* Runs `line` (an underscore stands for a space in a word, "FILE" for the passphrase file) against
 * an agent that then must have seen the whole script. Returns the exit status. */
static int run(const char *line, const char *const *script)
{
	char text[1000], *words[WORDS_MAX];
	int n = 0, status, exit_status;

	start_agent(script);
	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok(text, " "); w; w = strtok(NULL, " ")) {
		for (char *c = w; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		words[n++] = strcmp(w, "FILE") == 0 ? passphrase : w;
	}
	words[n] = NULL;
	exit_status = cli_main(cli_tables, n, words);
	fflush(stdout);
	fflush(stderr);
	cr_assert_eq(waitpid(agent, &status, 0), agent);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", line);
	return exit_status;
}

static void set_up(void)
{
	FILE *f;

	cr_assert_eq(secret_start(NULL), ERR_OK);
	cr_assert_not_null(mkdtemp(dir));
	snprintf(sock, sizeof(sock), "%s/agent.sock", dir);
	snprintf(passphrase, sizeof(passphrase), "%s/passphrase", dir);
	f = fopen(passphrase, "w");
	cr_assert_not_null(f);
	fputs("open sesame\r\nand a line that is not part of it\n", f);
	fclose(f);
	setenv("LANYARD_SOCK", sock, 1);
	cr_redirect_stdout();
	cr_redirect_stderr();
}

static void tear_down(void)
{
	unlink(sock);
	unlink(passphrase);
	rmdir(dir);
}

TestSuite(cli_run, .init = set_up, .fini = tear_down);

#define HELLO ">OK lanyard ready\n"
#define BYTES "0123456789abcdef0123456789abcdef"
#define HEX   "30313233343536373839616263646566"

Test(cli_run, sign_sends_the_data_and_prints_hex)
{
	static const char *const script[] = {
		HELLO,
		"<SIGN --device=soft:a --index=1 --curve=nist256p1 --visual=two%20words "
		"x://a%20b\n",
		">S INQUIRE_MAXLEN 262144\nINQUIRE DATA\n",
		"<D %00%FFA%25\n",
		"<END\n",
		">D " BYTES BYTES "\nOK\n",
		NULL,
	};

	cr_assert_eq(
		run("lanyard sign x://a_b 00ff4125 -d soft:a -i1 -k nist256p1 --visual two_words",
		    script),
		0);
	cr_assert_stdout_eq_str(HEX HEX HEX HEX "\n");
	cr_assert_stderr_eq_str("");
}

Test(cli_run, a_signature_of_another_length_is_not_printed)
{
	static const char *const script[] = {
		HELLO, "<SIGN x://a\n", ">INQUIRE DATA\n", "<D A\n", "<END\n", ">D " BYTES "\nOK\n",
		NULL,
	};

	cr_assert_eq(run("lanyard sign x://a 41", script), 1);
	cr_assert_stdout_eq_str("");
	cr_assert_stderr_eq_str("lanyard: the agent's answer has 32 bytes, not 64\n");
}

Test(cli_run, secret_and_pubkey)
{
	static const char *const secret[] = {HELLO, "<SECRET secret://a\n", ">D " BYTES "\nOK\n",
					     NULL};
	static const char *const pubkey[] = {HELLO, "<PUBKEY --raw --ecdh x://a\n",
					     ">S KEY x\nD 00ff\nOK\n", NULL};
	static const char *const evil[] = {HELLO, "<PUBKEY x://a\n", ">D ssh-ed25519%0Aroot\nOK\n",
					   NULL};

	cr_assert_eq(run("lanyard secret secret://a", secret), 0);
	unlink(sock);
	cr_assert_eq(run("lanyard pubkey x://a --ecdh --raw", pubkey), 0);
	unlink(sock);
	cr_assert_eq(run("lanyard pubkey x://a", evil), 1);
	cr_assert_stdout_eq_str(HEX HEX "\n00ff\n");
	cr_assert_stderr_eq_str("lanyard: the agent's answer is no public key\n");
}

Test(cli_run, a_passphrase_comes_from_the_first_line_of_its_file)
{
	static const char *const script[] = {
		HELLO,
		"<UNLOCK soft:a\n",
		">INQUIRE PASSPHRASE passphrase of soft:a\n",
		"<D open sesame\n",
		"<END\n",
		">OK\n",
		NULL,
	};

	cr_assert_eq(run("lanyard unlock soft:a --passphrase-file FILE", script), 0);
	cr_assert_stderr_eq_str("");
}

Test(cli_run, a_wrong_passphrase_file_is_tried_once)
{
	static const char *const script[] = {
		HELLO,
		"<UNLOCK soft:a\n",
		">INQUIRE PASSPHRASE of soft:a\n",
		"<D open sesame\n",
		"<END\n",
		">S AGAIN PASSPHRASE\nINQUIRE PASSPHRASE of soft:a\n",
		"<CAN\n",
		">ERR 1 canceled: canceled\n",
		NULL,
	};
	char message[200];

	cr_assert_eq(run("lanyard unlock -d soft:a --passphrase-file FILE", script), 1);
	snprintf(message, sizeof(message), "lanyard: the passphrase in %s is wrong\n", passphrase);
	cr_assert_stderr_eq_str(message);
}

/* A confirmation is never for a client to give, and data only for the command that has some. */
Test(cli_run, other_inquiries_are_refused)
{
	static const char *const confirm[] = {
		HELLO, "<LOCK\n", ">INQUIRE CONFIRM ok?\n", "<CAN\n", ">ERR 1 canceled: canceled\n",
		NULL};
	static const char *const data[] = {
		HELLO,    "<SECRET secret://a\n",        ">INQUIRE DATA\n",
		"<CAN\n", ">ERR 1 canceled: canceled\n", NULL};

	cr_assert_eq(run("lanyard lock -y", confirm), 1);
	unlink(sock);
	cr_assert_eq(run("lanyard secret secret://a", data), 1);
	cr_assert_stderr_eq_str(
		"lanyard: the agent asks for CONFIRM, which this program cannot answer\n"
		"lanyard: the agent asks for DATA, which this program cannot answer\n");
}

#define TWO                                                                                        \
	">S CANDIDATE 0 aa11 soft:home\nS CANDIDATE 1 bb22 soft:work\n"                            \
	"ERR 1 ambiguous: 2 devices match\n"

static const struct {
	const char *line, *sent;
	const char *before, *after; /* the device, in the command that is shown */
} ambiguous[] = {
	{"lanyard pubkey ssh://a --raw", "<PUBKEY --raw ssh://a\n", "pubkey -d ", " ssh://a --raw"},
	{"lanyard ssh rm git@a", "<REMOVE ssh://git@a\n", "ssh rm -d ", " git@a"},
	{"lanyard ssh -y rm a", "<REMOVE ssh://a\n", "ssh -d ", " -y rm a"},
	{"lanyard pubkey -d soft: ssh://a", "<PUBKEY --device=soft: ssh://a\n", "pubkey -d ",
	 " ssh://a"},
	{"lanyard pubkey -ydsoft: ssh://a", "<PUBKEY --device=soft: ssh://a\n", "pubkey -yd",
	 " ssh://a"},
	{"lanyard pubkey ssh://a --device=x", "<PUBKEY --device=x ssh://a\n",
	 "pubkey ssh://a --device=", ""},
	{"lanyard secret secret://a#'$x", "<SECRET secret://a#'$x\n", "secret -d ",
	 " 'secret://a#'\\''$x'"},
	{"lanyard unlock", "<UNLOCK\n", "unlock -d ", ""},
	{"lanyard unlock soft:", "<UNLOCK soft:\n", "unlock ", ""},
};

Test(cli_run, several_devices_give_the_command_for_each)
{
	char expect[4096];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(ambiguous) / sizeof(*ambiguous); i++) {
		const char *const script[] = {HELLO, ambiguous[i].sent, TWO, NULL};

		cr_assert_eq(run(ambiguous[i].line, script), 1);
		unlink(sock);
		n += (size_t)snprintf(expect + n, sizeof(expect) - n,
				      "lanyard: 2 devices match\nchoose one:\n"
				      "  lanyard %saa11%s    # soft:home\n"
				      "  lanyard %sbb22%s    # soft:work\n",
				      ambiguous[i].before, ambiguous[i].after, ambiguous[i].before,
				      ambiguous[i].after);
	}
	cr_assert_stderr_eq_str(expect);
}

Test(cli_run, candidates_with_one_serial_are_told_apart_by_index)
{
	static const char *const script[] = {
		HELLO, "<LOCK\n",
		">S CANDIDATE 3 aa soft:x\nS CANDIDATE 4 aa fido:x%1b[2J\nERR 1 ambiguous: two\n",
		NULL};

	cr_assert_eq(run("lanyard lock", script), 1);
	cr_assert_stderr_eq_str("lanyard: two\nchoose one:\n  lanyard lock -d 3    # soft:x\n"
				"  lanyard lock -d 4    # fido:x\\x1b[2J\n");
}

Test(cli_run, devices_as_a_table_and_as_json)
{
#define DEVICES                                                                                    \
	">S DEVICE 0 aa11 soft home locked agent\n"                                                \
	"S ABOUT 1 An%20\"One%1b\nS DEVICE 1 b%22b soft a%1bb ready agent\nOK\n"
	static const char *const script[] = {HELLO, "<DEVICES\n", DEVICES, NULL};

	cr_assert_eq(run("lanyard devices", script), 0);
	unlink(sock);
	cr_assert_eq(run("lanyard devices --json", script), 0);
	cr_assert_stdout_eq_str(
		"INDEX SERIAL                DEVICE                    STATE   CUSTODY\n"
		"0     aa11                  soft:home                 locked  agent\n"
		"1     b\"b                   soft:a\\x1bb               ready   agent  An "
		"\"One\\x1b\n"
		"[\n  {\"index\": 0, \"serial\": \"aa11\", \"driver\": \"soft\", \"label\": "
		"\"home\","
		" \"state\": \"locked\", \"custody\": \"agent\"},\n"
		"  {\"index\": 1, \"serial\": \"b\\\"b\", \"driver\": \"soft\", \"label\":"
		" \"a\\u001bb\", \"state\": \"ready\", \"custody\": \"agent\", "
		"\"about\": \"An \\\"One\\u001b\"}\n]\n");
}

Test(cli_run, no_devices)
{
	static const char *const script[] = {HELLO, "<DEVICES\n", ">OK\n", NULL};

	cr_assert_eq(run("lanyard devices", script), 0);
	unlink(sock);
	cr_assert_eq(run("lanyard devices --json", script), 0);
	cr_assert_stdout_eq_str("[]\n");
	cr_assert_stderr_eq_str("no device; `lanyard soft init` makes a software device, "
				"`lanyard soft list` says why one that is there is not used\n");
}

Test(cli_run, a_device_that_is_not_listed_is_said)
{
	static const char *const script[] = {
		HELLO, "<DEVICES\n", ">S UNUSABLE no%20access%1b\nS UNUSABLE two%20\nOK\n", NULL};

	cr_assert_eq(run("lanyard devices", script), 0);
	cr_assert_stdout_eq_str("");
	cr_assert_stderr_eq_str("lanyard: no access\\x1b\nlanyard: two \n");
}

Test(cli_run, status_as_lines_and_as_json)
{
	static const char *const script[] = {HELLO, "<STATUS\n",
					     ">S VERSION 0.1.0\nS PROTOCOL 1\nS PID 42\nS LOCKED "
					     "partly auth sign\nS NEW thing\nS SOCKET /a%20b\n"
					     "S MLOCK ok\nOK\n",
					     NULL};

	cr_assert_eq(run("lanyard status", script), 0);
	unlink(sock);
	cr_assert_eq(run("lanyard status --json", script), 0);
	cr_assert_stdout_eq_str(
		"version        0.1.0\nprotocol       1\nprocess        42\n"
		"locked         partly: auth, sign\nagent socket   /a b\nmemory lock    ok\n"
		"{\n  \"version\": \"0.1.0\",\n  \"protocol\": 1,\n  \"pid\": 42,\n"
		"  \"locked\": false,\n  \"locked_classes\": [\"auth\", \"sign\"],\n"
		"  \"socket\": \"/a b\",\n  \"mlock\": \"ok\"\n}\n");
}

Test(cli_run, another_spelling_of_the_same_place_is_said)
{
	static const char *const script[] = {HELLO, "<PUBKEY ssh://a:22\n",
					     ">S NEAR ssh://a\nD ssh-ed25519 AAAA\nOK\n", NULL};

	cr_assert_eq(run("lanyard pubkey ssh://a:22", script), 0);
	cr_assert_stdout_eq_str("ssh-ed25519 AAAA\n");
	cr_assert_stderr_eq_str("lanyard: warning: ssh://a is in use too; this is another key\n");
}

Test(cli_run, without_an_agent)
{
	char command[] = "status", program[] = "lanyard";
	char *words[] = {program, command, NULL};

	cr_assert_eq(cli_main(cli_tables, 2, words), 1);
	fflush(stdout);
	cr_assert_stdout_eq_str("");
}
