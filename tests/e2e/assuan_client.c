/* SPDX-License-Identifier: MIT */
/*
 * A client made with libassuan, as other programs would make one: assuan_client SOCKET URI DATA
 * says HELLO, prints the public key of URI and its signature of DATA in hexadecimal, then asks for
 * something refused and prints what libgpg-error makes of the error.
 */
#include <assuan.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct session {
	assuan_context_t context;
	const char *data;
	bool hex;
};

static gpg_error_t on_data(void *arg, const void *p, size_t n)
{
	const struct session *s = arg;

	for (size_t i = 0; i < n; i++)
		printf(s->hex ? "%02x" : "%c", ((const unsigned char *)p)[i]);
	return 0;
}

static gpg_error_t on_inquire(void *arg, const char *line)
{
	const struct session *s = arg;

	if (strcmp(line, "DATA") != 0)
		return gpg_error(GPG_ERR_ASS_UNKNOWN_INQUIRE);
	return assuan_send_data(s->context, s->data, strlen(s->data));
}

static gpg_error_t on_status(void *arg, const char *line)
{
	(void)arg;
	printf("status %s\n", line);
	return 0;
}

/* One command; its data on a line of its own. */
static gpg_error_t command(struct session *s, bool hex, const char *verb, const char *words)
{
	char line[ASSUAN_LINELENGTH];
	gpg_error_t error;

	s->hex = hex;
	snprintf(line, sizeof(line), "%s %s", verb, words);
	error = assuan_transact(s->context, line, on_data, s, on_inquire, s, on_status, s);
	printf("\n%s: source %s, code %d (%s)\n", verb, error != 0 ? gpg_strsource(error) : "none",
	       (int)gpg_err_code(error), gpg_strerror(error));
	return error;
}

int main(int argc, char **argv)
{
	struct session s = {.data = argc == 4 ? argv[3] : ""};
	gpg_error_t error;

	if (argc != 4) {
		fputs("usage: assuan_client SOCKET URI DATA\n", stderr);
		return 2;
	}
	setlocale(LC_ALL, "C");
	gpgrt_check_version(NULL);
	error = assuan_new(&s.context);
	if (error == 0)
		error = assuan_socket_connect(s.context, argv[1], ASSUAN_INVALID_PID, 0);
	if (error == 0)
		error = command(&s, false, "HELLO", "1");
	if (error == 0)
		error = command(&s, false, "PUBKEY", argv[2]);
	if (error == 0)
		error = command(&s, true, "SIGN", argv[2]);
	if (error != 0) {
		fprintf(stderr, "assuan_client: %s\n", gpg_strerror(error));
		return 1;
	}
	(void)command(&s, true, "SECRET", argv[2]);
	assuan_release(s.context);
	return 0;
}
