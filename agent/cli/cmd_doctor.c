/* SPDX-License-Identifier: MIT */
/* `lanyard doctor`. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/cli/doctor.h"
#include "agent/cli/tables.h"
#include "protocol/text.h"

#define START "systemctl --user enable --now lanyard-agent, or: eval \"$(lanyard-agent)\""

/* What is printed, and what the agent says of itself. */
struct visit {
	const struct cli *cli;
	unsigned printed, todo;
	char mlock[LINE_LEN_MAX + 1], pinentry[LINE_LEN_MAX + 1], logind[LINE_LEN_MAX + 1];
};

static void print_json(const char *name, const char *text)
{
	char quoted[8 * 1024];

	text_json(quoted, sizeof(quoted), text, strlen(text));
	printf("\"%s\": %s", name, quoted);
}

static void visit_found(void *arg, const char *check, enum doctor_state state, const char *says,
			const char *type)
{
	struct visit *v = arg;

	v->todo += state == DOCTOR_TODO;
	if (v->cli->json) {
		fputs(v->printed++ == 0 ? "[\n  {" : ",\n  {", stdout);
		print_json("check", check);
		fputs(", ", stdout);
		print_json("state", doctor_state_name(state));
		fputs(", ", stdout);
		print_json("says", says);
		fputs(", ", stdout);
		if (type[0] != '\0')
			print_json("type", type);
		else
			fputs("\"type\": null", stdout);
		putchar('}');
		return;
	}
	v->printed++;
	printf("%-5s %-14s %s\n", doctor_state_name(state), check, says);
	if (type[0] != '\0')
		printf("%-20s type: %s\n", "", type);
}

/* ---- the agent ---- */

static void visit_status(void *arg, const char *keyword, const char *text)
{
	struct visit *v = arg;
	struct line words;
	char *to = strcmp(keyword, "MLOCK") == 0      ? v->mlock
		   : strcmp(keyword, "PINENTRY") == 0 ? v->pinentry
		   : strcmp(keyword, "LOGIND") == 0   ? v->logind
						      : NULL;

	if (to != NULL && cli_status_words(&words, keyword, text) == ERR_OK &&
	    line_operands(&words) == 1)
		snprintf(to, LINE_LEN_MAX + 1, "%s", line_operand(&words, 0));
}

static void check_socket(const struct doctor *d, const char *path)
{
	char type[SOCKET_PATH_MAX + 32];
	struct stat st;

	snprintf(type, sizeof(type), "chmod 600 %s", path);
	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		doctor_say(d, "sockets", DOCTOR_TODO, START, "there is no socket %s", path);
	else if (st.st_uid != geteuid())
		doctor_say(d, "sockets", DOCTOR_TODO, START, "%s is not this user's", path);
	else if ((st.st_mode & 077) != 0)
		doctor_say(d, "sockets", DOCTOR_TODO, type, "%s is open to others: mode %o", path,
			   (unsigned)st.st_mode & 0777);
	else
		doctor_say(d, "sockets", DOCTOR_OK, NULL, "%s is there", path);
}

static void check_agent(const struct doctor *d, struct visit *v, const char *path)
{
	const struct client_calls calls = {.status = visit_status, .arg = v};
	struct client *c;
	struct why why = {0};
	enum err e = client_open(&c, path, &why);

	if (e != ERR_OK) {
		doctor_say(d, "agent", DOCTOR_TODO, START, "no agent answers: %s",
			   why_text(&why, e));
		doctor_say(d, "config", DOCTOR_NOTE, "lanyard-agent -D",
			   "the configuration is read when the agent starts; an error in it is "
			   "said then, with its line");
		return;
	}
	e = client_command(c, "STATUS", NULL, &calls, &why);
	if (e != ERR_OK) {
		doctor_say(d, "agent", DOCTOR_TODO, "lanyard-agent -k; lanyard-agent",
			   "the agent answers with an error: %s", why_text(&why, e));
		client_close(c);
		return;
	}
	doctor_say(d, "agent", DOCTOR_OK, NULL, "an agent answers");
	if (strcmp(v->mlock, "ok") == 0)
		doctor_say(d, "mlock", DOCTOR_OK, NULL, "secrets are in locked memory");
	else
		doctor_say(d, "mlock", DOCTOR_TODO,
			   "echo \"$USER - memlock 8192\" | sudo tee /etc/security/limits.d/"
			   "lanyard.conf",
			   "%s", v->mlock);
	if (strcmp(v->logind, "ok") == 0)
		doctor_say(d, "logind", DOCTOR_OK, NULL, "logind is watched, as lock-on says");
	else
		doctor_say(d, "logind", DOCTOR_NOTE, "lanyard lock",
			   "neither sleep nor the session's lock locks the agent: %s",
			   strcmp(v->logind, "off") == 0 ? "lock-on is {}" : v->logind);
	e = client_command(c, "RELOAD --dry-run", NULL, NULL, &why);
	if (e == ERR_OK)
		doctor_say(d, "config", DOCTOR_OK, NULL, "the configuration has no error");
	else
		doctor_say(d, "config", DOCTOR_TODO, "man lanyard.conf", "%s", why_text(&why, e));
	client_close(c);
}

static const char *root(void)
{
#ifdef LANYARD_TEST
	if (getenv("LANYARD_TEST_ROOT") != NULL)
		return getenv("LANYARD_TEST_ROOT");
#endif
	return "";
}

static int run_doctor(struct cli *cli)
{
	char agent[SOCKET_PATH_MAX + 1], ssh[SOCKET_PATH_MAX + 1];
	struct visit v = {.cli = cli};
	struct doctor d = {.root = root(), .found = visit_found, .arg = &v};
	struct why why = {0};
	enum err e = client_socket_path(agent, cli->socket_dir, "agent.sock", &why);
	bool ours;

	if (e == ERR_OK)
		e = client_socket_path(ssh, cli->socket_dir, "ssh.sock", &why);
	if (e != ERR_OK)
		return cli_error(cli, e, &why);
	check_socket(&d, agent);
	check_socket(&d, ssh);
	check_agent(&d, &v, agent);
	d.hears_of_sleep = strcmp(v.logind, "ok") == 0;
	ours = doctor_auth_sock(&d, getenv("SSH_AUTH_SOCK"), ssh,
				doctor_ssh_config(&d, getenv("HOME"), ssh));
	doctor_others(&d, !ours);
	doctor_pinentry(&d, getenv("PATH"), v.pinentry[0] == '/' ? v.pinentry : NULL);
	doctor_usb(&d);
	doctor_swap(&d);
	doctor_machine(&d);
	if (cli->json)
		puts("\n]");
	return v.todo > 0 ? 1 : 0;
}

const struct command cmd_doctor[] = {
	{
		.noun = "doctor",
		.args = "",
		.help = "what is in the agent's way on this machine, and what to type",
		.run = run_doctor,
		.json = true,
	},
	{.noun = NULL},
};
